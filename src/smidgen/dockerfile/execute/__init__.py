"""Carrying out a plan: keys, layers, commands, images."""
