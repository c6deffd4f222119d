"""The guide: its example does what it says."""

import re
from pathlib import Path

from reconciliation import channel, matching, three_ways

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "reconciliation.md").read_text(encoding="utf-8")


def test_the_example_of_the_guide_runs_as_it_is_written() -> None:
    [example] = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
    exec(compile(example, "docs/reconciliation.md", "exec"), {})  # noqa: S102  our own text


def test_the_guide_names_every_kind_of_break_and_state() -> None:
    told = set(re.findall(r"`([a-z_]+)`", GUIDE))
    assert {*matching.BREAKS, *three_ways.STATES} <= told
    assert channel.DIFFERENCES
