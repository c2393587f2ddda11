"""A client of registries: transport, credentials, and the images that go through them."""
