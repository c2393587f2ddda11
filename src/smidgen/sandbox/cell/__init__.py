"""The cell: namespaces that hold a runtime and all that it starts, so that the kernel ends them together.

The modules here run in a process of their own, started without site-packages, because a process that
has threads must not fork and because a namespace is entered for good. So they import nothing but the
standard library and one another, and speak JSON with the process that started them.

A cell is two processes: the outer one enters the user namespace and waits; the inner one is process 1
of a pid namespace. When the starter goes away, process 1 sees the end of their socket, kills all that
is left and removes the directory; when process 1 goes away, the kernel kills the rest.
"""
