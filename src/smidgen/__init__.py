"""smidgen: from a program to the smallest correct container image."""

from smidgen._version import __version__

__all__ = ["__version__"]
