"""The law as sentences: every case of `cases/*.yaml`, and the proof that no number of a rule file escapes them."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from escrow.enrolment.caps import Terms, examine
from escrow.rules.parameters import PARAMETERS
from escrow.rules.rulebook import SHIPPED, BadRuleFile, Rule, Rulebook, Window
from escrow.rules.strict_yaml import Table, read

CASES: Final = Path(__file__).parent / "cases"
ORDINARY: Final = read(CASES / "ordinary_contract.yaml").table("contract")
MODEL_COUNTY: Final = "900001"

_DAYS: Final = ("signed_on", "first_lesson", "last_lesson")


def _sentences(key: str) -> list[Table]:
    return [
        case for file in sorted(CASES.glob("*.yaml")) if key in read(file).entries for case in read(file).tables(key)
    ]


CONTRACTS: Final = _sentences("cases")
QUESTIONS: Final = _sentences("questions")


def _named(case: Table) -> str:
    return case.text("sentence")


def _terms(changes: Table) -> Terms:
    changes.only(*(field.name for field in fields(Terms)))
    told: dict[str, Any] = {**ORDINARY.entries, **changes.entries}
    told["contract_id"] = None if told["contract_id"] == "draft" else told["contract_id"]
    return Terms(**(told | {day: date.fromisoformat(told[day]) for day in _DAYS}))


def _judge_contract(case: Table, rulebook: Rulebook) -> None:
    case.only("sentence", "contract", "others", "breaks", "found", "limit")
    others = [_terms(other) for other in case.tables("others")] if "others" in case.entries else []
    findings = examine(_terms(case.table("contract")), others, rulebook=rulebook, jurisdiction=MODEL_COUNTY)

    assert tuple(finding.rule.name for finding in findings) == case.entries["breaks"]
    for key in ("found", "limit"):
        if key in case.entries:
            assert [getattr(finding, key) for finding in findings] == [case.text(key)]


def _judge_question(case: Table, rulebook: Rulebook) -> None:
    case.only("sentence", "ask", "category", "mode", "place", "day", "answer", "version")
    rule = rulebook.in_force(
        case.text("ask"),
        jurisdiction=case.text("place"),
        on=case.day("day"),
        category=case.maybe_text("category"),
        mode=case.maybe_text("mode"),
    )

    assert _answer(rule) == case.text("answer")
    if rule is not None and "version" in case.entries:
        assert rule.version == case.text("version")


def _answer(rule: Rule | None) -> str:
    if rule is None:
        return "no rule"
    if isinstance(rule.value, Window):
        return f"{rule.window.first} to {rule.window.last}"
    if isinstance(rule.value, time):
        return rule.local_time.isoformat("minutes")
    return str(rule.value)


@pytest.fixture(scope="module")
def shipped() -> Rulebook:
    return Rulebook.load()


@pytest.mark.parametrize("case", CONTRACTS, ids=_named)
def test_contract(case: Table, shipped: Rulebook) -> None:
    _judge_contract(case, shipped)


@pytest.mark.parametrize("case", QUESTIONS, ids=_named)
def test_rulebook(case: Table, shipped: Rulebook) -> None:
    _judge_question(case, shipped)


# ---- a number of the law that is changed by one breaks a case ----------------------------------------------------

_VALUE: Final = re.compile(r'^\s+(?:- )?(?:value|first|last|first_day|last_day): "?([^"\n]+)"?$', re.MULTILINE)
"""Every figure, day, clock time and choice of a rule file, but those in its citation."""


def _neighbours(text: str, parameter: str) -> list[str]:
    if re.fullmatch(r"\d+", text):
        return [str(int(text) - 1), str(int(text) + 1)]
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return [(date.fromisoformat(text) + timedelta(days=step)).isoformat() for step in (-1, 1)]
    if re.fullmatch(r"\d{2}:\d{2}", text):
        minutes = int(text[:2]) * 60 + int(text[3:])
        return [f"{(minutes + step) // 60:02d}:{(minutes + step) % 60:02d}" for step in (-1, 1)]
    return [choice for choice in PARAMETERS[parameter].choices if choice != text]


class Mutation(NamedTuple):
    """One value of a shipped file, by its place in the text, and what it is changed to."""

    file: Path
    start: int
    end: int
    instead: str


def _mutations() -> Iterator[Mutation]:
    for file in sorted(SHIPPED.glob("*/*.yaml")):
        for found in _VALUE.finditer(file.read_text(encoding="utf-8")):
            for neighbour in _neighbours(found[1], file.stem):
                yield Mutation(file.relative_to(SHIPPED), *found.span(1), neighbour)


def _mutation_name(mutation: Mutation) -> str:
    return f"{mutation.file} at {mutation.start} to {mutation.instead}"


def _some_case_fails(rulebook: Rulebook) -> bool:
    judges: list[tuple[Callable[[Table, Rulebook], None], list[Table]]] = [
        (_judge_question, QUESTIONS),
        (_judge_contract, CONTRACTS),
    ]
    for judge, cases in judges:
        for case in cases:
            try:
                judge(case, rulebook)
            except AssertionError:
                return True
    return False


@pytest.mark.parametrize("mutation", list(_mutations()), ids=_mutation_name)
def test_a_changed_value_of_the_law_breaks_a_case(mutation: Mutation, tmp_path: Path) -> None:
    changed = tmp_path / "cn"
    shutil.copytree(SHIPPED, changed)
    file = changed / mutation.file
    text = file.read_text(encoding="utf-8")
    file.write_text(text[: mutation.start] + mutation.instead + text[mutation.end :], encoding="utf-8")

    assert _some_case_fails(Rulebook.load(changed))


def test_every_rule_file_has_values_that_are_changed() -> None:
    changed = {mutation.file for mutation in _mutations()}
    files = {file.relative_to(SHIPPED) for file in SHIPPED.glob("*/*.yaml") if file.stem != "jurisdiction"}
    assert changed == files


def test_the_cases_hold_on_the_shipped_rules_so_a_failure_is_the_changes() -> None:
    assert not _some_case_fails(Rulebook.load())


def test_a_case_with_a_misspelt_word_is_refused(tmp_path: Path, shipped: Rulebook) -> None:
    file = tmp_path / "case.yaml"
    file.write_text('sentence: "x"\ncontract: {lesons: 75}\nbreaks: []\n', encoding="utf-8")
    with pytest.raises(BadRuleFile, match="lesons"):
        _judge_contract(read(file), shipped)
