"""Which server is asked for a repository, and how far it is trusted."""

import ssl
from pathlib import Path
from typing import Literal

import pytest

from smidgen.config.registries import registry_rules
from smidgen.errors import ConfigError, RegistryUnreachable, UntrustedRegistry, UsageError
from smidgen.registry.host_rules import Mirror, Rule, Trust
from smidgen.registry.hosts import Hosts
from smidgen.registry.proxies import find_proxy
from smidgen.registry.repository import Repository
from smidgen.registry.session import Session
from smidgen.registry.url import Url
from support.config_files import config_of
from support.registry import Registry
from support.registry_access import Access
from support.registry_certificates import Authority
from support.registry_login import entry, write
from support.registry_session import LIMITS, RETRY
from support.registry_wire import Answer, Request, Server, serving
from support.tunnel import tunnelling


def read(tmp_path: Path, text: str = "", **beside: str) -> Hosts:
    system = tmp_path / "etc" / "containers"
    (system / "registries.conf.d").mkdir(parents=True, exist_ok=True)
    (system / "registries.conf").write_text(text)
    for name, content in beside.items():
        (system / "registries.conf.d" / f"{name}.conf").write_text(content)
    return Hosts.read(environ={"HOME": str(tmp_path / "home")}, etc=tmp_path / "etc")


def places(hosts: Hosts, name: str, *, reads: Literal["tag", "digest"] | None = "tag") -> list[str]:
    registry, _, rest = name.partition("/")
    return [str(one.repository) for one in hosts.endpoints(Repository(registry, rest), reads=reads)]


_MANY = """
unqualified-search-registries = ["never.example"]
[[registry]]
prefix = "example.com/foo"
location = "inner.example/bar"
[[registry.mirror]]
location = "all.example/cache"
[[registry.mirror]]
location = "digests.example"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "tags.example"
pull-from-mirror = "tag-only"
[[registry]]
location = "example.com"
[[registry.mirror]]
location = "short.example"
[[registry]]
prefix = "*.wild.example"
insecure = true
[[registry]]
prefix = "bad.wild.example"
blocked = true
[aliases]
"alpine" = "never.example/alpine"
"""


def test_the_longest_prefix_counts_and_locations_take_its_place(tmp_path: Path) -> None:
    hosts = read(tmp_path, _MANY)
    assert places(hosts, "example.com/foo/app") == [
        "all.example/cache/app",
        "tags.example/app",
        "inner.example/bar/app",
    ]
    assert places(hosts, "example.com/foo/app", reads="digest") == [
        "all.example/cache/app",
        "digests.example/app",
        "inner.example/bar/app",
    ]
    assert places(hosts, "example.com/food/app") == ["short.example/food/app", "example.com/food/app"]
    assert places(hosts, "docker.io/library/alpine") == ["docker.io/library/alpine"]


def test_what_is_written_goes_to_the_registry_itself(tmp_path: Path) -> None:
    assert places(read(tmp_path, _MANY), "example.com/foo/app", reads=None) == ["example.com/foo/app"]


def test_wildcards_and_blocks(tmp_path: Path) -> None:
    hosts = read(tmp_path, _MANY)
    (endpoint,) = hosts.endpoints(Repository("a.b.wild.example", "x"), reads="tag")
    assert (endpoint.insecure, endpoint.trust.verified) == (True, False)
    (endpoint,) = hosts.endpoints(Repository("notwild.example", "x"), reads="tag")
    assert not endpoint.insecure
    with pytest.raises(UsageError, match=r"blocked by .*registries\.conf"):
        hosts.endpoints(Repository("bad.wild.example", "x"), reads=None)


def test_files_beside_replace_the_same_prefix_and_add_others(tmp_path: Path) -> None:
    first = '[[registry]]\nprefix = "example.com/foo"\nlocation = "first.example"\n'
    second = '[[registry]]\nlocation = "other.example"\ninsecure = true\n'
    hosts = read(tmp_path, _MANY, a=first, b=second)
    assert places(hosts, "example.com/foo/app") == ["first.example/app"]
    assert hosts.endpoints(Repository("other.example", "x"), reads=None)[0].insecure


def test_the_users_file_replaces_the_systems(tmp_path: Path) -> None:
    own = tmp_path / "home/.config/containers/registries.conf"
    own.parent.mkdir(parents=True)
    own.write_text('[[registry]]\nlocation = "mine.example"\nblocked = true\n')
    hosts = read(tmp_path, _MANY)
    assert [rule.prefix for rule in hosts.rules] == ["mine.example"]


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "[registries.search]\nregistries = []",
        '[[registry]]\nprefix = "https://example.com"',
        '[[registry]]\nprefix = "*.example.com/foo"',
        "[[registry]]\ninsecure = true",
        '[[registry]]\nlocation = "a b"',
        '[[registry]]\nlocation = "a"\ninsecure = "perhaps"',
        '[[registry]]\nlocation = "a"\n[[registry.mirror]]\nlocation = ""',
        '[[registry]]\nlocation = "a"\n[[registry.mirror]]\nlocation = "b"\npull-from-mirror = "sometimes"',
        """[[registry]]
        location = "a"
        mirror-by-digest-only = true
        [[registry.mirror]]
        location = "b"
        pull-from-mirror = "all"
        """,
    ],
)
def test_a_file_that_cannot_be_meant(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"registries\.conf"):
        read(tmp_path, text)


def test_registries_of_smidgen_yaml(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    text = """
registries:
  docker.io:
    mirrors: [mirror.example, cache.example:5000/hub]
  10.1.2.3:9000:
  corp.example:
    insecure: true
    ca: ca.pem
"""
    rules = registry_rules(config_of(text, tmp_path))
    hosts = Hosts((*rules, Rule(prefix="docker.io", mirrors=(Mirror(location="later.example"),))))
    assert places(hosts, "docker.io/library/alpine") == [
        "mirror.example/library/alpine",
        "cache.example:5000/hub/library/alpine",
        "docker.io/library/alpine",
    ]
    assert hosts.knows("10.1.2.3:9000")
    assert not hosts.knows("10.1.2.3:9001")
    (endpoint,) = hosts.endpoints(Repository("corp.example", "x"), reads=None)
    assert endpoint.trust.ca_files == (tmp_path / "ca.pem",)


@pytest.mark.parametrize(
    "text",
    [
        "registries: {'https://a': {}}",
        "registries: {a: {mirrors: 'https://b'}}",
        "registries: {a: {ca: missing.pem}}",
        "registries: {a: {client_key: k.pem}}",
        "registries: {a: {mirror: b}}",
    ],
)
def test_registries_that_cannot_be_meant(tmp_path: Path, text: str) -> None:
    (tmp_path / "k.pem").write_text("")
    with pytest.raises(ConfigError, match=r"smidgen\.yaml:1:"):
        registry_rules(config_of(text, tmp_path))


# Over sockets


def open_session(
    hosts: Hosts | None = None, warn: list[str] | None = None, environ: dict[str, str] | None = None
) -> Session:
    said = [] if warn is None else warn
    return Session(
        environ={"HOME": "/nonexistent", **(environ or {})},
        hosts=hosts or Hosts(),
        warn=said.append,
        limits=LIMITS,
        retry=RETRY,
    )


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.add_manifest("team/app", b"{}", "1")
    return made


def ask(session: Session, host: str, *, mirrors: bool = False, name: str = "team/app") -> bytes:
    with session.request("GET", Repository(host, name), "manifests/1", mirrors=mirrors) as response:
        return response.read(1000)


def test_a_mirror_is_asked_first_and_gets_its_own_credentials_only(tmp_path: Path, registry: Registry) -> None:
    path = write(
        tmp_path / "config.json",
        auths={"corp.example": entry("me", "for-corp"), "corp.example/team": entry("me", "for-team")},
    )
    with serving(registry) as mirror:
        hosts = Hosts((Rule(prefix="corp.example", mirrors=(Mirror(location=mirror.host),)),))
        with open_session(hosts, environ={"DOCKER_CONFIG": str(path.parent)}) as session:
            assert ask(session, "corp.example", mirrors=True) == b"{}"
        assert mirror.log
        assert all(one.header("Authorization") is None for one in mirror.log)


def test_a_mirror_without_the_image_or_without_life_is_passed_over(registry: Registry) -> None:
    said: list[str] = []
    with serving(registry) as server, serving(Registry()) as empty:
        mirrors = (Mirror(location=empty.host), Mirror(location="127.0.0.1:1"))
        with open_session(Hosts((Rule(prefix=server.host, mirrors=mirrors),)), said) as session:
            for _ in range(2):
                assert ask(session, server.host, mirrors=True) == b"{}"
            # What is not a read is the registry's own affair.
            assert ask(session, server.host) == b"{}"
        assert len(empty.asked("GET", "manifests")) == 2
    assert len(said) == 1
    assert "127.0.0.1:1" in said[0]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"))


def test_a_certificate_that_nobody_vouches_for(authority: Authority, registry: Registry) -> None:
    with serving(registry, tls=authority.sign("server").server()) as server, open_session() as session:
        with pytest.raises(UntrustedRegistry) as caught:
            ask(session, server.host)
        assert server.host in str(caught.value)
        assert f"/etc/containers/certs.d/{server.host}/ca.crt" in str(caught.value.hint)
        assert not server.log


def test_ways_to_trust_an_authority(tmp_path: Path, authority: Authority, registry: Registry) -> None:
    with serving(registry, tls=authority.sign("server2").server()) as server:
        certs = tmp_path / "certs.d" / server.host
        certs.mkdir(parents=True)
        (certs / "corp.crt").write_bytes(authority.bundle.read_bytes())
        for hosts, environ in (
            (Hosts((), (tmp_path / "certs.d",)), {}),
            (Hosts((Rule(prefix=server.host, trust=Trust(ca_files=(authority.bundle,))),)), {}),
            (Hosts((Rule(prefix=server.host, insecure=True),)), {}),
            (Hosts(), {"SSL_CERT_FILE": str(authority.bundle)}),
        ):
            with open_session(hosts, environ=environ) as session:
                assert ask(session, server.host) == b"{}"


def test_a_certificate_for_another_name(authority: Authority, registry: Registry) -> None:
    pair = authority.sign("elsewhere", names="DNS:elsewhere.example")
    environ = {"SSL_CERT_FILE": str(authority.bundle)}
    with (
        serving(registry, tls=pair.server()) as server,
        open_session(environ=environ) as session,
        pytest.raises(UntrustedRegistry, match="mismatch"),
    ):
        ask(session, server.host)


def test_a_client_certificate(tmp_path: Path, authority: Authority, registry: Registry) -> None:
    own = authority.sign("client")
    tls = authority.sign("server3").server(clients=authority.bundle)
    with serving(registry, tls=tls) as server:
        certs = tmp_path / server.host
        certs.mkdir()
        (certs / "ca.crt").write_bytes(authority.bundle.read_bytes())
        with open_session(Hosts((), (tmp_path,))) as session, pytest.raises((UntrustedRegistry, RegistryUnreachable)):
            ask(session, server.host)
        (certs / "client.cert").write_bytes(own.certificate.read_bytes())
        (certs / "client.key").write_bytes(own.key.read_bytes())
        with open_session(Hosts((), (tmp_path,))) as session:
            assert ask(session, server.host) == b"{}"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"SSL_CERT_FILE": "/nonexistent.pem"}, "SSL_CERT_FILE names /nonexistent.pem"),
        ({"SSL_CERT_FILE": __file__}, "no certificates"),
        ({"SSL_CERT_DIR": "/nonexistent"}, "SSL_CERT_DIR names"),
        ({"HTTPS_PROXY": "socks5://me:secret-4711@proxy:1"}, "HTTPS_PROXY is not the address of a proxy"),
    ],
)
def test_settings_that_cannot_be_used(environ: dict[str, str], words: str) -> None:
    with open_session(environ=environ) as session, pytest.raises(UsageError) as caught:
        ask(session, "registry.invalid")
    assert words in str(caught.value)
    assert "secret-4711" not in str(caught.value)


def test_an_insecure_registry_has_plain_http_too(registry: Registry) -> None:
    with serving(registry) as server:
        # By a name that is not of this machine's, so that only the rule allows it.
        hosts = Hosts((Rule(prefix=server.host, insecure=True),))
        with open_session(hosts) as session:
            assert ask(session, server.host) == b"{}"


class Forward:
    """A proxy: plain requests are answered for another server, tunnels are refused; all are noted."""

    def __init__(self, target: Server) -> None:
        self.target = target
        self.seen: list[tuple[str, str, str]] = []

    def __call__(self, request: Request) -> Answer:
        authorization = request.headers.get("Proxy-Authorization") or ""
        self.seen.append((request.method, request.target, authorization))
        if request.method == "CONNECT":
            return Answer(403)
        return Answer(200, (("Content-Type", "text/plain"),), b"by proxy")


def test_proxies(registry: Registry) -> None:
    with serving(registry) as server:
        forward = Forward(server)
        with serving(forward) as proxy:
            address = f"http://me:p%40ss-4711@{proxy.host}"
            environ = {"HTTP_PROXY": address, "https_proxy": address, "NO_PROXY": "no.example"}
            hosts = Hosts((Rule(prefix="plain.example", insecure=True),))
            with open_session(hosts, environ=environ) as session:
                assert ask(session, server.host) == b"{}"
                assert not forward.seen
                assert ask(session, "plain.example") == b"by proxy"
                with pytest.raises(RegistryUnreachable) as caught:
                    ask(session, "secure.example")
    methods = {method for method, _, _ in forward.seen}
    assert methods == {"CONNECT", "GET"}
    assert ("GET", "http://plain.example/v2/team/app/manifests/1") in {one[:2] for one in forward.seen}
    assert {one[2] for one in forward.seen} == {"Basic bWU6cEBzcy00NzEx"}
    assert "ss-4711" not in str(caught.value) + str(caught.value.hint)
    assert "proxy" in str(caught.value)


def test_tls_on_this_machine_is_found(tmp_path: Path, authority: Authority, registry: Registry) -> None:
    guarded = Access({"me": "word"}).around(registry)
    path = write(tmp_path / "config.json")
    with serving(guarded, tls=authority.sign("server4").server()) as server:
        write(path, auths={server.host: entry("me", "word")})
        environ = {"DOCKER_CONFIG": str(path.parent), "SSL_CERT_FILE": str(authority.bundle)}
        with open_session(environ=environ) as session:
            assert ask(session, server.host) == b"{}"


def test_no_old_tls(authority: Authority, registry: Registry) -> None:
    old = authority.sign("server5").server()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        serving(registry, tls=old) as server,
        open_session(environ={"SSL_CERT_FILE": str(authority.bundle)}) as session,
    ):
        assert ask(session, server.host) == b"{}"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_tunnel_through_a_proxy(authority: Authority, registry: Registry, scheme: str) -> None:
    own = authority.sign(f"proxy-{scheme}").server() if scheme == "https" else None
    tls = authority.sign(f"behind-{scheme}", names="DNS:registry.example").server()
    digest = registry.add_blob("team/app", b"x" * 3_000_000)
    with serving(registry, tls=tls) as server, tunnelling(server.port, own) as proxy:
        environ = {
            "HTTPS_PROXY": f"{scheme}://me:word@localhost:{proxy.port}",
            "SSL_CERT_FILE": str(authority.bundle),
        }
        with open_session(environ=environ) as session:
            assert ask(session, "registry.example") == b"{}"
            with session.request("GET", Repository("registry.example", "team/app"), f"blobs/{digest}") as response:
                assert response.read(4 << 20) == b"x" * 3_000_000
            body = b"y" * 3_000_000
            session.request(
                "PUT", Repository("registry.example", "team/app"), "blobs/uploads/none", body=body, expect=(404,)
            ).close()
        (head,) = proxy.heads
        assert head.startswith("CONNECT registry.example:443 HTTP/1.")
        assert "Proxy-Authorization: Basic bWU6d29yZA==" in head
        assert all(one.header("Proxy-Authorization") is None for one in server.log)


@pytest.mark.parametrize(
    ("url", "exceptions", "proxied"),
    [
        ("https://registry.example", "", True),
        ("https://registry.example", "registry.example", False),
        ("https://registry.example", "example", False),
        ("https://registry.example", ".example", False),
        ("https://registry.example", "*.example", False),
        ("https://registry.example", ".registry.example", True),
        ("https://registry.example", "other, REGISTRY.example ", False),
        ("https://registry.example", "egistry.example", True),
        ("https://registry.example", "registry.example:444", True),
        ("https://registry.example", "registry.example:443", False),
        ("https://registry.example", "*", False),
        ("https://10.1.2.3", "10.0.0.0/8", False),
        ("https://10.1.2.3", "10.1.2.4", True),
        ("https://10.1.2.3", "10.1.2.3", False),
        ("https://[2001:db8::1]:5000", "2001:db8::/32", False),
        ("https://[2001:db8::1]:5000", "2001:db8::1", False),
        ("https://127.0.0.1:5000", "", False),
        ("https://localhost", "", False),
    ],
)
def test_who_is_asked_without_the_proxy(url: str, exceptions: str, *, proxied: bool) -> None:
    environ = {"HTTPS_PROXY": "proxy.example:3128", "NO_PROXY": exceptions}
    assert (find_proxy(Url.parse(url).origin, environ) is not None) == proxied


def test_which_proxy() -> None:
    plain = Url.parse("http://registry.example").origin
    assert find_proxy(plain, {"HTTPS_PROXY": "http://a:1"}) is None
    assert find_proxy(plain, {"HTTP_PROXY": "http://a:1", "REQUEST_METHOD": "GET"}) is None
    assert str(find_proxy(plain, {"HTTP_PROXY": "http://a:1", "http_proxy": "https://u:w@b"})) == (
        "Proxy(origin=Origin(scheme='https', host='b', port=443))"
    )
