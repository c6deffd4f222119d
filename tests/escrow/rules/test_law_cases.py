"""Every case of the law holds on the shipped rules, and no number, day, word or flag of a rule file escapes them."""

from pathlib import Path

import pytest

from escrow.rules.rulebook import BadRuleFile
from escrow.rules.strict_yaml import read
from tests.escrow.rules.law_cases import Case, Law, judge_contract, read_cases
from tests.escrow.rules.mutating import Judges, law_files, mutations


@pytest.fixture(scope="module")
def shipped() -> Law:
    return Law.shipped()


@pytest.mark.parametrize("case", list(read_cases()), ids=lambda case: case.sentence)
def test_law(case: Case, shipped: Law) -> None:
    case.judge(case.table, shipped)


def test_a_changed_value_of_the_law_breaks_a_case_or_is_refused(tmp_path: Path) -> None:
    judges = Judges(tmp_path)
    survivors = [mutation.told for mutation in mutations(law_files()) if judges.seen_by(mutation) is None]
    assert not survivors, "\n".join(survivors)


def test_every_file_has_values_that_are_changed() -> None:
    files = law_files()
    assert {mutation.file for mutation in mutations(files)} == set(files)


def test_the_cases_hold_on_the_shipped_rules_so_a_failure_is_the_changes(tmp_path: Path) -> None:
    assert Judges(tmp_path).failing() == []


def test_a_case_with_a_misspelt_word_is_refused(tmp_path: Path, shipped: Law) -> None:
    file = tmp_path / "case.yaml"
    file.write_text('sentence: "x"\ncontract: {lesons: 75}\nbreaks: []\n', encoding="utf-8")
    with pytest.raises(BadRuleFile, match="lesons"):
        judge_contract(read(file), shipped)
