"""The probe: a static program of a few KB that asks a server for its health, for images without a shell or curl."""
