"""The source of a build script: which files it is, and a digest that says whether it changed."""

import os
import subprocess
from pathlib import Path

from smidgen.gobuild.sources.tree import copy_tree, source_files, tree_digest
from support.written_files import write_files


def _files(root: Path) -> tuple[str, ...]:
    return source_files(str(root), os.environ)


def _digest(root: Path) -> str:
    return tree_digest(str(root), _files(root))


def test_git_says_what_is_source(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.c": "", "new.c": "", "gone.c": "", "a.o": "", "sub/b.c": "", ".gitignore": "*.o\n"})
    assert "a.o" in _files(tmp_path)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "add", "a.c", "gone.c"], check=True)
    (tmp_path / "gone.c").unlink()
    assert _files(tmp_path) == (".gitignore", "a.c", "new.c", "sub/b.c")
    assert _files(tmp_path / "sub") == ("b.c",)


def test_caches_are_no_source(tmp_path: Path) -> None:
    write_files(tmp_path, {"main.c": "", "target/CACHEDIR.TAG": "", "target/x": "", "d/.git": "gitdir: x"})
    assert _files(tmp_path) == ("main.c",)


def test_the_digest_is_of_what_a_compiler_sees(tmp_path: Path) -> None:
    write_files(tmp_path, {"a": "1", "b": "2"})
    (tmp_path / "link").symlink_to("a")
    first = _digest(tmp_path)
    os.utime(tmp_path / "a", (1, 1))
    assert _digest(tmp_path) == first
    seen = {first}
    (tmp_path / "a").chmod(0o755)
    seen.add(_digest(tmp_path))
    write_files(tmp_path, {"a": "3"})
    seen.add(_digest(tmp_path))
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("b")
    seen.add(_digest(tmp_path))
    (tmp_path / "b").rename(tmp_path / "c")
    seen.add(_digest(tmp_path))
    assert len(seen) == 5


def test_a_copy_has_everything_and_one_time(tmp_path: Path) -> None:
    source = write_files(tmp_path / "source", {"a": "1", "sub/b": "2"})
    (source / "link").symlink_to("/nowhere")
    (source / "sub" / "b").chmod(0o700)
    copy = tmp_path / "copy"
    copy_tree(str(source), _files(source), str(copy))
    assert _digest(copy) == _digest(source)
    assert len({one.stat().st_mtime_ns for one in (copy / "a", copy / "sub" / "b")}) == 1
