"""Configuration files: smidgen.yaml and .ko.yaml."""
