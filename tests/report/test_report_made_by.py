"""What made a layer, in the words of its Dockerfile, whichever builder wrote the history."""

import pytest

from smidgen.report.made_by import instruction


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ('/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'),
        ("/bin/sh -c apk add  git", "RUN apk add git"),
        ("RUN /bin/sh -c go build . # buildkit", "RUN go build ."),
        ("RUN |2 A=1 B=x y /bin/sh -c go build . # buildkit", "RUN go build ."),
        ("|1 A=1 /bin/sh -c go build .", "RUN go build ."),
        ("COPY . /src # buildkit", "COPY . /src"),
        ("/zones", "/zones"),
        ("", ""),
        ("|1 " * 50_000, ("|1 " * 33_334)[:100_000].strip()),
    ],
)
def test_history(history: str, said: str) -> None:
    assert instruction(history) == said
