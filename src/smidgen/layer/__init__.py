"""Layers: reproducible tar, compression, safe unpacking."""
