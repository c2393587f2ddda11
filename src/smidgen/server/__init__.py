"""A small registry over the content store: images are pushed into it and pulled out of it.

Source: OCI distribution-spec v1.1.1. For this machine and its clusters: one user, or none, and no rights
that differ from one repository to the next.
"""
