"""Each kind of value: read exactly from its file, refused outside its kind with the line, told as a list shows it."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from escrow.rules.parameters import PARAMETERS
from escrow.rules.rulebook import BadRuleFile, Rule, Rulebook, WrongKindOfValue
from escrow.rules.values import Floor, PayTerm, Renewal, told

CITATION = """
    citation: {title: "监管办法", number: "某教〔2025〕1号", source: "as reported by", read_on: "2026-11-01", tag: "R"}
"""


def _rule(folder: Path, name: str, value: str) -> Rule:
    """A rulebook of one place and one rule, whose value stands as it is written here, from line 6 on."""
    place = folder / "cn"
    place.mkdir()
    (place / "jurisdiction.yaml").write_text(
        f'code: "cn"\nname: {{zh: "某地", en: "x"}}\nenforcement: "flag"\nseverity: {{{name}: "notice"}}\n', "utf-8"
    )
    spec = PARAMETERS[name]
    head = f'parameter: "{name}"\nunit: "{spec.unit}"\ndecided_by: "{spec.decided_by[0]}"\nversions:\n'
    text = f'{head}  - first_day: "2025-01-01"\n    value: {value}{CITATION}'
    (place / f"{name}.yaml").write_text(text, encoding="utf-8")
    return Rulebook.load(folder).rules[0]


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("prepayment.max_lessons", "60", (60, "60")),
        ("prepayment.loan", '"no"', (False, "no")),
        ("account.supervised", '"yes"', (True, "yes")),
        ("deposit.payout_limit", '"2.50"', (Fraction(5, 2), "2.5")),
        ("deposit.payout_limit", '"0.000001"', (Fraction(1, 1000000), "0.000001")),
        (
            "prepayment.renew_at",
            "{lessons_left: 20, months_before_start: 1}",
            (
                Renewal(lessons_left=20, months_before_start=1),
                "20 lessons left, or 1 calendar month(s) before the new start",
            ),
        ),
        (
            "refund.pay_within",
            "{before_start: 5, after_start: 15}",
            (PayTerm(before_start=5, after_start=15), "5 before the first lesson, 15 from it on"),
        ),
        (
            "deposit.floor",
            '{share: "0.20", base: "fees_received", months: 3, rounding: "up"}',
            (
                Floor(share=Fraction(1, 5), base="fees_received", months=3, rounding="up"),
                "0.2 × fees_received of the last 3 calendar month(s), rounded up to the fen",
            ),
        ),
        (
            "deposit.floor",
            '{share: "1", base: "charging_cycle", rounding: "down"}',
            (
                Floor(share=Fraction(1), base="charging_cycle", months=None, rounding="down"),
                "1 × charging_cycle, rounded down to the fen",
            ),
        ),
    ],
)
def test_a_value_is_read_exactly_and_told_as_it_was_meant(
    name: str, written: str, meant: tuple[object, str], tmp_path: Path
) -> None:
    rule = _rule(tmp_path, name, written)
    value, shown = meant

    assert rule.value == value
    assert type(rule.value) is type(value)
    assert told(rule.value) == shown


@pytest.mark.parametrize(
    ("name", "written", "reason"),
    [
        ("prepayment.loan", '"maybe"', "value is 'maybe'; allowed: yes, no"),
        ("prepayment.loan", "no", "'no' without quotes would be read as true or false"),
        ("deposit.payout_limit", "0.2", "'0.2' without quotes would be read as a binary fraction"),
        ("deposit.payout_limit", "2", "value must be a text"),
        ("deposit.payout_limit", '"20%"', "value is '20%'; a ratio is written"),
        ("deposit.payout_limit", '"-1"', "value is '-1'; a ratio is written"),
        ("deposit.payout_limit", '"1e3"', "value is '1e3'; a ratio is written"),
        ("deposit.payout_limit", '"٣"', "a ratio is written"),
        ("lesson.minutes", "0", "value is 0; it must be 1 or more"),
        ("roster.deadline", "32", "value is 32; it must be from 1 to 31"),
        ("roster.deadline", "{first: 1}", "value must be a whole number"),
        ("lesson.latest_end", '"24:00"', "a time is written"),
        ("release.window", "{first: 15, last: 10}", "a window runs forward inside a month; found 15 to 10"),
        ("release.window", "{first: 10, last: 32}", "a window runs forward inside a month; found 10 to 32"),
        ("release.window", "10", "value must be a mapping"),
        ("prepayment.renew_at", "{lessons_left: 20}", "months_before_start is missing"),
        ("prepayment.renew_at", "{lessons_left: -1, months_before_start: 1}", "lessons_left is -1"),
        ("prepayment.renew_at", "{lessons_left: 20, months_before_start: 1, days: 3}", "unknown key 'days'"),
        ("refund.pay_within", "{before_start: 5}", "after_start is missing"),
        ("refund.pay_within", '{before_start: "5", after_start: 15}', "before_start must be a whole number"),
        ("deposit.floor", '{share: 0.2, base: "fees_received", months: 3, rounding: "up"}', "binary fraction"),
        ("deposit.floor", '{share: "1", base: "fees", months: 3, rounding: "up"}', "base is 'fees'; allowed:"),
        ("deposit.floor", '{share: "1", base: "fees_received", rounding: "up"}', "months is missing"),
        ("deposit.floor", '{share: "1", base: "fees_received", months: 0, rounding: "up"}', "months is 0"),
        ("deposit.floor", '{share: "1", base: "fees_received", months: 3}', "rounding is missing"),
        ("deposit.floor", '{share: "1", base: "fees_received", months: 3, rounding: "half"}', "rounding is 'half'"),
        ("deposit.floor", '{share: "1", base: "charging_cycle", months: 3, rounding: "up"}', "has its own length"),
    ],
)
def test_a_value_outside_its_kind_is_refused_with_its_line(
    name: str, written: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(BadRuleFile) as refused:
        _rule(tmp_path, name, written)
    assert reason in refused.value.reason
    assert (refused.value.file.name, refused.value.line) == (f"{name}.yaml", 6)


@pytest.mark.parametrize(
    ("share", "rounding", "base", "floor"),
    [("1/5", "up", 1001, 201), ("1/5", "down", 1001, 200), ("1/5", "up", 1000, 200), ("1", "up", 0, 0)],
)
def test_a_floor_is_rounded_to_the_fen_as_its_rule_says(share: str, rounding: str, base: int, floor: int) -> None:
    rule = Floor(share=Fraction(share), base="fees_received", months=3, rounding=rounding)  # type: ignore[arg-type]
    assert rule.of(base) == floor


def test_a_value_is_given_in_its_own_kind_only(tmp_path: Path) -> None:
    rule = _rule(tmp_path, "prepayment.loan", '"no"')

    assert rule.flag is False
    with pytest.raises(WrongKindOfValue, match="holds False"):
        _ = rule.integer, "no is not zero"
    with pytest.raises(WrongKindOfValue, match="not Renewal"):
        rule.as_a(Renewal)


def test_the_shipped_ratios_and_terms_are_given_as_their_nouns() -> None:
    rulebook = Rulebook.load()
    day = date(2026, 10, 12)

    def rule(name: str, place: str) -> Rule:
        return rulebook.require(name, jurisdiction=place, on=day)

    assert rule("prepayment.renew_at", "900001").as_a(Renewal) == Renewal(lessons_left=20, months_before_start=1)
    assert rule("refund.pay_within", "110000").as_a(PayTerm) == PayTerm(before_start=5, after_start=15)
    assert rule("deposit.floor", "510300").as_a(Floor).of(100) == 20
    assert rule("deposit.payout_limit", "371082").ratio == 2
