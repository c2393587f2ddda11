"""A fifth of all requests fails, and nothing is lost, nothing is wrong, nothing leaks. The long run is a benchmark."""

from pathlib import Path

from support.registry_soak import soak

_IMAGES = 60
_MEMORY = 100 << 20


def test_a_fifth_of_all_requests_fails(tmp_path: Path) -> None:
    came = soak(tmp_path, images=_IMAGES, workers=2, seed=20)
    assert came.failures == []
    assert came.leaks == []
    assert (came.pushed, came.pulled) == (_IMAGES, _IMAGES)
    assert sum(came.hits.values()) > came.requests * 0.15
    assert len(came.hits) > 20
    assert came.redirected
    assert came.peak < _MEMORY
