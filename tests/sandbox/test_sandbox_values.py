"""What users write: ports, volumes, variables, users; and what follows from an image's configuration."""

from pathlib import Path

import pytest

from smidgen.errors import SandboxError, UsageError
from smidgen.oci.config import RunConfig
from smidgen.sandbox.container import DEFAULT_PATH, command_line, environment
from smidgen.sandbox.ports import Publish, listen
from smidgen.sandbox.prove import HttpCheck
from smidgen.sandbox.run import parse_signal
from smidgen.sandbox.users import User, resolve_user
from smidgen.sandbox.variables import parse_variables, read_variables
from smidgen.sandbox.volumes import Volume

PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:\n# no:x:7:7::/:\nbroken:x\nodd:x:a:b::/:\n"
GROUP = "root:x:0:\napp:x:1001:\nweb:x:33:app,other\nmail:x:8:app\nwrong:x:many:app\n"


class TestPorts:
    @pytest.mark.parametrize(
        ("text", "address", "host", "port"),
        [
            ("8080:80", "", 8080, 80),
            ("8080:80/tcp", "", 8080, 80),
            ("80", "", 0, 80),
            (":80", "", 0, 80),
            ("0:80", "", 0, 80),
            ("127.0.0.1:8080:80", "127.0.0.1", 8080, 80),
            ("127.0.0.1::80", "127.0.0.1", 0, 80),
            ("[::1]:8080:80", "::1", 8080, 80),
        ],
    )
    def test_forms(self, text: str, address: str, host: int, port: int) -> None:
        assert Publish.parse(text) == Publish(address=address, host_port=host, port=port)

    @pytest.mark.parametrize(
        "text", ["", "x", "80:", "80:0", "80:65536", "65536:80", "1:2:3:4", "-1:80", "8080:80/udp", "80:80/", "80 "]
    )
    def test_what_is_no_port(self, text: str) -> None:
        with pytest.raises(UsageError):
            Publish.parse(text)

    def test_any_free_port(self) -> None:
        (listening,) = listen([Publish(address="127.0.0.1", port=80)])
        with listening.socket:
            assert listening.address.startswith("127.0.0.1:")
            assert not listening.address.endswith(":0")

    def test_a_port_in_use_is_said(self) -> None:
        (taken,) = listen([Publish(address="127.0.0.1", port=80)])
        with taken.socket:
            port = taken.socket.getsockname()[1]
            with pytest.raises(SandboxError, match=rf"cannot publish 127\.0\.0\.1:{port} for port 80") as caught:
                listen([Publish(address="127.0.0.1", port=81), Publish(address="127.0.0.1", host_port=port, port=80)])
            assert "another host port" in str(caught.value.hint)

    def test_an_address_of_another_machine(self) -> None:
        with pytest.raises(SandboxError, match=r"203\.0\.113\.1"):
            listen([Publish(address="203.0.113.1", port=80)])


class TestUsers:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", User(uid=0, gid=0, groups=(0,), home="/root")),
            ("app", User(uid=1000, gid=1001, groups=(8, 33, 1001), home="/home/app")),
            ("1000", User(uid=1000, gid=1001, groups=(8, 33, 1001), home="/home/app")),
            ("app:web", User(uid=1000, gid=33, groups=(33,), home="/home/app")),
            ("app:7", User(uid=1000, gid=7, groups=(7,), home="/home/app")),
            ("65534:65534", User(uid=65534, gid=65534, groups=(65534,))),
            ("65534", User(uid=65534, gid=0, groups=(0,))),
            ("4:root", User(uid=4, gid=0, groups=(0,))),
        ],
    )
    def test_forms(self, text: str, expected: User) -> None:
        assert resolve_user(text, passwd=PASSWD, group=GROUP) == expected

    def test_without_the_files(self) -> None:
        assert resolve_user("", passwd="", group="") == User(uid=0, gid=0, groups=(0,))
        assert resolve_user("65534:65534", passwd="", group="") == User(uid=65534, gid=65534, groups=(65534,))

    @pytest.mark.parametrize(
        "text", ["nobody", "app:nobody", "odd", "broken", "2147483648", "99999999999999", "1:x y", "٣"]
    )
    def test_what_is_not_known_is_an_error(self, text: str) -> None:
        with pytest.raises(SandboxError):
            resolve_user(text, passwd=PASSWD, group=GROUP)

    def test_the_error_says_where_it_looked(self) -> None:
        with pytest.raises(SandboxError, match="user 'nobody' is not in the image's /etc/passwd") as caught:
            resolve_user("nobody", passwd="", group="")
        assert "--user UID:GID" in str(caught.value.hint)


class TestCommandLine:
    def test_arguments_take_the_place_of_cmd(self) -> None:
        config = RunConfig(entrypoint=("/app",), cmd=("serve",))
        assert command_line(config, None, ()) == ("/app", "serve")
        assert command_line(config, None, ("a", "b")) == ("/app", "a", "b")

    def test_cmd_alone(self) -> None:
        config = RunConfig(cmd=("/app", "serve"))
        assert command_line(config, None, ()) == ("/app", "serve")
        assert command_line(config, None, ("/other",)) == ("/other",)

    def test_another_entry_point_sets_cmd_aside(self) -> None:
        config = RunConfig(entrypoint=("/app",), cmd=("serve",))
        assert command_line(config, ("/other",), ()) == ("/other",)
        assert command_line(config, ("/other",), ("x",)) == ("/other", "x")

    @pytest.mark.parametrize("config", [RunConfig(), RunConfig(entrypoint=(), cmd=()), RunConfig(cmd=("",))])
    def test_nothing_to_run(self, config: RunConfig) -> None:
        with pytest.raises(SandboxError, match="no program to run"):
            command_line(config, None, ())

    def test_environment(self) -> None:
        config = RunConfig(env=("A=1", "B=2", "PATH=/bin"))
        assert environment(config, ("B=3", "C="), {"HOME": "/"}) == ("PATH=/bin", "HOME=/", "A=1", "B=3", "C=")
        assert environment(RunConfig(), (), {}) == (f"PATH={DEFAULT_PATH}",)


class TestVariables:
    def test_forms(self) -> None:
        environ = {"KNOWN": "value"}
        assert parse_variables(["A=1", "B=x=y", "C=", "KNOWN", "UNKNOWN"], environ) == (
            "A=1",
            "B=x=y",
            "C=",
            "KNOWN=value",
        )

    @pytest.mark.parametrize("text", ["", "=value", "A=\0"])
    def test_no_name(self, text: str) -> None:
        with pytest.raises(UsageError):
            parse_variables([text], {})

    def test_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "variables"
        path.write_text("# comment\n\nA=1\n  B='quoted'\nKNOWN\nMISSING\n")
        assert read_variables(path, {"KNOWN": "yes"}) == ("A=1", "B='quoted'", "KNOWN=yes")

    def test_a_line_without_sense_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "variables"
        path.write_text("A=1\nexport B=2\n")
        with pytest.raises(UsageError, match=rf"{path}:2"):
            read_variables(path, {})

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="cannot read"):
            read_variables(tmp_path / "missing", {})


class TestVolumes:
    def test_forms(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert Volume.parse("/a:/b") == Volume(source="/a", target="/b")
        assert Volume.parse("/a:/b:ro") == Volume(source="/a", target="/b", read_only=True)
        assert Volume.parse("./a:/b:rw") == Volume(source=f"{tmp_path}/a", target="/b")
        assert Volume.parse(".:/b") == Volume(source=str(tmp_path), target="/b")

    @pytest.mark.parametrize("text", ["", "/a", "/a:", ":/b", "/a:b", "/a:/b:x", "/a:/b:ro:z", "name:/b"])
    def test_what_is_no_volume(self, text: str) -> None:
        with pytest.raises(UsageError):
            Volume.parse(text)

    def test_a_source_is_never_made(self, tmp_path: Path) -> None:
        with pytest.raises(SandboxError, match="no such file"):
            Volume.parse(f"{tmp_path}/missing:/b").check()
        assert not (tmp_path / "missing").exists()


class TestSmallThings:
    @pytest.mark.parametrize(
        ("text", "number"), [("", 15), ("SIGINT", 2), ("int", 2), ("9", 9), ("SIGNOPE", 15), ("0", 15), ("999", 15)]
    )
    def test_stop_signals(self, text: str, number: int) -> None:
        assert parse_signal(text) == number

    @pytest.mark.parametrize(
        ("text", "port", "path"),
        [
            (":8080/healthz", 8080, "/healthz"),
            ("8080", 8080, "/"),
            ("http://localhost:80/a?b=c", 80, "/a?b=c"),
            ("http://127.0.0.1:81", 81, "/"),
        ],
    )
    def test_http_checks(self, text: str, port: int, path: str) -> None:
        assert HttpCheck.parse(text) == HttpCheck(port=port, path=path)

    @pytest.mark.parametrize(
        "text", ["", ":", "/x", ":0/", ":65536", "https://localhost:1/", ":80/a b", ":80/\r\nX: y"]
    )
    def test_what_is_no_http_check(self, text: str) -> None:
        with pytest.raises(UsageError):
            HttpCheck.parse(text)
