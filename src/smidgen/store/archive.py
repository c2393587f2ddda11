"""Images as files that other tools read: one tar, or a directory.

This module is the door; the rooms behind it are ``archive_writer``, ``archive_reader`` and ``layout``.
"""

from smidgen.store.archive_reader import read_archive
from smidgen.store.archive_writer import write_archive, write_archive_file
from smidgen.store.layout import read_layout, write_layout
from smidgen.store.naming import Item

__all__ = ["Item", "read_archive", "read_layout", "write_archive", "write_archive_file", "write_layout"]
