"""The journey of a Go program from an image with its whole toolchain to the smallest one, each station measured."""
