"""Images as files that other tools read: one tar, or a directory.

This module is the door; the rooms behind it are ``archive_writer``, ``archive_reader`` and ``layout``.
"""

from smidgen.store.archive_reader import read_archive, read_archive_entries
from smidgen.store.archive_writer import write_archive, write_archive_file
from smidgen.store.layout import layout_entries, read_entries, read_layout, write_layout
from smidgen.store.naming import Item, choose

__all__ = [
    "Item",
    "choose",
    "layout_entries",
    "read_archive",
    "read_archive_entries",
    "read_entries",
    "read_layout",
    "write_archive",
    "write_archive_file",
    "write_layout",
]
