"""Values of the OCI specifications: pure data, no I/O.

Source: OCI image-spec v1.1.1 and distribution-spec v1.1.1.
"""
