"""All benchmarks, one after another: `./run bench`. Each can be run alone as a module, with options of its own."""

from tests.benchmarks.ledger_posting import main

main()
