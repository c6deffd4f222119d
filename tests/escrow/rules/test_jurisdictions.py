"""What a breach does and is worth in a place: its own word, or that of the nearest place above that has one."""

from pathlib import Path

import pytest

from escrow.rules.rulebook import (
    SHIPPED,
    BadRuleFile,
    NoSeverity,
    Rulebook,
    UnknownJurisdiction,
    UnknownParameter,
)

CAP = "prepayment.max_lessons"
LOAN = "prepayment.loan"


def _place(folder: Path, code: str, *lines: str, parent: str | None = None) -> Path:
    place = folder / code
    place.mkdir(parents=True)
    above = [] if parent is None else [f'parent: "{parent}"']
    text = [f'code: "{code}"', 'name: {zh: "某地", en: "somewhere"}', *above, *lines]
    file = place / "jurisdiction.yaml"
    file.write_text("\n".join(text) + "\n", encoding="utf-8")
    return file


def test_a_place_that_says_nothing_does_as_the_nearest_above_it_that_says_something(tmp_path: Path) -> None:
    _place(tmp_path, "cn", 'enforcement: "flag"')
    _place(tmp_path, "province", 'enforcement: "refuse"', parent="cn")
    _place(tmp_path, "city", parent="province")
    _place(tmp_path, "county", 'enforcement: "flag"', parent="city")
    rulebook = Rulebook.load(tmp_path)

    places = ("cn", "province", "city", "county")
    assert [rulebook.enforcement(CAP, jurisdiction=place) for place in places] == ["flag", "refuse", "refuse", "flag"]
    assert [rulebook.jurisdiction(place).enforcement for place in places] == ["flag", "refuse", "refuse", "flag"]


def test_a_word_for_one_rule_goes_before_a_nearer_word_for_all(tmp_path: Path) -> None:
    _place(tmp_path, "cn", 'enforcement: "flag"', f'enforcement_of: {{{LOAN}: "refuse"}}')
    _place(tmp_path, "county", 'enforcement: "flag"', parent="cn")
    _place(tmp_path, "other", f'enforcement_of: {{{LOAN}: "flag"}}', parent="cn")
    rulebook = Rulebook.load(tmp_path)

    assert rulebook.enforcement(LOAN, jurisdiction="county") == "refuse"
    assert rulebook.enforcement(LOAN, jurisdiction="other") == "flag"
    assert rulebook.enforcement(CAP, jurisdiction="county") == "flag"


def test_a_severity_is_the_nearest_that_is_given_and_never_assumed(tmp_path: Path) -> None:
    _place(tmp_path, "cn", 'enforcement: "flag"', f'severity: {{{CAP}: "grave"}}')
    _place(tmp_path, "county", f'severity: {{{CAP}: "notice"}}', parent="cn")
    _place(tmp_path, "other", parent="cn")
    rulebook = Rulebook.load(tmp_path)

    assert [rulebook.severity(CAP, jurisdiction=place) for place in ("cn", "county", "other")] == [
        "grave",
        "notice",
        "grave",
    ]
    with pytest.raises(NoSeverity, match=r"no severity of prepayment\.loan is given in somewhere \(county\)"):
        rulebook.severity(LOAN, jurisdiction="county")


def test_a_question_about_what_does_not_exist_is_refused() -> None:
    rulebook = Rulebook.load()
    for ask in (rulebook.severity, rulebook.enforcement):
        with pytest.raises(UnknownParameter, match="no parameter 'prepayment'"):
            ask("prepayment", jurisdiction="cn")
        with pytest.raises(UnknownJurisdiction, match="no jurisdiction '123456'"):
            ask(CAP, jurisdiction="123456")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('severity: {prepayment.maximum: "grave"}', "unknown key 'prepayment.maximum'"),
        ('severity: {prepayment.loan: "bad"}', "prepayment.loan is 'bad'; allowed: notice, serious, grave"),
        ('enforcement_of: {prepayment.loan: "warn"}', "prepayment.loan is 'warn'; allowed: refuse, flag"),
        ("severity: {prepayment.loan: no}", "'no' without quotes"),
        ('grade: "grave"', "unknown key 'grade'"),
    ],
)
def test_a_wrong_word_about_a_breach_is_refused_with_its_line(line: str, reason: str, tmp_path: Path) -> None:
    file = _place(tmp_path, "cn", 'enforcement: "flag"', line)
    with pytest.raises(BadRuleFile) as refused:
        Rulebook.load(tmp_path)
    assert (refused.value.file, refused.value.line) == (file, 4)
    assert reason in refused.value.reason


def test_a_nation_without_an_enforcement_is_refused_since_nobody_is_above_it(tmp_path: Path) -> None:
    file = _place(tmp_path, "cn")
    _place(tmp_path, "county", parent="cn")
    with pytest.raises(BadRuleFile, match="enforcement is missing") as refused:
        Rulebook.load(tmp_path)
    assert refused.value.file == file


def test_a_rule_whose_breach_is_worth_nothing_yet_is_refused(tmp_path: Path) -> None:
    _place(tmp_path, "cn", 'enforcement: "flag"')
    shipped = SHIPPED / "nation" / f"{CAP}.yaml"
    file = tmp_path / "cn" / f"{CAP}.yaml"
    file.write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(BadRuleFile, match=r"no severity of prepayment\.max_lessons in cn or above") as refused:
        Rulebook.load(tmp_path)
    assert refused.value.file == file
