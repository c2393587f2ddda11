"""Directories that commands keep, from one machine to another."""

import os
from pathlib import Path

from support.cache_machines import Machine, layout_root, machine, rewrite

_TEXT = (
    "FROM busybox\nARG N\n"
    "RUN --mount=type=cache,target=/c,id=mine,mode=0750,uid=7 echo $N >> /c/log; cat /c/log; stat -c %u:%a /c\n"
)


def _text(number: int) -> str:
    return _TEXT.replace("ARG N", f"ENV N={number}")


def test_a_mount_is_there_on_another_machine(tmp_path: Path, first: Machine, second: Machine) -> None:
    first.build(_text(1), to=[f"type=local,dest={tmp_path}/cache,mounts=true"])
    made = second.build(_text(2), from_=[f"type=local,src={tmp_path}/cache"])
    assert made.log.warnings == []
    assert made.log.lines == ["1", "2", "7:750"]
    # It is there by now, and not restored once more.
    assert second.build(_text(3), from_=[f"type=local,src={tmp_path}/cache"]).log.lines[:3] == ["1", "2", "3"]


def test_an_empty_mount_is_filled_and_another_one_is_not(tmp_path: Path, first: Machine, second: Machine) -> None:
    first.build(_text(1), to=[f"type=local,dest={tmp_path}/cache,mounts=true"])
    second.build("FROM busybox\nRUN --mount=type=cache,target=/c,id=mine true\n")
    made = second.build(_text(2), from_=[f"type=local,src={tmp_path}/cache"])
    assert made.log.lines[:2] == ["1", "2"]
    third = machine(tmp_path, "third")
    third.build(_text(8))
    assert third.build(_text(9), from_=[f"type=local,src={tmp_path}/cache"]).log.lines[:2] == ["8", "9"]


def test_links_modes_and_times_are_kept(tmp_path: Path, first: Machine, second: Machine) -> None:
    fill = "mkdir -p /c/d && echo x > /c/d/f && chmod 640 /c/d/f && ln -s d/f /c/l && touch -d @1000 /c/d/f"
    show = "stat -c %a:%Y /c/d/f && readlink /c/l"
    first.build(
        f"FROM busybox\nRUN --mount=type=cache,target=/c {fill}\n",
        to=[f"type=local,dest={tmp_path}/cache,mounts=true"],
    )
    made = second.build(
        f"FROM busybox\nRUN --mount=type=cache,target=/c {show}\n", from_=[f"type=local,src={tmp_path}/cache"]
    )
    assert made.log.lines == ["640:1000", "d/f"]


def test_without_mounts_there_are_none(tmp_path: Path, first: Machine, second: Machine) -> None:
    first.build(_text(1), to=[f"type=local,dest={tmp_path}/cache,mode=max"])
    assert second.build(_text(2), from_=[f"type=local,src={tmp_path}/cache"]).log.lines[0] == "2"


def test_a_mount_that_nothing_needed_is_passed_on(tmp_path: Path, first: Machine, second: Machine) -> None:
    first.build(_text(1), to=[f"type=local,dest={tmp_path}/cache,mounts=true"])
    made = second.build(
        _text(1), from_=[f"type=local,src={tmp_path}/cache"], to=[f"type=local,dest={tmp_path}/next,mounts=true"]
    )
    assert made.log.began == []
    assert layout_root(tmp_path / "next")[0].digest == layout_root(tmp_path / "cache")[0].digest


def test_a_hostile_mount_stays_in_its_directory(tmp_path: Path, first: Machine, second: Machine) -> None:
    import io
    import tarfile

    from smidgen.dockerfile.cache.document import CachedLayer, CachedMount, document_of, encode_document
    from smidgen.oci.descriptor import Descriptor
    from smidgen.oci.digest import DiffID
    from smidgen.oci.media_types import OCI_LAYER
    from support.cache_machines import blob

    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        out = tarfile.TarInfo("out")
        out.type, out.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(out)
        tar.addfile(tarfile.TarInfo("out/escaped"), io.BytesIO())
        tar.addfile(tarfile.TarInfo("../../escaped"), io.BytesIO())
    first.build(_text(1), to=[f"type=local,dest={tmp_path}/cache,mounts=true"])
    layer = Descriptor.of(file.getvalue(), media_type=OCI_LAYER)
    blob(tmp_path / "cache", layer.digest).write_bytes(file.getvalue())
    mount = CachedMount(id="mine", layer=CachedLayer.of(layer, DiffID(layer.digest)))
    rewrite(tmp_path / "cache", encode_document(document_of((), (mount,))))
    made = second.build(_text(2), from_=[f"type=local,src={tmp_path}/cache"])
    assert made.log.lines[0] == "2"
    assert "is not restored" in made.log.warnings[0]
    assert "escaped" not in {name for _, _, names in os.walk(tmp_path) for name in names}
