"""Readers of executables: pure functions over bytes."""
