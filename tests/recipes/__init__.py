"""The recipes of the how-to pages, against the libraries that they are for."""
