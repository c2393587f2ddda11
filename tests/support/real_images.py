"""Images as their makers published them, which a scanner's Go module carries to test itself on.

No registry needs to be reached for them: Go's proxy has the module, and Go checks it. They are old, and for
linux/amd64 alone.
"""

import functools
import hashlib
from pathlib import Path
from typing import Final

from support.go_tools import go_module, locked

ALPINE: Final = "alpine:3.11"
DISTROLESS: Final = "gcr.io/distroless/base:latest"

_MODULE: Final = "github.com/aquasecurity/fanal@v0.0.0-20220621143759-7f9185d5d01d"
#: Image → the module's archive of it, and the SHA-256 of that.
_ARCHIVES: Final = {
    # Alpine 3.11.5, of March 2020: musl 1.1.24, busybox 1.31.1, OpenSSL 1.1.1d.
    ALPINE: ("alpine-311.tar.gz", "54b65c6b45e9ab3fcba1043d0ecef41cb9b544aefef20e1c24aa4fbac3d585ef"),
    # Of 2019: Debian 9, glibc 2.24, OpenSSL 1.1.0k.
    DISTROLESS: ("distroless.tar.gz", "6aff3f6e14d2689c42dadd08db636e49fcf7547e03979d38185bf64b6c520482"),
}


@functools.cache
def real_image(name: str) -> Path:
    """Give the archive of the image *name*, as ``docker save`` writes it, by gzip."""
    file, wanted = _ARCHIVES[name]
    with locked("real-images") as root:
        target = root / "real-images" / file
        if not target.exists():
            data = (go_module(_MODULE) / "test/testdata" / file).read_bytes()
            got = hashlib.sha256(data).hexdigest()
            assert got == wanted, f"{file} of {_MODULE} has the SHA-256 {got}, not {wanted}"
            target.parent.mkdir(exist_ok=True)
            fresh = target.with_name(f"{file}.new")
            fresh.write_bytes(data)
            fresh.rename(target)
    return target
