"""Faults around a registry: which request is hit, and by what.

A plan is a row of rules; the first one that matches and is not used up decides what happens to a request. What
can happen is in ``faulty_registry_actions``.
"""

import random
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from support.registry_wire import Answer, Request, Service

#: What is done with a request; the service is what would have answered it.
Action = Callable[[Request, Service], Answer]
FOREVER = 1 << 30


@dataclass
class Rule:
    """Hits some requests with an action.

    Attributes:
        method: Expression that the whole method matches.
        target: Expression that is found in path and query.
        times: So many of the matching requests are hit.
        after: So many matching requests pass before.
        header: Only requests that have this header, where it is not empty.
    """

    method: str
    target: str
    action: Action
    times: int = 1
    after: int = 0
    header: str = ""
    seen: int = 0
    hits: int = 0

    def takes(self, request: Request) -> bool:
        """Tell whether this request is to be hit, and count it."""
        if not re.fullmatch(self.method, request.method) or not re.search(self.target, request.target):
            return False
        if self.header and request.headers.get(self.header) is None:
            return False
        self.seen += 1
        if self.seen <= self.after or self.hits >= self.times:
            return False
        self.hits += 1
        return True


@dataclass
class Plan:
    """Rules around a service.

    Attributes:
        rules: The first that takes a request has it.
    """

    rules: Sequence[Rule]
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def around(self, service: Service) -> Service:
        """Give *service* with the faults of this plan."""

        def faulty(request: Request) -> Answer:
            with self._guard:
                rule = next((one for one in self.rules if one.takes(request)), None)
            return rule.action(request, service) if rule else service(request)

        return faulty

    @property
    def hits(self) -> int:
        """How many requests were hit."""
        return sum(rule.hits for rule in self.rules)


@dataclass(frozen=True)
class Mishap:
    """What can happen to some requests.

    Attributes:
        applies: Tells whether it would make a difference to a request.
    """

    name: str
    action: Action
    applies: Callable[[Request], bool] = lambda _request: True


@dataclass
class Chaos:
    """Hits a share of all requests by chance, each with one of the mishaps that make a difference to it.

    Attributes:
        share: Between 0 and 1.
        mishaps: What can happen.
        seed: The same seed gives the same row of faults, though requests may come in another order.
        hits: How often each action came.
        requests: How many requests there were.
    """

    share: float
    mishaps: Sequence[Mishap]
    seed: int
    hits: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def around(self, service: Service) -> Service:
        """Give *service* with these faults."""

        def faulty(request: Request) -> Answer:
            with self._guard:
                self.requests += 1
                if self._chance.random() >= self.share:
                    mishap = None
                else:
                    mishap = self._chance.choice([one for one in self.mishaps if one.applies(request)])
                    self.hits[mishap.name] = self.hits.get(mishap.name, 0) + 1
            return mishap.action(request, service) if mishap else service(request)

        return faulty
