"""A month of 100,000 lines with breaks of every kind planted in it: which are found, and what is said besides.

    python -m tests.benchmarks.planted_breaks [--lines 100000] [--breaks 600]

All amounts are one of three, so a match by amount alone would be wrong two times of three. Of each kind: how many
statements are true (a merged payment has five: the line, both items, and the proposal that joins them), how many of
them were made. Everything else that was said is invented.
"""

import argparse
import sys
import time
from collections import Counter
from typing import Any

from tests.benchmarks.machine import show
from tests.reconciliation import planted


def main() -> None:
    """Plant, reconcile, and hold what was said against what is true."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--breaks", type=int, default=600, help="of each kind")
    asked = parser.parse_args()
    made = planted.month(asked.lines, breaks=asked.breaks)
    start = time.perf_counter()
    found = planted.said(*planted.reconciled(made))
    seconds = time.perf_counter() - start
    rows: list[dict[str, Any]] = [
        {
            "planted": name,
            "true": len(words),
            "found": len(words & found),
            "missed": len(words - found),
            "said": _kinds(words),
        }
        for name, words in made.truth.items()
    ]
    invented = {word for word in found if all(word not in words for words in made.truth.values())}
    rows.append({"planted": "nothing", "true": 0, "found": len(invented), "missed": 0, "said": _kinds(invented)})
    sys.stdout.write(f"{len(made.rows):,} lines, {len(made.items):,} items, read and matched in {seconds:.1f} s\n")
    show("Planted breaks", rows)


def _kinds(words: set[planted.Word]) -> str:
    return ", ".join(f"{count} {word}" for word, count in Counter(word for word, _, _ in words).most_common())


if __name__ == "__main__":
    main()
