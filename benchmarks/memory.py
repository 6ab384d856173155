"""Prints the memory that a process takes with so many environments (Linux): python benchmarks/memory.py N."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from measure import one_thread_for_linear_algebra

STEPS = 60


def main() -> None:
    """Make environments, step them, and print what this process then has in memory [MB]."""
    one_thread_for_linear_algebra()
    from loops import EnvLoop

    loop = EnvLoop("SSM", int(sys.argv[1]), n_threads=1)
    loop.run(STEPS * loop.env.num_envs)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    print(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


if __name__ == "__main__":
    main()
