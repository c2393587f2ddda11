"""Looks at a project's sources, and writes the files that it is built with."""
