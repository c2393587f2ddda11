"""Records of steps are of one store, and of many Dockerfiles."""

from smidgen.layer.entry import Entry
from support.dockerfile_bench import Bench


def test_a_record_of_another_dockerfile_where_the_image_was_a_stage(bench: Bench) -> None:
    bench.base("other", [Entry.file("f", b"1")])
    one = bench.build("FROM other AS o\nFROM scratch\nCOPY --from=o /f /g\n")
    two = bench.build("FROM scratch\nCOPY --from=other /f /g\n")
    assert one.image.descriptor == two.image.descriptor or one.files == two.files
