"""Configuration files, ``smidgen.yaml`` and ``.ko.yaml``, and what a build is done with.

``discover`` finds and reads a file, ``resolve`` joins it with flags and environment into ``Settings``.
Nothing is imported here: a build without a file must not pay for a YAML reader.
"""
