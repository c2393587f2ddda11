"""Images from one place to another: registries, the store, layouts, archives, engines."""
