"""Dockerfiles: read, planned, and executed without a daemon."""
