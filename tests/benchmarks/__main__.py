"""The benchmarks: `./run bench` runs all of them, one after another; `./run bench NAME …` one, with its own options."""

import sys

from tests.benchmarks import (
    balances_as_of,
    camt_reading,
    cap_sweep,
    detectors,
    ledger_history,
    ledger_posting,
    ledger_recheck,
    ledger_rivals,
    ledger_singles,
    planted_breaks,
    reconcile_million,
    signed_words,
)

BENCHMARKS = {
    each.__name__.rpartition(".")[2]: each.main
    for each in (
        ledger_posting,
        ledger_singles,
        ledger_history,
        ledger_recheck,
        ledger_rivals,
        balances_as_of,
        camt_reading,
        detectors,
        cap_sweep,
        planted_breaks,
        reconcile_million,
        signed_words,
    )
}

name = sys.argv[1] if len(sys.argv) > 1 else None
if name is None:
    for run in BENCHMARKS.values():
        run()
elif name in BENCHMARKS:
    del sys.argv[1]
    BENCHMARKS[name]()
else:
    sys.exit(f"there is no benchmark {name}; there are: {', '.join(BENCHMARKS)}")
