"""Programs that are not Go, from source: a script of the user's, cargo, zig.

::

    target ── settings ── executables, one a platform ── symbols: needs ── strip ── layers ── image
                              └ remembered by a digest of all that a script reads

What follows an executable is the same as for Go: see ``smidgen.gobuild.assembly``.
"""
