"""Values that cannot be meant: said where they stand, in a file with line and caret, else with the flag."""

from pathlib import Path

import pytest

from smidgen.config.settings import Flags
from smidgen.config.values import User
from smidgen.errors import ConfigError, UsageError
from support.config_files import block, fault, ko_settings, settings_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "platforms: [linux/amd64, linux/amd46]\n",
            """
            smidgen.yaml:1:26: invalid platform 'linux/amd46': unknown architecture 'amd46'
              platforms: [linux/amd64, linux/amd46]
                                       ^
            hint: did you mean linux/amd64?
            """,
        ),
        (
            "platforms: []\n",
            """
            smidgen.yaml:1:12: platforms is an empty list, expected at least a platform
              platforms: []
                         ^
            """,
        ),
        (
            "tags: []\n",
            """
            smidgen.yaml:1:7: tags is an empty list, expected at least a tag
              tags: []
                    ^
            """,
        ),
        (
            "base: Alpine\n",
            """
            smidgen.yaml:1:7: invalid reference 'Alpine': 'Alpine' has upper case; names are lower case
              base: Alpine
                    ^
            hint: expected [REGISTRY/]NAME[:TAG][@sha256:DIGEST] in lower case, such as ghcr.io/me/app:1.0
            """,
        ),
        (
            "base: docker-daemon:app\n",
            """
            smidgen.yaml:1:7: a base cannot be read from docker-daemon
              base: docker-daemon:app
                    ^
            hint: put the image into the store with `smidgen load`, and write store:NAME
            """,
        ),
        (
            "targets:\n- target: ./...\n  ports:\n  - 80\n  - 8080:80\n",
            """
            smidgen.yaml:5:5: invalid port '8080:80': an image says only what the program listens on
                - 8080:80
                  ^
            hint: write 80 here, and publish it with `smidgen run -p` or docker's -p
            """,
        ),
        (
            "env:\n  A: x\n  B C: y\n",
            """
            smidgen.yaml:3:3: 'B C' cannot be the name of an environment variable
                B C: y
                ^
            hint: expected letters, digits and _, such as LOG_LEVEL
            """,
        ),
        (
            "variables: {version: 1}\n",
            """
            smidgen.yaml:1:13: 'version' does not name a variable of the program
              variables: {version: 1}
                          ^
            hint: expected PACKAGE.NAME such as main.version
            """,
        ),
        (
            "healthcheck:\n  test: /app\n  interval: 30\n",
            """
            smidgen.yaml:3:13: invalid duration '30'
                interval: 30
                          ^
            hint: expected a number and a unit, such as 30s, 1m30s or 500ms
            """,
        ),
        (
            "healthcheck:\n  test: wget localhost || exit 1\n",
            """
            smidgen.yaml:2:9: 'wget localhost || exit 1' has '|', which only a shell understands, and the image has none
                test: wget localhost || exit 1
                      ^
            hint: write the program and its arguments, with quotes around characters that are meant as they are
            """,
        ),
        (
            "add:\n- a:/b\n- ../secret:/b\n",
            """
            smidgen.yaml:3:3: '../secret' is outside of repo, the directory of this file
              - ../secret:/b
                ^
            hint: move the file there, or pass --add on the command line
            """,
        ),
        (
            "add: /etc/shadow:/b\n",
            """
            smidgen.yaml:1:6: '/etc/shadow' is outside of repo, the directory of this file
              add: /etc/shadow:/b
                   ^
            hint: move the file there, or pass --add on the command line
            """,
        ),
        (
            "add: a/../../b:/b\n",
            """
            smidgen.yaml:1:6: 'a/../../b' is outside of repo, the directory of this file
              add: a/../../b:/b
                   ^
            hint: move the file there, or pass --add on the command line
            """,
        ),
        (
            "needs: {with: [ca], without: [tz, ca]}\n",
            """
            smidgen.yaml:1:35: 'ca' is both wanted and not wanted
              needs: {with: [ca], without: [tz, ca]}
                                                ^
            hint: keep one of them
            """,
        ),
        (
            "compression: gzip:99\n",
            """
            smidgen.yaml:1:14: compression 'gzip:99': level must be 1 to 12, such as 6
              compression: gzip:99
                           ^
            hint: expected gzip, gzip:1 to gzip:12, zstd, zstd:1 to zstd:22, or none
            """,
        ),
        (
            "user: app:users\n",
            """
            smidgen.yaml:1:7: invalid user 'app:users'
              user: app:users
                    ^
            hint: expected UID, UID:GID, NAME or NAME:UID:GID, such as 65534:65534 or app:1000:1000
            """,
        ),
        (
            "labels: {'': x}\n",
            """
            smidgen.yaml:1:10: a name is empty
              labels: {'': x}
                       ^
            hint: write NAME: VALUE
            """,
        ),
    ],
)
def test_values_that_cannot_be_meant_are_shown_in_their_line(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of(text)
    assert fault(caught.value) == block(expected)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (Flags(user="a:b"), "--user: invalid user 'a:b'"),
        (Flags(platforms=("linux/amd64,",)), "--platform: 'linux/amd64,' has an empty element"),
        (Flags(env=("=x",)), "--env: '=x' is not NAME=VALUE"),
        (Flags(env=("",)), "--env: '' is not NAME=VALUE"),
        (Flags(env=("UNSET",)), "--env: 'UNSET' is not set in the environment"),
        (Flags(labels=("x",)), "--label: 'x' is not NAME=VALUE"),
        (Flags(variables=("x=1",)), "-X: 'x' does not name a variable of the program"),
        (Flags(ports=("x",)), "--expose: invalid port 'x'"),
        (Flags(base="store:"), "--base: nothing behind 'store:'"),
        (Flags(needs_with=("tls",)), "--with: unknown need 'tls'"),
        (Flags(needs_with=("ca",), needs_without=("ca",)), "--without: 'ca' is both wanted and not wanted"),
        (Flags(entrypoint=""), "--entrypoint: entrypoint is an empty list, expected at least a program"),
        (Flags(healthcheck="--x=1 a"), "--healthcheck: unknown option --x of a health check"),
        (Flags(ports=("1-2000",)), "--expose: 2000 ports, expected at most 1024"),
        (Flags(flags="'x"), '--goflags: "\'x": no closing quotation'),
        (Flags(zones=("Mars",), compression="lzma"), "--compression: unknown compression 'lzma'"),
    ],
)
def test_flags_that_cannot_be_meant_are_named(flags: Flags, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings_of(flags=flags)
    assert caught.value.message == expected
    assert caught.value.exit_code == 2


def test_a_flag_mends_what_the_file_cannot_have() -> None:
    assert settings_of("base: alpine", flags=Flags(base="scratch")).base == "scratch"
    assert settings_of("user: a:b", flags=Flags(user="1")).user == User(uid=1, gid=1)


def test_variables_that_cannot_be_meant_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        ko_settings(tmp_path, "", environ={"KO_DEFAULTPLATFORMS": "linux/amd64,windows/amd64"})
    assert caught.value.message == (
        "KO_DEFAULTPLATFORMS: invalid platform 'windows/amd64': the operating system is 'windows'"
    )
