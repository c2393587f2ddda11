"""COPY and ADD: what goes where, and what it becomes there."""

import io
import os
import tarfile

import pytest

from smidgen.errors import DockerfileError
from smidgen.layer.entry import Entry
from support.dockerfile_bench import Bench


def test_content_of_directories(bench: Bench) -> None:
    bench.write({"d/a": "1", "d/s/b": "22", "e": "333"})
    (bench.context / "d/link").symlink_to("a")
    made = bench.build("FROM scratch\nCOPY d /x\nCOPY d/ e /y/\n")
    for top in ("x", "y"):
        assert made.files[f"{top}/a"] == "file 0644 0:0 1"
        assert made.files[f"{top}/s/b"] == "file 0644 0:0 2"
        assert made.files[f"{top}/link"] == "symlink 0777 0:0 -> a"
    assert made.files["y/e"] == "file 0644 0:0 3"


def test_a_file_onto_a_directory_lands_in_it(bench: Bench) -> None:
    bench.write({"f": "1"})
    made = bench.build("FROM busybox\nCOPY f /etc\nCOPY f /tmp/\nCOPY f /new\n")
    assert {"etc/f", "tmp/f", "new"} <= set(made.files)
    assert made.files["tmp"] == "directory 1777 0:0"


def test_wildcards(bench: Bench) -> None:
    bench.write({"a.txt": "1", "b.txt": "2", "c.md": "3", "d/e.txt": "4"})
    made = bench.build("FROM scratch\nCOPY *.txt /t/\nCOPY [!a].md? */e.txt none* /u/\n")
    assert {path for path in made.files if "." in path} == {"t/a.txt", "t/b.txt", "u/e.txt"}


def test_several_sources_need_a_directory(bench: Bench) -> None:
    bench.write({"a": "1", "b": "2"})
    with pytest.raises(DockerfileError):
        bench.build("FROM scratch\nCOPY a b /x\n")
    with pytest.raises(DockerfileError, match="several sources"):
        bench.build("FROM scratch\nCOPY ? /x\n")


def test_parents_bring_their_modes(bench: Bench) -> None:
    bench.write({"d/e/f": "1", "d/g": "2"})
    (bench.context / "d/e").chmod(0o711)
    made = bench.build("FROM scratch\nCOPY --parents **/f d/./g /x/\n")
    assert made.files["x/d/e"] == "directory 0711 0:0"
    assert {"x/d/e/f", "x/g"} < {*made.files}


def test_a_hidden_directory_comes_with_what_is_shown_in_it(bench: Bench) -> None:
    bench.write({".dockerignore": "*\n!d/e/f\n", "d/e/f": "1", "d/g": "2"})
    made = bench.build("FROM scratch\nCOPY . /x/\nCOPY d /y/\n")
    assert {*made.files} == {"x", "x/d", "x/d/e", "x/d/e/f", "y", "y/e", "y/e/f"}


def test_an_archive_takes_the_place_of_what_is_there(bench: Bench) -> None:
    bench.base("old", [Entry.directory("d"), Entry.file("d/x", b"1"), Entry.file("f", b"2"), Entry.symlink("l", "d")])
    bench.write(
        {
            "a.tar": _archive({"f": tarfile.DIRTYPE, "l/new": tarfile.REGTYPE, "d": tarfile.DIRTYPE}),
            "below-a-file.tar": _archive({"d/x/y": tarfile.REGTYPE}),
        }
    )
    made = bench.build("FROM old\nADD a.tar /\n")
    assert made.files["f"] == "directory 0700 0:0"
    assert made.files["l"] == "symlink 0777 0:0 -> d"
    assert {"d/new", "d/x"} < {*made.files}
    with pytest.raises(DockerfileError, match="d/x is no directory"):
        bench.build("FROM old\nADD below-a-file.tar /\n")


def _archive(members: dict[str, bytes]) -> bytes:
    """Make a tar of empty *members*: name → type."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in members.items():
            member = tarfile.TarInfo(name)
            member.type, member.mode = kind, 0o700
            tar.addfile(member)
    return buffer.getvalue()


def test_owners_of_context_and_stage(bench: Bench) -> None:
    bench.write({"f": "1"})
    os.chown(bench.context / "f", 7, 8)
    made = bench.build(
        "FROM busybox AS one\nRUN mkdir /d && touch /d/g && chown -R 5:6 /d\n"
        "FROM busybox\nCOPY f /1\nCOPY --chown=app f /2\nCOPY --chown=app:staff f /3\nCOPY --chown=9 f /4\n"
        "COPY --from=one /d /5\nCOPY --from=one --chown=1:2 /d /6/7\n"
    )
    found = made.files
    assert [found[str(number)].split()[2] for number in range(1, 5)] == ["0:0", "1000:1000", "1000:50", "9:9"]
    assert found["5"] == "directory 0755 0:0"
    assert found["5/g"].split()[2] == "5:6"
    assert [found[path].split()[2] for path in ("6", "6/7", "6/7/g")] == ["1:2"] * 3


def test_an_unknown_owner_is_an_error(bench: Bench) -> None:
    bench.write({"f": "1"})
    with pytest.raises(DockerfileError, match=r"(?s)Dockerfile:2:1: user 'ghost'.*COPY --chown=ghost f /"):
        bench.build("FROM busybox\nCOPY --chown=ghost f /\n")


def test_modes(bench: Bench) -> None:
    bench.write({"d/f": "1", "x": "2"})
    (bench.context / "x").chmod(0o750)
    made = bench.build("FROM scratch\nCOPY x /1\nCOPY --chmod=4711 x /2\nCOPY --chmod=u=rwX,go=rX d /3\n")
    assert [made.files[path].split()[1] for path in ("1", "2", "3/f")] == ["0750", "4711", "0644"]


def test_existing_directories_keep_what_they_are_at_the_top_only(bench: Bench) -> None:
    bench.write({"d/in/f": "1"})
    (bench.context / "d").chmod(0o711)
    (bench.context / "d/in").chmod(0o711)
    made = bench.build("FROM busybox\nRUN mkdir -p -m 750 /top /top/in && chown 3:4 /top /top/in\nCOPY d /top\n")
    assert made.files["top"] == "directory 0750 3:4"
    assert made.files["top/in"] == "directory 0711 0:0"


def test_links_of_the_image_are_followed_in_it(bench: Bench) -> None:
    bench.write({"f": "1", "d/g": "2"})
    made = bench.build(
        "FROM busybox\nRUN mkdir /real && ln -s /real /dir && ln -s ../../real/file /etc/name && ln -s ../../.. /up\n"
        "COPY f /dir/\nCOPY d /dir\nCOPY f /etc/name\nCOPY f /up/top\n"
    )
    assert {"real/f", "real/g", "real/file", "top"} <= set(made.files)
    assert made.files["dir"] == "symlink 0777 0:0 -> /real"


def test_what_is_in_the_way_is_an_error(bench: Bench) -> None:
    bench.write({"d/etc": "1", "e/passwd/x": "2"})
    with pytest.raises(DockerfileError, match=r"/etc is a directory in the image"):
        bench.build("FROM busybox\nCOPY d /\n")
    with pytest.raises(DockerfileError, match="/etc/passwd is a file in the image"):
        bench.build("FROM busybox\nCOPY e /etc\n")
    with pytest.raises(DockerfileError, match="/etc/passwd is no directory"):
        bench.build("FROM busybox\nCOPY d/etc /etc/passwd/x\n")


def test_the_context_is_never_left(bench: Bench) -> None:
    secret = bench.context.parent / "secret"
    secret.write_text("no")
    (bench.context / "link").symlink_to(secret)
    (bench.context / "dir").symlink_to(bench.context.parent)
    (bench.context / "inner").symlink_to("../../../../../../context-less")
    for source in ("../secret", "link", "dir/secret", "/../secret", "inner", "*/secret"):
        if source == "*/secret":
            assert bench.build("FROM scratch\nCOPY */secret /x\n").files == {}
            continue
        with pytest.raises(DockerfileError, match=r"not found|outside the context"):
            bench.build(f"FROM scratch\nCOPY {source} /x\n")


def test_ignored_files_cannot_be_seen(bench: Bench) -> None:
    bench.write({".dockerignore": "*.log\nnode\n!node/keep\n", "a.log": "1", "b": "2", "node/x": "3", "node/keep": "4"})
    made = bench.build("FROM scratch\nCOPY . /\n")
    assert set(made.files) == {".dockerignore", "b", "node", "node/keep"}
    with pytest.raises(DockerfileError, match=r"/a\.log not found"):
        bench.build("FROM scratch\nCOPY a.log /\n")


def test_link_makes_a_layer_of_its_own(bench: Bench) -> None:
    bench.write({"f": "1"})
    made = bench.build("FROM busybox\nRUN ln -s /etc /x\nCOPY --link f /x/f\n")
    other = bench.build("FROM scratch\nCOPY --link f /x/f\n")
    assert made.image.layers[-1] == other.image.layers[-1]
    assert other.log.began == []


def test_exclude(bench: Bench) -> None:
    bench.write({"d/a.txt": "1", "d/b.md": "2", "d/s/c.md": "3"})
    made = bench.build("FROM scratch\nCOPY --exclude=*.md --exclude=s/*.md d /\n")
    assert set(made.files) == {"a.txt", "s"}


def test_documents(bench: Bench) -> None:
    made = bench.build(
        "FROM busybox\nARG A=1\nCOPY <<one <<'two' /d/\n$A\none\n$A\ntwo\nCOPY --chown=5:6 <<EOF /f\ntext\nEOF\n"
    )
    assert (made.content("d/one"), made.content("d/two"), made.content("f")) == ("1\n", "$A\n", "text\n")
    assert made.files["f"] == "file 0644 5:6 5"


def _tar(mode: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as tar:  # type: ignore[call-overload]
        member = tarfile.TarInfo("in/file")
        member.size, member.uid, member.gid, member.mode = 2, 11, 12, 0o640
        tar.addfile(member, io.BytesIO(b"hi"))
    return data.getvalue()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_archives_are_unpacked_by_add(bench: Bench, mode: str) -> None:
    bench.write({"a": _tar(mode)})
    made = bench.build("FROM scratch\nADD a /x\nCOPY a /y\nADD --unpack=false a /z\nADD --chown=1:2 a /w\n")
    assert made.files["x/in/file"] == "file 0640 11:12 2"
    assert made.files["y"].startswith("file 0644 0:0")
    assert made.files["z"].startswith("file 0644 0:0")
    assert made.files["w/in/file"] == "file 0640 1:2 2"


def test_a_hostile_archive(bench: Bench) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../out"), io.BytesIO(b""))
    bench.write({"a.tar": data.getvalue()})
    with pytest.raises(DockerfileError, match="invalid archive"):
        bench.build("FROM scratch\nADD a.tar /\n")
    assert not list(bench.context.parent.glob("**/out"))


def test_hard_links_stay_links(bench: Bench) -> None:
    made = bench.build(
        "FROM busybox AS one\nRUN mkdir /d && echo 1 > /d/a && ln /d/a /d/b\nFROM scratch\nCOPY --from=one /d /\n"
    )
    assert made.files["b"] == "hardlink 0644 0:0 -> a"


def test_named_contexts(bench: Bench) -> None:
    other = bench.context.parent / "other"
    other.mkdir()
    (other / "f").write_text("other")
    made = bench.build(
        "FROM base\nCOPY --from=more f /f\n", contexts={"more": str(other), "base": "docker-image://busybox"}
    )
    assert made.content("f") == "other"
    assert "bin/busybox" in made.files


def test_workdir_makes_what_is_missing_for_the_user(bench: Bench) -> None:
    made = bench.build("FROM busybox\nUSER app\nWORKDIR /home/app/x\nWORKDIR y\nWORKDIR /etc\n")
    assert made.files["home/app/x/y"] == "directory 0755 1000:1000"
    assert made.files["etc"] == "directory 0755 0:0"
    assert made.run.working_dir == "/etc"


def test_parents(bench: Bench) -> None:
    bench.write({"a/b/f": "1", "a/c/f": "2", "d/e/g": "3"})
    made = bench.build("FROM scratch\nCOPY --parents a/*/f d/e /x/\nCOPY --parents a/./b/f d/./e /y\n")
    assert {path for path in made.files if path.endswith(("f", "g"))} == {
        *("x/a/b/f", "x/a/c/f", "x/d/e/g"),
        *("y/b/f", "y/e/g"),
    }


def test_ignored_files_cannot_be_seen_in_a_bind_mount(bench: Bench) -> None:
    bench.write({".dockerignore": "no\n", "no": "1", "yes": "2"})
    made = bench.build("FROM busybox\nRUN --mount=type=bind,target=/c ls /c\n")
    assert made.log.lines == ["yes"]
