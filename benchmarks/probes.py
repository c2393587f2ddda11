"""Measures of smidgen alone: how fast it starts, how much memory it takes, and what machine this is."""

import os
import platform
import subprocess
import sys
import time
import zlib
from pathlib import Path

from benchmarks.contenders import GoBuild, start
from benchmarks.programs import Checkout

from support.go_tools import KO, go

_GIGABYTE = 10**9
# Starts smidgen, and tells the high-water mark of this process alone: a child's, such as the compiler's, is not in it.
WATCHED = """
import sys
from smidgen.cli.entry import run
code = run(sys.argv[1:])
peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM:")][0].split()[1]
print(peak, file=sys.stderr)
sys.exit(code)
"""


def seconds_of(command: list[str]) -> float:
    """Time one run of *command*."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.perf_counter() - begin


def starting(rounds: int) -> tuple[list[float], list[float]]:
    """Time ``smidgen --version`` and ``python -c pass`` in turn."""
    ours = [str(Path(sys.executable).with_name("smidgen")), "--version"]
    bare = [sys.executable, "-c", "pass"]
    pairs = [(seconds_of(ours), seconds_of(bare)) for _ in range(rounds)]
    return [one for one, _ in pairs], [two for _, two in pairs]


def peak_memory(checkout: Checkout, work: Path) -> int:
    """Build with a file of 1 GB that does not compress; gives the peak resident bytes."""
    big = work / "big"
    with big.open("wb") as file:
        for _ in range(_GIGABYTE // 10**6):
            file.write(os.urandom(10**6))
    command = [sys.executable, "-c", WATCHED, "build", checkout.program.package, "-q"]
    command += ["--add", f"{big}:/big", "-t", "big", "--store", str(work / "store-big")]
    ended = subprocess.run(command, cwd=checkout.directory, check=True, capture_output=True, text=True)
    big.unlink()
    return int(ended.stderr.split()[-1]) * 1024


def floor(go_build: GoBuild, checkout: Checkout, needs: bytes) -> tuple[int, int]:
    """Give the bytes of ``gzip -9`` of the binary and of its needs, and the bytes of the binary."""
    binary = go_build.binary(checkout).read_bytes()
    return _gzip_size(binary) + (_gzip_size(needs) if needs else 0), len(binary)


def _gzip_size(data: bytes) -> int:
    return len(zlib.compress(data, 9, wbits=31))


def machine() -> dict[str, str]:
    """Describe this machine and the versions of everything."""
    return {
        "processor": _field("/proc/cpuinfo", "model name"),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 1e6:.0f} GB",
        "system": f"{_field('/etc/os-release', 'PRETTY_NAME', '=')}, Linux {platform.release()}",
        "load when it began": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        "smidgen": start([str(Path(sys.executable).with_name("smidgen")), "--version"], cwd=Path()).split()[-1],
        "go": start([go(), "env", "GOVERSION"], cwd=Path()).strip().removeprefix("go"),
        "ko": KO.partition("@v")[2],
    }


def _field(path: str, name: str, separator: str = ":") -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(separator)
        if key.strip() == name:
            return value.strip().strip('"')
    return "unknown"
