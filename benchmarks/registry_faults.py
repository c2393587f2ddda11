"""A thousand pushes and a thousand pulls while a fifth of all requests fails: ``python -m benchmarks.registry_faults``.

Everything is on the loopback address. The same seed gives the same row of faults; the time depends on the machine.
Writes ``registry_faults.md``, and exits with 1 where anything was lost, wrong or leaked.
"""

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

from support.registry_soak import Soaked, soak

_TABLE = Path(__file__).with_suffix(".md")
_MIB = 1 << 20


def main() -> int:
    """Run, write the table, and tell whether all was well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--threads", type=int, default=4, help="of each process")
    parser.add_argument("--share", type=float, default=0.2, help="of the requests that fail")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smidgen-soak-") as name:
        came = soak(
            Path(name),
            images=options.images,
            workers=options.workers,
            threads=options.threads,
            share=options.share,
            seed=options.seed,
        )
    text = render(came, options)
    _TABLE.write_text(text)
    print(text)
    for line in (*came.failures, *came.leaks):
        print(line, file=sys.stderr)
    return 0 if came.pulled == options.images and not came.failures and not came.leaks else 1


def render(came: Soaked, options: argparse.Namespace) -> str:
    """Write the table."""
    hit = sum(came.hits.values())
    rows = [
        ("images pushed", f"{came.pushed} of {options.images}"),
        ("images pulled and compared byte by byte", f"{came.pulled} of {options.images}"),
        ("wrong bytes, in the registry or in a store", "0" if not came.failures else "see the failures"),
        ("secrets found in output, errors, files, or at another server", str(len(came.leaks))),
        ("requests", f"{came.requests}"),
        ("of them hit by a fault", f"{hit} ({hit / max(came.requests, 1):.1%})"),
        ("sent on to another server", str(came.redirected)),
        ("wall time", f"{came.seconds:.0f} s"),
        ("peak memory of a process", f"{came.peak / _MIB:.0f} MiB"),
    ]
    system = f"{os.cpu_count()} processors, Linux {platform.release()}, Python {platform.python_version()}"
    parallel = f"{options.workers} processes with {options.threads} threads each, seed {options.seed}"
    return "\n".join(
        [
            "# Pushes and pulls while requests fail",
            "",
            "Made by `python -m benchmarks.registry_faults`. Each image is an index of two platforms with up to five",
            "layers. A registry with tokens, on the loopback address, lets a share of all requests fail by chance;",
            f"tokens expire besides. {system}; {parallel}.",
            "",
            "| | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in rows),
            "",
            "| fault | times |",
            "|---|---|",
            *(f"| {name} | {count} |" for name, count in sorted(came.hits.items())),
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
