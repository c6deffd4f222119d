"""What a bank line is by the bank's own word: a transfer, interest (利息) or a fee (手续费). Words are in YAML."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of natures.yaml."""

    nature: str
    summary: re.Pattern[str]
    codes: frozenset[str]


def nature(*, summary: str = "", code: str = "", counterparty_account: str = "") -> str:
    """ "transfer", "interest" or "fee", decided by the bank's summary text or transaction code alone."""
    if counterparty_account:
        return "transfer"
    words = "".join(summary.split())
    for rule in _rules():
        if code in rule.codes or rule.summary.fullmatch(words):
            return rule.nature
    return "transfer"


@cache
def _rules() -> tuple[Rule, ...]:
    written = yaml.safe_load((files("reconciliation") / "natures.yaml").read_text(encoding="utf-8"))
    return tuple(
        Rule(nature=each["nature"], summary=re.compile(each["summary"]), codes=frozenset(each["codes"]))
        for each in written
    )
