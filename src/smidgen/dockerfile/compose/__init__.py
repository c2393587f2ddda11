"""Compose files: what their services say of how their images are built.

Source: Compose Specification, "Compose Build Specification" and "Interpolation".
"""
