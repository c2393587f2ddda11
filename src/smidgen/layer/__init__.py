"""Layers: reproducible tar, compression, whiteouts, safe unpacking.

Source: OCI image-spec v1.1.1, ``layer.md``. Import the modules themselves; nothing is loaded here.
"""
