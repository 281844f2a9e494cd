"""Where instep meets other libraries."""
