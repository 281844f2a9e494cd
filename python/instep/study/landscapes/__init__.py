"""Paths on functions of two variables, and how long a saddle holds."""
