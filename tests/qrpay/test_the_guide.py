"""The guide: its example does what it says."""

import re
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "qrpay.md"


def test_the_example_of_the_guide_runs_as_it_is_written() -> None:
    [example] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    exec(compile(example, str(GUIDE), "exec"), {})  # noqa: S102  our own text
