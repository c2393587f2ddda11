"""Lint: what a Dockerfile of a Go program does that makes its image larger, slower, less safe, or wrong."""
