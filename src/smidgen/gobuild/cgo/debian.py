"""Which Debian package has a header or a static library, for those that Go packages ask for most.

Source: https://packages.debian.org, "Search the contents of packages" (Debian 12 and 13). Debian has no static form
of some libraries, which is said with them.
"""

from typing import Final

#: Package → headers (a final slash is a directory), static libraries.
_PACKAGES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "libarchive-dev": (("archive.h", "archive_entry.h"), ("archive",)),
    "libasound2-dev": (("alsa/",), ("asound",)),
    "libavcodec-dev": (("libavcodec/",), ("avcodec",)),
    "libbpf-dev": (("bpf/",), ("bpf",)),
    "libbrotli-dev": (("brotli/",), ("brotlicommon", "brotlidec", "brotlienc")),
    "libbz2-dev": (("bzlib.h",), ("bz2",)),
    "libcap-dev": (("sys/capability.h",), ("cap",)),
    "libcurl4-openssl-dev": (("curl/",), ("curl",)),
    "libedit-dev": (("editline/",), ("edit",)),
    "libevent-dev": (("event.h", "event2/"), ("event",)),
    "libexpat1-dev": (("expat.h",), ("expat",)),
    "libffi-dev": (("ffi.h",), ("ffi",)),
    "libfuse3-dev": (("fuse3/",), ("fuse3",)),
    "libgit2-dev": (("git2.h", "git2/"), ("git2",)),
    "libgmp-dev": (("gmp.h",), ("gmp",)),
    "libgpgme-dev": (("gpgme.h",), ("gpgme",)),
    "libicu-dev": (("unicode/",), ("icuuc", "icui18n", "icudata")),
    "libjpeg62-turbo-dev": (("jpeglib.h", "turbojpeg.h"), ("jpeg", "turbojpeg")),
    "libleveldb-dev": (("leveldb/",), ("leveldb",)),
    "liblmdb-dev": (("lmdb.h",), ("lmdb",)),
    "liblz4-dev": (("lz4.h", "lz4frame.h", "lz4hc.h"), ("lz4",)),
    "liblzma-dev": (("lzma.h",), ("lzma",)),
    "libmagic-dev": (("magic.h",), ("magic",)),
    "libmariadb-dev": (("mysql/", "mariadb/"), ("mariadb",)),
    "libncurses-dev": (("curses.h", "ncurses.h"), ("ncurses", "tinfo")),
    "libnetfilter-queue-dev": (("libnetfilter_queue/",), ("netfilter_queue",)),
    "libonig-dev": (("oniguruma.h",), ("onig",)),
    "libpcap0.8-dev": (("pcap.h", "pcap/"), ("pcap",)),
    "libpcre2-dev": (("pcre2.h",), ("pcre2-8",)),
    "libpcsclite-dev": (("winscard.h", "PCSC/"), ("pcsclite",)),
    "libpng-dev": (("png.h",), ("png", "png16")),
    "libpq-dev": (("libpq-fe.h", "postgresql/"), ("pq",)),
    "librdkafka-dev": (("librdkafka/",), ("rdkafka",)),
    "libreadline-dev": (("readline/",), ("readline",)),
    "librocksdb-dev": (("rocksdb/",), ("rocksdb",)),
    "libseccomp-dev": (("seccomp.h",), ("seccomp",)),
    "libsnappy-dev": (("snappy.h", "snappy-c.h"), ("snappy",)),
    "libsodium-dev": (("sodium.h",), ("sodium",)),
    "libsqlite3-dev": (("sqlite3.h",), ("sqlite3",)),
    "libssh2-1-dev": (("libssh2.h",), ("ssh2",)),
    "libssl-dev": (("openssl/",), ("ssl", "crypto")),
    "libsystemd-dev": (("systemd/",), ("systemd",)),
    "libusb-1.0-0-dev": (("libusb-1.0/", "libusb.h"), ("usb-1.0",)),
    "libvips-dev": (("vips/",), ("vips",)),
    "libvirt-dev": (("libvirt/",), ("virt",)),
    "libwebp-dev": (("webp/",), ("webp",)),
    "libxml2-dev": (("libxml/", "libxml2/"), ("xml2",)),
    "libyaml-dev": (("yaml.h",), ("yaml",)),
    "libzmq3-dev": (("zmq.h",), ("zmq",)),
    "libzstd-dev": (("zstd.h", "zdict.h"), ("zstd",)),
    "zlib1g-dev": (("zlib.h", "zconf.h"), ("z",)),
}


def package_of_header(name: str) -> str:
    """Give the package that has the header *name*, as an include calls it; "" where that is not known."""
    for package, (headers, _) in _PACKAGES.items():
        if any(name == header or (header.endswith("/") and name.startswith(header)) for header in headers):
            return package
    return ""


def package_of_library(name: str) -> str:
    """Give the package that has ``libNAME``; "" where that is not known."""
    return next((package for package, (_, libraries) in _PACKAGES.items() if name in libraries), "")
