"""The HTTP handlers; `routes` is their table of contents."""
