"""Layers and files: where the bytes of an image are, which of them nobody can reach, how two images differ."""
