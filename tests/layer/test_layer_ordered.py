"""Work side by side, delivered in order; errors from every side end it."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from smidgen.layer.ordered import run_ordered


class Fault(Exception):
    pass


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
@pytest.mark.parametrize("most_workers", [1, 2, 8])
def test_results_come_in_order(count: int, most_workers: int) -> None:
    def work(item: int) -> int:
        # The first of each three is the slowest.
        time.sleep(0.002 * (2 - item % 3))
        return item * 10

    delivered: list[int] = []
    run_ordered(work, iter(range(count)), delivered.append, most_workers=most_workers)
    assert delivered == [item * 10 for item in range(count)]


def test_what_is_held_is_bounded() -> None:
    taken = 0
    delivered = 0
    most = 0

    def items() -> Iterator[int]:
        nonlocal taken, most
        for item in range(100):
            taken += 1
            most = max(most, taken - delivered)
            yield item

    def deliver(_: int) -> None:
        nonlocal delivered
        delivered += 1

    run_ordered(lambda item: item, items(), deliver, most_workers=4)
    assert delivered == 100
    assert most <= 4 + 3


def fail_at(wrong: int) -> Callable[[int], int]:
    def check(item: int) -> int:
        if item == wrong:
            raise Fault(item)
        return item

    return check


@pytest.mark.parametrize("where", ["work", "items", "deliver"])
@pytest.mark.parametrize("at", [0, 1, 7])
@pytest.mark.parametrize("most_workers", [1, 4])
def test_an_error_ends_it_and_leaves_no_thread(where: str, at: int, most_workers: int) -> None:
    # Not how many there are: threads of an earlier test may come to their end meanwhile.
    before = set(threading.enumerate())
    fault = fail_at(at)
    same = fail_at(-1)
    with pytest.raises(Fault):
        run_ordered(
            fault if where == "work" else same,
            map(fault if where == "items" else same, range(20)),
            fault if where == "deliver" else same,
            most_workers=most_workers,
        )
    assert set(threading.enumerate()) <= before


def test_one_item_starts_no_thread() -> None:
    threads: list[threading.Thread] = []
    run_ordered(lambda _: threads.append(threading.current_thread()), [None], lambda _: None, most_workers=8)
    assert threads == [threading.current_thread()]
