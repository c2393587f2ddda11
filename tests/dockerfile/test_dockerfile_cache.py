"""What is done again, and what is not."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

from smidgen.dockerfile.execute.options import ExecuteOptions
from support.dockerfile_bench import Bench, busybox_entries

_TWO = """
FROM busybox AS build
COPY src /src
RUN cat /src/* > /out && echo run >> /log
FROM scratch
COPY --from=build /out /out
"""


def test_nothing_changed(bench: Bench) -> None:
    bench.write({"src/a": "1"})
    first = bench.build(_TWO)
    again = bench.build(_TWO)
    assert again.log.began == []
    assert again.image.digest == first.image.digest


def test_unpacked_layers_are_not_needed_when_nothing_changed(bench: Bench) -> None:
    bench.write({"src/a": "1"})
    first = bench.build(_TWO)
    shutil.rmtree(bench.store.root / "snapshots")
    again = bench.build(_TWO)
    assert (again.log.began, again.image.digest) == ([], first.image.digest)


def test_touching_a_file_changes_nothing(bench: Bench) -> None:
    bench.write({"src/a": "1"})
    bench.build(_TWO)
    os.utime(bench.context / "src/a", (1, 1))
    os.chown(bench.context / "src/a", 5, 5)
    assert bench.build(_TWO).log.began == []


def test_another_content_mode_or_name_does(bench: Bench) -> None:
    bench.write({"src/a": "1"})
    bench.build(_TWO)
    bench.write({"src/a": "2"})
    assert bench.build(_TWO).content("out") == "2"
    (bench.context / "src/a").chmod(0o600)
    assert len(bench.build(_TWO).log.began) == 2
    (bench.context / "src/a").rename(bench.context / "src/b")
    assert len(bench.build(_TWO).log.began) == 2


def test_the_same_files_of_another_run_end_what_is_done_again(bench: Bench) -> None:
    # The stage is built again, and comes to the same file: the image's layer is there.
    bench.write({"src/a": "1"})
    first = bench.build(_TWO)
    made = bench.build(_TWO.replace("echo run", "echo other"))
    assert len(made.log.began) == 1
    assert made.image.digest == first.image.digest


def test_no_cache_and_stages_of_it(bench: Bench) -> None:
    bench.write({"src/a": "1"})
    bench.build(_TWO)
    assert len(bench.build(_TWO, options=ExecuteOptions(context=None, use_cache=False)).log.began) == 3
    some = ExecuteOptions(context=None, no_cache_stages=frozenset({"build"}))
    assert len(bench.build(_TWO, options=some).log.began) == 2


def test_an_argument_counts_where_it_is_known(bench: Bench) -> None:
    text = "FROM busybox\nRUN echo 1 > /1\nARG A\nRUN echo $A > /2\n"
    bench.build(text, args={"A": "x"})
    made = bench.build(text, args={"A": "y"})
    assert made.log.began == ["RUN echo $A > /2"]
    assert made.content("2") == "y\n"


def test_proxies_do_not_count(bench: Bench) -> None:
    text = "FROM busybox\nRUN echo $http_proxy\n"
    first = bench.build(text, args={"HTTP_PROXY": "http://one"})
    assert first.log.lines == ["http://one"]
    assert bench.build(text, args={"HTTP_PROXY": "http://two"}).log.began == []


def test_another_base_does(bench: Bench) -> None:
    text = "FROM busybox\nRUN echo 1 > /1\nCOPY --link src /src\n"
    bench.write({"src/a": "1"})
    bench.build(text)
    bench.base("busybox", [*busybox_entries(), *busybox_entries()[:1]])
    assert bench.build(text).log.began == ["RUN echo 1 > /1"]


def test_a_failed_command_is_not_remembered(bench: Bench) -> None:
    text = "FROM busybox\nRUN --mount=type=cache,target=/c test -e /c/x || { touch /c/x; exit 1; }\n"
    for expected in (1, 0):
        try:
            bench.build(text)
        except Exception:  # noqa: BLE001
            assert expected == 1
        else:
            assert expected == 0


def test_builds_at_the_same_time(bench: Bench) -> None:
    bench.write({"src/a": "1"})
    with ThreadPoolExecutor(4) as pool:
        digests = {made.image.digest for made in pool.map(lambda _: bench.build(_TWO), range(4))}
    assert len(digests) == 1
    assert not [path for path in (bench.store.root / "snapshots/root").iterdir() if path.name.startswith("draft")]


def test_the_same_in_another_place(bench: Bench, tmp_path_factory: object) -> None:
    bench.write({"src/a": "1"})
    other_place = bench.context.parent / "elsewhere"
    other_place.mkdir()
    other = Bench.at(other_place)
    other.write({"src/a": "1"})
    os.utime(other.context / "src/a", (5, 5))
    text = _TWO + "FROM busybox\nCOPY . /all\nWORKDIR /w\nRUN mkdir -p x/y && date > /dev/null && touch x/z\n"
    assert bench.build(text).image.digest == other.build(text).image.digest


def test_garbage_collection_leaves_what_is_used(bench: Bench) -> None:
    bench.write({"src/a": "1"})
    first = bench.build(_TWO)
    bench.store.gc()
    assert bench.build(_TWO).image.digest == first.image.digest
    bench.store.gc(builds=True)
    assert list((bench.store.root / "snapshots/root").iterdir()) == []
    assert bench.build(_TWO).image.digest == first.image.digest
