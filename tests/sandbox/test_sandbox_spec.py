"""What runtimes are told: the OCI runtime's config.json and bubblewrap's command line."""

import json
import struct
from dataclasses import replace
from typing import Any

import pytest

from smidgen.sandbox.bubblewrap import bubblewrap_arguments
from smidgen.sandbox.cell.calls import AARCH64, CALLS, I386, X86_64
from smidgen.sandbox.cell.notify import program, watched
from smidgen.sandbox.container import CAPABILITIES, MASKED, Bind, Container, Tmpfs
from smidgen.sandbox.oci_spec import runtime_spec
from smidgen.sandbox.seccomp import refusal_filter
from smidgen.sandbox.users import User

CONTAINER = Container(
    root="/run/root",
    arguments=("/app", "--flag"),
    environment=("PATH=/bin", "EMPTY="),
    directory="/work",
    user=User(uid=1000, gid=1001, groups=(33,)),
    hostname="box",
    binds=(Bind(source="/host", target="/inside", read_only=True),),
)
ALLOW, ERRNO, NOTIFY = 0x7FFF0000, 0x00050000, 0x7FC00000


def spec(container: Container) -> dict[str, Any]:
    rendered: dict[str, Any] = json.loads(json.dumps(runtime_spec(container, "x86_64")))
    return rendered


def mount(rendered: dict[str, Any], target: str) -> dict[str, Any]:
    (found,) = [one for one in rendered["mounts"] if one["destination"] == target]
    assert isinstance(found, dict)
    return found


class TestRuntimeSpec:
    def test_an_ordinary_user_has_no_capability(self) -> None:
        process = spec(CONTAINER)["process"]
        assert process["user"] == {"uid": 1000, "gid": 1001, "additionalGids": [33]}
        assert process["capabilities"] == {"bounding": list(CAPABILITIES), "effective": [], "permitted": []}
        assert process["args"] == ["/app", "--flag"]
        assert process["env"] == ["PATH=/bin", "EMPTY="]
        assert process["cwd"] == "/work"

    def test_the_superuser_has_those_of_docker_but_cannot_make_devices(self) -> None:
        capabilities = spec(replace(CONTAINER, user=User(uid=0, gid=0)))["process"]["capabilities"]
        assert capabilities["effective"] == capabilities["permitted"] == capabilities["bounding"]
        assert len(capabilities["bounding"]) == 13
        assert "CAP_MKNOD" not in capabilities["bounding"]

    def test_who_can_make_devices_finds_no_place_to_open_them(self) -> None:
        binds = (*CONTAINER.binds, Tmpfs(target="/memory"))
        rendered = spec(replace(CONTAINER, user=User(uid=0, gid=0), binds=binds, devices=("/dev/null",)))
        assert "CAP_MKNOD" in rendered["process"]["capabilities"]["effective"]
        open_ones = {one["destination"] for one in rendered["mounts"] if "nodev" not in one["options"]}
        assert open_ones == {"/dev/null", "/dev/pts"}  # no node can be made among terminals

    def test_hostile(self) -> None:
        hostile = replace(CONTAINER, capabilities=(), no_new_privileges=True, read_only=True)
        rendered = spec(hostile)
        assert rendered["root"] == {"path": "/run/root", "readonly": True}
        assert rendered["process"]["noNewPrivileges"] is True
        assert rendered["process"]["capabilities"]["bounding"] == []

    def test_no_limits_are_set(self) -> None:
        assert "rlimits" not in spec(CONTAINER)["process"]

    def test_the_network_is_the_callers(self) -> None:
        kinds = {one["type"] for one in spec(CONTAINER)["linux"]["namespaces"]}
        assert kinds == {"pid", "ipc", "uts", "mount"}

    def test_mounts(self) -> None:
        rendered = spec(CONTAINER)
        assert mount(rendered, "/sys")["type"] == "sysfs"
        assert "ro" in mount(rendered, "/sys")["options"]
        assert "gid=5" in mount(rendered, "/dev/pts")["options"]
        assert mount(rendered, "/inside") == {
            "destination": "/inside",
            "type": "bind",
            "source": "/host",
            "options": ["rbind", "rprivate", "ro"],
        }
        assert set(rendered["linux"]["maskedPaths"]) == set(MASKED)

    def test_where_one_id_is_all_there_is(self) -> None:
        rendered = spec(replace(CONTAINER, only_ids=True, host_sys=True))
        assert rendered["process"]["user"]["additionalGids"] == []
        assert not any(option.startswith("gid=") for option in mount(rendered, "/dev/pts")["options"])
        assert mount(rendered, "/sys")["source"] == "/sys"

    def test_refused_calls_are_told_for_every_architecture_that_runs(self) -> None:
        profile = spec(CONTAINER)["linux"]["seccomp"]
        assert "SCMP_ARCH_X86" in profile["architectures"]
        assert "mount" in profile["syscalls"][0]["names"]


class TestBubblewrap:
    def arguments(self, container: Container, *, own_user: bool = False) -> list[str]:
        sources = {"/run/root": "/stage/0", "/host": "/stage/1"}
        kinds = {"/proc/kcore": "file", "/sys/firmware": "directory", "/proc/sys": "directory"}
        return bubblewrap_arguments(container, sources, exists=kinds.get, own_user=own_user)

    def has(self, arguments: list[str], *wanted: str) -> bool:
        length = len(wanted)
        return any(tuple(arguments[at : at + length]) == wanted for at in range(len(arguments)))

    def test_what_it_is_told(self) -> None:
        arguments = self.arguments(CONTAINER, own_user=True)
        assert arguments[-3:] == ["--", "/app", "--flag"]
        for wanted in (
            ("--bind", "/stage/0", "/"),
            ("--ro-bind", "/stage/1", "/inside"),
            ("--unshare-user", "--uid", "1000", "--gid", "1001"),
            ("--ro-bind", "/dev/null", "/proc/kcore"),
            ("--tmpfs", "/sys/firmware"),
            ("--ro-bind", "/proc/sys", "/proc/sys"),
            ("--clearenv", "--setenv", "PATH", "/bin", "--setenv", "EMPTY", ""),
            ("--chdir", "/work"),
            ("--cap-drop", "ALL"),
        ):
            assert self.has(arguments, *wanted), wanted
        assert "--cap-add" not in arguments
        assert "/proc/keys" not in arguments

    def test_the_superuser(self) -> None:
        arguments = self.arguments(replace(CONTAINER, user=User(uid=0, gid=0)))
        assert "--unshare-user" not in arguments
        assert arguments.count("--cap-add") == 13

    def test_a_read_only_root(self) -> None:
        assert self.has(self.arguments(replace(CONTAINER, read_only=True)), "--ro-bind", "/stage/0", "/")


def decide(code: bytes, architecture: int, number: int, argument: int = 0) -> int:
    """Run a filter as the kernel would, on the few instructions that ours have."""
    data = struct.pack("=IIQQ", number, architecture, 0, argument)
    instructions = list(struct.iter_unpack("=HBBI", code))
    accumulator, at = 0, 0
    while True:
        operation, yes, no, value = instructions[at]
        at += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif operation == 0x15:
            at += yes if accumulator == value else no
        else:
            assert operation == 0x45
            at += yes if accumulator & value else no


class TestFilters:
    @pytest.mark.parametrize(
        ("machine", "architecture", "refused", "allowed", "clone"),
        [("x86_64", X86_64, 165, 257, 56), ("aarch64", AARCH64, 40, 56, 220)],
    )
    def test_refusals(self, machine: str, architecture: int, refused: int, allowed: int, clone: int) -> None:
        code = refusal_filter(machine)
        assert code is not None
        assert len(code) // 8 < 4096
        assert decide(code, architecture, refused) == ERRNO | 1
        assert decide(code, architecture, allowed) == ALLOW
        assert decide(code, architecture, 435) == ERRNO | 38
        assert decide(code, architecture, clone, 0x00010F00) == ALLOW
        assert decide(code, architecture, clone, 0x10000000) == ERRNO | 1
        assert decide(code, I386, refused) == ALLOW

    def test_another_machine_has_no_filter(self) -> None:
        assert refusal_filter("riscv64") is None

    def test_what_is_watched(self) -> None:
        code = program(watched("x86_64", files=True))
        for architecture in (X86_64, I386):
            for number in range(512):
                expected = NOTIFY if number in CALLS[architecture] else ALLOW
                assert decide(code, architecture, number) == expected
        assert decide(code, AARCH64, 56) == ALLOW

    def test_only_start_and_end(self) -> None:
        code = program(watched("aarch64", files=False))
        assert decide(code, AARCH64, 221) == NOTIFY
        assert decide(code, AARCH64, 94) == NOTIFY
        assert decide(code, AARCH64, 56) == ALLOW

    def test_a_machine_without_a_table(self) -> None:
        with pytest.raises(OSError, match="s390x"):
            watched("s390x", files=True)
