"""TLS contexts: whose certificates are believed, and what is shown of our own."""

import os
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from smidgen.errors import UsageError
from smidgen.registry.host_rules import Trust

#: Where distributions keep the certificates that they trust, should OpenSSL have been built for another place.
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_WHAT: Final = {"SSL_CERT_FILE": os.path.isfile, "SSL_CERT_DIR": os.path.isdir}


class Contexts:
    """Makes a context for each kind of trust, once. May be used by threads."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._made: dict[Trust, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def context(self, trust: Trust) -> ssl.SSLContext:
        """Give the context for *trust*.

        Raises:
            UsageError: A file of certificates cannot be read.
        """
        with self._lock:
            if trust not in self._made:
                self._made[trust] = self._make(trust)
            return self._made[trust]

    def _make(self, trust: Trust) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        if not trust.verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            self._load_system(context)
            for file in trust.ca_files:
                _load(context, file)
        if trust.client_cert is not None:
            try:
                context.load_cert_chain(trust.client_cert, trust.client_key, _no_password)
            except (OSError, ssl.SSLError) as error:
                raise UsageError(
                    f"the client certificate {trust.client_cert} and its key cannot be used: {error.strerror or error}",
                    hint="expected PEM files, the key beside the certificate with the ending .key and no password",
                ) from error
        return context

    def _load_system(self, context: ssl.SSLContext) -> None:
        """Load what the variables name, else what the system trusts, else what Mozilla trusts."""
        named = {name: self._environ[name] for name in _WHAT if self._environ.get(name)}
        for name, path in named.items():
            if not _WHAT[name](path):
                raise UsageError(f"{name} names {path}, which is not there", hint=f"correct {name}, or unset it")
        if file := named.get("SSL_CERT_FILE"):
            _load(context, Path(file))
        paths = ssl.get_default_verify_paths()
        directory = named.get("SSL_CERT_DIR") or paths.openssl_capath
        # A directory costs nothing until a certificate is looked for in it; a bundle is parsed whole.
        if _has_certificates(directory):
            context.load_verify_locations(capath=directory)
        elif not named:
            bundle = next((path for path in (paths.openssl_cafile, *_BUNDLES) if os.path.isfile(path)), None)
            _load(context, Path(bundle or _mozilla()))


def _has_certificates(directory: str) -> bool:
    # Named by OpenSSL's rehash: eight hex digits, a dot and a number.
    try:
        return any(name[8:9] == "." and name[9:].isdecimal() for name in os.listdir(directory))
    except OSError:
        return False


def _load(context: ssl.SSLContext, file: Path) -> None:
    try:
        context.load_verify_locations(cafile=file)
    except (OSError, ssl.SSLError) as error:
        reason = "it holds no certificates in PEM form" if isinstance(error, ssl.SSLError) else error.strerror
        raise UsageError(f"the CA certificates in {file} cannot be read: {reason}") from error


def _mozilla() -> str:
    import certifi  # only where the system has no certificates

    return certifi.where()


def _no_password() -> str:
    # Without it OpenSSL would ask for one on the terminal.
    return ""
