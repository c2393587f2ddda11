"""Caches in image layouts: one machine writes, another one takes."""

import io
import tarfile
from pathlib import Path

import msgspec
import pytest

from smidgen.dockerfile.cache.document import ARTIFACT, CachedLayer, CacheDocument, CachedStep, decode_document
from smidgen.dockerfile.cache.flags import parse_cache_from, parse_cache_to
from smidgen.errors import UsageError
from smidgen.oci.descriptor import Descriptor
from smidgen.oci.digest import DiffID
from smidgen.oci.media_types import OCI_LAYER
from support.cache_machines import TWO, Machine, blob, layout_root, machine, rewrite
from support.command import Smidgen


def _to(tmp_path: Path, more: str = "") -> list[str]:
    return [f"type=local,dest={tmp_path}/cache{more}"]


def _from(tmp_path: Path) -> list[str]:
    return [f"type=local,src={tmp_path}/cache"]


def _document(tmp_path: Path) -> CacheDocument:
    _, manifest = layout_root(tmp_path / "cache")
    return decode_document(blob(tmp_path / "cache", manifest.config.digest).read_bytes())


@pytest.mark.parametrize("mode", ["min", "max"])
def test_another_machine_has_nothing_to_do(tmp_path: Path, first: Machine, second: Machine, mode: str) -> None:
    made = first.build(TWO, to=_to(tmp_path, f",mode={mode}"))
    before = second.blobs
    again = second.build(TWO, from_=_from(tmp_path))
    assert (again.log.began, again.log.warnings) == ([], [])
    assert again.image.digest == made.image.digest
    # Manifest, configuration and the two layers of the last stage: of the stage before it nothing was brought.
    assert second.blobs == before + 4
    # What was brought is the store's own from now on.
    assert second.build(TWO).log.began == []


def test_min_has_the_layers_of_the_image_and_max_those_of_all_stages(tmp_path: Path, first: Machine) -> None:
    first.build(TWO, to=[*_to(tmp_path), f"type=local,dest={tmp_path}/all,mode=max"])
    _, least = layout_root(tmp_path / "cache")
    _, most = layout_root(tmp_path / "all")
    assert (least.artifact_type, len(least.layers)) == (ARTIFACT, 2)
    assert (most.artifact_type, len(most.layers)) == (ARTIFACT, 4)


def test_the_stage_before_is_brought_when_it_is_needed(tmp_path: Path, first: Machine, second: Machine) -> None:
    first.build(TWO, to=_to(tmp_path, ",mode=max"))
    more = TWO + "COPY --from=build /noise /noise\n"
    assert second.build(more, from_=_from(tmp_path)).log.began == ["COPY --from=build /noise /noise"]


def test_with_min_the_stage_before_is_built_and_the_last_one_is_not(
    tmp_path: Path, first: Machine, second: Machine
) -> None:
    text = TWO.partition("RUN wc")[0]
    made = first.build(text, to=_to(tmp_path))
    again = second.build(text.replace("30000", "3"), from_=_from(tmp_path))
    assert again.log.began == ["COPY src /src", "RUN cat /src/* > /out && head -c 3 /dev/urandom > /noise"]
    assert again.image.diff_ids == made.image.diff_ids


def test_a_change_is_built_from_there_on(tmp_path: Path, first: Machine, second: Machine) -> None:
    first.build(TWO, to=_to(tmp_path, ",mode=max"))
    second.bench.write({"src/a": "other\n"})
    assert len(second.build(TWO, from_=_from(tmp_path)).log.began) == 4


def test_what_was_built_here_does_not_hide_what_the_cache_has(tmp_path: Path, first: Machine, second: Machine) -> None:
    made = first.build(TWO, to=_to(tmp_path, ",mode=max"))
    second.build(TWO.partition("FROM busybox\n")[0])
    again = second.build(TWO, from_=_from(tmp_path))
    assert (again.log.began, again.image.digest) == ([], made.image.digest)


def test_the_cache_of_a_build_from_a_cache_is_the_same(tmp_path: Path, first: Machine, second: Machine) -> None:
    first.build(TWO, to=_to(tmp_path, ",mode=max"))
    before = layout_root(tmp_path / "cache")[0].digest
    made = second.build(TWO, from_=_from(tmp_path), to=[f"type=local,dest={tmp_path}/next,mode=max"])
    assert made.log.warnings == []
    assert layout_root(tmp_path / "next")[0].digest == before
    third = machine(tmp_path, "third")
    count = third.blobs
    third.build(TWO, from_=_from(tmp_path), to=_to(tmp_path, ",mode=max"))
    # The very same cache is there, so the layers of the first stage are not brought for it: its two documents are.
    assert third.blobs == count + 6


def test_another_compression_takes_the_files(tmp_path: Path, first: Machine, second: Machine) -> None:
    from smidgen.dockerfile.execute.options import ExecuteOptions
    from smidgen.layer.compression import Compression

    made = first.build(TWO, to=_to(tmp_path, ",mode=max"))
    options = ExecuteOptions(
        context=None, cache_from=parse_cache_from(_from(tmp_path)), compression=Compression.parse("zstd")
    )
    again = second.bench.build(TWO, options=options)
    assert again.log.began == []
    assert again.image.diff_ids == made.image.diff_ids
    assert again.image.layers[-1].media_type.endswith("zstd")


def test_several_caches(tmp_path: Path, first: Machine, second: Machine) -> None:
    first.build(TWO, to=[f"type=local,dest={tmp_path}/a", f"type=local,dest={tmp_path}/b,tag=other"])
    sources = [f"type=local,src={tmp_path}/none", f"type=local,src={tmp_path}/b,tag=other"]
    made = second.build(TWO, from_=sources)
    assert made.log.began == []
    assert len(made.log.warnings) == 1
    assert f"the cache {tmp_path}/none:latest is not used" in made.log.warnings[0]


def test_secrets_and_commands_are_not_in_a_cache(tmp_path: Path, first: Machine) -> None:
    from smidgen.dockerfile.execute.options import ExecuteOptions

    secret = b"correct-horse-battery"
    options = ExecuteOptions(
        context=None, secrets={"token": secret}, cache_to=parse_cache_to(_to(tmp_path, ",mode=max,mounts=true"))
    )
    text = "FROM busybox\nRUN --mount=type=secret,id=token wc -c < /run/secrets/token > /count\n"
    first.bench.build(text, options=options)
    files = [path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(files) >= 5
    assert not any(secret in data or b"/run/secrets" in data for data in files)


# What is wrong with a cache costs a warning


def _damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def _check_rebuilt(second: Machine, tmp_path: Path, *, began: int = 4) -> str:
    made = second.build(TWO, from_=_from(tmp_path))
    assert made.content("out") == "one\ntwo\n"
    assert len(set(made.log.began)) == began
    (warning,) = made.log.warnings
    assert warning.startswith("the cache ")
    return warning


@pytest.mark.parametrize("what", ["layer", "document", "manifest", "index"])
def test_a_damaged_cache(tmp_path: Path, first: Machine, second: Machine, what: str) -> None:
    first.build(TWO, to=_to(tmp_path, ",mode=max"))
    cache = tmp_path / "cache"
    entry, manifest = layout_root(cache)
    path = {
        "layer": blob(cache, manifest.layers[-1].digest),
        "document": blob(cache, manifest.config.digest),
        "manifest": blob(cache, entry.digest),
        "index": cache / "index.json",
    }[what]
    _damage(path)
    _check_rebuilt(second, tmp_path)


def test_a_layer_that_is_gone(tmp_path: Path, first: Machine, second: Machine) -> None:
    first.build(TWO, to=_to(tmp_path, ",mode=max"))
    for layer in layout_root(tmp_path / "cache")[1].layers:
        blob(tmp_path / "cache", layer.digest).unlink()
    _check_rebuilt(second, tmp_path)


def _hostile(tmp_path: Path, first: Machine, **changes: object) -> None:
    first.build(TWO, to=_to(tmp_path, ",mode=max"))
    document = _document(tmp_path)
    steps = tuple(msgspec.structs.replace(step, **changes) for step in document.steps)
    rewrite(tmp_path / "cache", msgspec.json.encode(msgspec.structs.replace(document, steps=steps)))


def _layer(step: CachedStep, **changes: object) -> object:
    return msgspec.structs.replace(step.layer, **changes)


def test_a_layer_with_the_wrong_diff_id(tmp_path: Path, first: Machine, second: Machine) -> None:
    first.build(TWO, to=_to(tmp_path, ",mode=max"))
    document = _document(tmp_path)
    wrong = document.steps[-1].layer
    steps = tuple(
        msgspec.structs.replace(one, layer=_layer(one, digest=wrong.digest, size=wrong.size)) for one in document.steps
    )
    rewrite(tmp_path / "cache", msgspec.json.encode(msgspec.structs.replace(document, steps=steps)))
    assert "sha256" in _check_rebuilt(second, tmp_path)


def test_a_layer_that_cannot_be_unpacked(tmp_path: Path, first: Machine, second: Machine) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../../../escaped"), io.BytesIO())
    layer = Descriptor.of(file.getvalue(), media_type=OCI_LAYER)
    first.build(TWO, to=_to(tmp_path, ",mode=max"))
    blob(tmp_path / "cache", layer.digest).write_bytes(file.getvalue())
    steps = tuple(
        msgspec.structs.replace(one, layer=CachedLayer.of(layer, DiffID(layer.digest)))
        for one in _document(tmp_path).steps
    )
    rewrite(tmp_path / "cache", msgspec.json.encode(CacheDocument(version=1, steps=steps)))
    made = second.build(TWO.replace("RUN cat", "RUN cat -u"), from_=_from(tmp_path))
    assert made.content("out") == "one\ntwo\n"
    assert len(made.log.warnings) == 1
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize(
    "sources", [{"0": "0" * 64}, {"1": "0" * 64}, {"999999": ""}, {"0": "", "1": "", "7": "f" * 64}]
)
def test_sources_that_are_not_the_steps_own(
    tmp_path: Path, first: Machine, second: Machine, sources: dict[str, str]
) -> None:
    _hostile(tmp_path, first, sources=sources)
    assert second.build(TWO, from_=_from(tmp_path)).content("out") == "one\ntwo\n"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b"{" * 100_000,
        b'{"schemaVersion":2}',
        b'{"schemaVersion":1,"steps":[{"key":"../../x"}]}',
        b'{"schemaVersion":1,"steps":[{"key":"%s","format":"","layer":{"mediaType":"text/html","digest":"sha256:%s",'
        b'"size":1,"diffId":"sha256:%s"}}]}' % (b"0" * 64, b"0" * 64, b"0" * 64),
        b'{"schemaVersion":1,"steps":[' + b",".join([b"{}"] * 30_000) + b"]}",
        b'{"schemaVersion":1,"x":"' + b"y" * (5 << 20) + b'"}',
    ],
)
def test_documents_that_are_none(tmp_path: Path, first: Machine, second: Machine, document: bytes) -> None:
    first.build(TWO, to=_to(tmp_path, ",mode=max"))
    rewrite(tmp_path / "cache", document)
    _check_rebuilt(second, tmp_path)


def test_a_cache_that_cannot_be_written(tmp_path: Path, first: Machine) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/mine").write_text("x")
    made = first.build(TWO, to=_to(tmp_path))
    (warning,) = made.log.warnings
    assert "is not empty and not an image layout" in warning
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["mine"]


def test_no_cache_takes_nothing(tmp_path: Path, first: Machine, second: Machine) -> None:
    first.build(TWO, to=_to(tmp_path, ",mode=max"))
    assert len(second.build(TWO, from_=_from(tmp_path), use_cache=False).log.began) == 4


# Flags


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("type=s3,bucket=x", "the type is 's3'"),
        ("type=local", "there is no dest"),
        ("type=local,src=x", "src is not known"),
        ("type=local,dest=x,mode=most", "mode is 'most'"),
        ("type=local,dest=x,mounts=perhaps", "mounts is 'perhaps'"),
        ("type=inline,mode=max", "mode is not known"),
        ("type=registry", "there is no ref"),
        ("type=registry,ref=x@sha256:" + "0" * 64, "a digest cannot be written to"),
        ("dest=x", "the type is ''"),
        ("type=local,dest=x,dest=y", "stands twice"),
    ],
)
def test_flags_that_say_what_is_not_known(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_cache_to([text])


def test_the_command_line(tmp_path: Path, first: Machine, second: Machine) -> None:
    sides = [Smidgen(store=one.bench.store.root, cwd=one.bench.context) for one in (first, second)]
    for side in sides:
        (side.cwd / "Dockerfile").write_text(TWO)
    made = sides[0]("build", "-f", "Dockerfile", ".", "--cache-to", *_to(tmp_path))
    again = sides[1]("build", "-f", "Dockerfile", ".", "--cache-from", *_from(tmp_path))
    assert made.stdout == again.stdout
    sides[0]("build", "-f", "Dockerfile", ".", "--cache-from", "type=gha", fails=True)
