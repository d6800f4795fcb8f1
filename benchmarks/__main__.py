"""Run every benchmark: `python -m benchmarks`, or some: `python -m benchmarks training rows`."""

from __future__ import annotations

import sys
from importlib import import_module

BENCHMARKS = (
    "files",
    "ledger",
    "rows",
    "training",
    "beside",
    "bursts",
    "lightning",
    "ranks",
    "mlflow",
    "metrics",
    "documents",
    "server",
    "pages",
    "administration",
)


def main() -> None:
    for name in sys.argv[1:] or BENCHMARKS:
        if name not in BENCHMARKS:
            raise SystemExit(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
        print(f"\n== {name}", flush=True)
        sys.argv[1:] = []
        import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
