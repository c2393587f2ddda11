"""Go packages to binaries to images."""
