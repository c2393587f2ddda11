"""Every byte of an executable, given to whoever brought it."""
