"""Images: immutable views, and functions that make new ones."""
