"""From what a program looked for to what its image lacks."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from smidgen.sandbox.missing import Finding, Sought, State, classify

GO_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
)


def missing(*paths: str) -> list[Sought]:
    return [Sought(path, State.MISSING) for path in paths]


def found(*paths: str) -> list[Sought]:
    return [Sought(path, State.FOUND) for path in paths]


def one(sought: Iterable[Sought], *, embeds_zones: bool = False) -> Finding:
    (finding,) = classify(sought, search_path=("/usr/bin", "/bin"), embeds_zones=embeds_zones)
    return finding


class TestCertificates:
    def test_all_places_are_one_finding(self) -> None:
        finding = one(missing(*GO_BUNDLES))
        assert (finding.kind, finding.remedy, finding.harmless) == ("ca", "--with ca", False)
        assert finding.paths == tuple(sorted(GO_BUNDLES))

    def test_one_bundle_is_enough(self) -> None:
        finding = one([*missing(*GO_BUNDLES[1:]), *found(GO_BUNDLES[0])])
        assert finding.harmless
        assert GO_BUNDLES[0] in finding.summary

    def test_an_empty_directory_is_not(self) -> None:
        assert one([*missing(*GO_BUNDLES[:6]), *found("/etc/ssl/certs")]).kind == "ca"

    def test_settings_of_openssl_are_no_certificates(self) -> None:
        assert one(missing("/usr/lib/ssl/openssl.cnf")).harmless


class TestZones:
    places = ("/usr/share/zoneinfo/", "/usr/share/lib/zoneinfo/", "/usr/lib/locale/TZ/", "/etc/zoneinfo/")

    def test_all_places_are_one_finding(self) -> None:
        finding = one(
            missing(*(f"{place}Europe/Berlin" for place in self.places), "/usr/local/go/lib/time/zoneinfo.zip")
        )
        assert (finding.kind, finding.remedy) == ("tz", "--with tz")
        assert "Europe/Berlin" in finding.summary

    def test_found_in_the_second_place(self) -> None:
        assert one([*missing(f"{self.places[0]}Asia/Tokyo"), *found(f"{self.places[1]}Asia/Tokyo")]).harmless

    def test_one_of_two_zones(self) -> None:
        finding = one([*missing(f"{self.places[0]}Asia/Tokyo"), *found(f"{self.places[0]}UTC")])
        assert finding.kind == "tz"
        assert "Asia/Tokyo" in finding.summary

    def test_a_program_that_carries_them(self) -> None:
        assert one(missing(f"{self.places[0]}Asia/Tokyo"), embeds_zones=True).harmless

    def test_the_local_zone_is_no_need(self) -> None:
        assert one(missing("/etc/localtime")).harmless


class TestOthers:
    def test_accounts(self) -> None:
        finding = one(missing("/etc/passwd", "/etc/group"))
        assert (finding.kind, finding.remedy) == ("passwd", "--with passwd")

    def test_no_directory_for_temporary_files(self) -> None:
        finding = one([Sought("/tmp/probe123", State.NO_DIRECTORY)])
        assert (finding.kind, finding.remedy) == ("tmp", "--with tmp")

    def test_a_temporary_file_that_is_gone(self) -> None:
        assert one(missing("/tmp/session")).harmless

    def test_a_read_only_place(self) -> None:
        finding = one([Sought("/data/a", State.READ_ONLY), Sought("/data/b", State.READ_ONLY)])
        assert (finding.kind, finding.remedy) == ("write", "--volume /data")
        assert finding.paths == ("/data/a", "/data/b")

    def test_programs_on_the_search_path(self) -> None:
        finding = one([*missing("/usr/bin/git"), Sought("/bin/git", State.MISSING_PROGRAM)])
        assert finding.kind == "program"
        assert "git" in finding.summary

    def test_a_program_found_later_on_the_search_path(self) -> None:
        assert one([*missing("/usr/bin/sh"), Sought("/bin/sh", State.PROGRAM)]).harmless

    def test_libraries(self) -> None:
        assert one(missing("/lib/libfoo.so.1", "/usr/lib/libfoo.so.1")).kind == "library"
        assert one([*missing("/lib/libfoo.so.1"), *found("/usr/lib/libfoo.so.1")]).harmless

    def test_what_engines_and_kernels_provide(self) -> None:
        for path in (
            "/etc/resolv.conf",
            "/etc/nsswitch.conf",
            "/etc/hosts",
            "/etc/mime.types",
            "/usr/share/mime/globs2",
            "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size",
            "/proc/1/cgroup",
            "/dev/log",
            "/var/run/secrets/kubernetes.io/serviceaccount/token",
            "/etc/ld.so.cache",
        ):
            assert one(missing(path)).harmless, path

    def test_a_file_of_the_programs_own(self) -> None:
        finding = one(missing("/etc/app.yaml"))
        assert (finding.kind, finding.remedy, finding.harmless) == ("file", "--add app.yaml:/etc/app.yaml", False)

    def test_a_file_found_in_the_next_place(self) -> None:
        assert one([*missing("/etc/app.yaml"), *found("/app.yaml")]).harmless

    def test_what_exists_is_no_finding(self) -> None:
        assert classify(found("/a", "/b")) == ()

    def test_harmless_comes_last(self) -> None:
        findings = classify(missing("/etc/hosts", "/etc/passwd", "/z"))
        assert [finding.harmless for finding in findings] == [False, False, True]


@given(st.lists(st.tuples(st.text(max_size=20).map("/{}".format), st.sampled_from(State)), max_size=20))
def test_every_missing_path_is_told_once(pairs: list[tuple[str, State]]) -> None:
    findings = classify((Sought(path, state) for path, state in pairs), search_path=("/bin",))
    for finding in findings:
        assert finding.harmless == (not finding.remedy)
        assert len(set(finding.paths)) == len(finding.paths)
