"""Which rule answers: the nearest in force, never one before its first day, never one from memory."""

from datetime import date, time
from pathlib import Path

import pytest

from escrow.rules.rulebook import (
    BadRuleFile,
    NoRuleInForce,
    Rulebook,
    UnknownJurisdiction,
    UnknownParameter,
    Window,
    WrongKindOfValue,
)

COUNTY = "900001"
OCTOBER = date(2026, 10, 12)

CITATION = """
    citation:
      title: "监管办法"
      number: "某教〔2025〕1号"
      source: "as reported by a newspaper"
      read_on: "2026-11-01"
      tag: "R"
"""


def _place(folder: Path, code: str, parent: str | None = None) -> Path:
    place = folder / code
    place.mkdir(parents=True)
    above = "" if parent is None else f'parent: "{parent}"\n'
    text = f'code: "{code}"\nname: {{zh: "某地", en: "somewhere"}}\n{above}enforcement: "refuse"\n'
    text += 'severity: {confirmation.silence: "notice", prepayment.max_span: "grave"}\n'
    (place / "jurisdiction.yaml").write_text(text, encoding="utf-8")
    return place


def _silence(place: Path, *versions: str) -> Path:
    file = place / "confirmation.silence.yaml"
    head = 'parameter: "confirmation.silence"\nunit: "working days"\ndecided_by: "guardian_told"\nversions:\n'
    file.write_text(head + "".join(versions), encoding="utf-8")
    return file


def _version(first: str, value: int, *more: str, citation: str = CITATION) -> str:
    lines = "".join(f"    {line}\n" for line in more)
    return f'  - first_day: "{first}"\n{lines}    value: {value}{citation}'


def _asked(folder: Path, place: str, day: str) -> int | None:
    rule = Rulebook.load(folder).in_force("confirmation.silence", jurisdiction=place, on=date.fromisoformat(day))
    return None if rule is None else rule.integer


def test_the_nearest_jurisdiction_in_force_wins_and_the_one_above_answers_before_and_after_it(tmp_path: Path) -> None:
    _silence(_place(tmp_path, "cn"), _version("2020-01-01", 15))
    _place(tmp_path, "city", parent="cn")
    _silence(_place(tmp_path, "county", parent="city"), _version("2025-01-01", 5, 'last_day: "2025-12-31"'))

    days = ("2019-12-31", "2024-12-31", "2025-01-01", "2025-12-31", "2026-01-01")
    assert [_asked(tmp_path, "county", day) for day in days] == [None, 15, 5, 5, 15]
    assert [_asked(tmp_path, "city", day) for day in days] == [None, 15, 15, 15, 15]


def test_a_second_version_takes_over_on_its_first_day(tmp_path: Path) -> None:
    versions = _version("2020-01-01", 15, 'last_day: "2024-12-31"'), _version("2025-01-01", 10)
    _silence(_place(tmp_path, "cn"), *versions)

    assert [_asked(tmp_path, "cn", day) for day in ("2024-12-31", "2025-01-01")] == [15, 10]


def test_a_rule_that_stands_only_in_memory_decides_nothing(tmp_path: Path) -> None:
    _silence(_place(tmp_path, "cn"), _version("2020-01-01", 15))
    from_memory = CITATION.replace('tag: "R"', 'tag: "M"')
    _silence(_place(tmp_path, "county", parent="cn"), _version("2020-01-01", 5, citation=from_memory))

    assert _asked(tmp_path, "county", "2026-01-01") == 15


def test_a_rule_for_one_category_answers_only_when_that_category_is_named() -> None:
    rulebook = Rulebook.load()

    def cap(category: str | None) -> str | None:
        rule = rulebook.in_force("prepayment.max_amount", jurisdiction=COUNTY, on=OCTOBER, category=category)
        return None if rule is None else rule.version

    expected = "nation/prepayment.max_amount:non_subject@2022-01-01"
    assert [cap("non_subject"), cap("subject"), cap(None)] == [expected, None, None]


def test_requiring_a_rule_before_its_first_day_names_the_rule_the_place_and_the_day() -> None:
    with pytest.raises(NoRuleInForce, match=r"release\.window is in force in the model county .*900001.* 2024-12-31"):
        Rulebook.load().require("release.window", jurisdiction=COUNTY, on=date(2024, 12, 31))


def test_values_come_in_their_own_kind_and_in_no_other() -> None:
    rulebook = Rulebook.load()
    window = rulebook.require("release.window", jurisdiction=COUNTY, on=OCTOBER)
    latest = rulebook.require("lesson.latest_end", jurisdiction=COUNTY, on=OCTOBER, mode="online")

    assert window.window == Window(first=10, last=15)
    assert [day in window.window for day in (9, 10, 15, 16)] == [False, True, True, False]
    assert latest.local_time == time(21, 0)
    assert rulebook.require("release.approval", jurisdiction=COUNTY, on=OCTOBER).text == "bureau"
    with pytest.raises(WrongKindOfValue, match=r"county/release\.window@2025-01-01"):
        _ = window.integer


def test_every_shipped_rule_has_a_version_of_its_own_and_says_where_it_was_read() -> None:
    rules = Rulebook.load().rules

    assert len({rule.version for rule in rules}) == len(rules)
    for rule in rules:
        read = ("https://", "http://", "as reported by", "the supervision plan")
        assert rule.citation.source.startswith("from memory" if rule.citation.tag == "M" else read)


def test_the_model_county_flags_and_stands_below_the_nation() -> None:
    county = Rulebook.load().jurisdiction(COUNTY)
    assert (county.name_zh, county.parent, county.enforcement) == ("示范县", "cn", "flag")


@pytest.mark.parametrize(
    ("name", "place", "category", "refusal"),
    [
        ("prepayment.maximum", COUNTY, None, UnknownParameter),
        ("prepayment.max_amount", "123456", None, UnknownJurisdiction),
        ("prepayment.max_amount", COUNTY, "nonsubject", ValueError),
    ],
)
def test_a_question_with_a_word_that_does_not_exist_is_refused_and_not_answered_with_no_rule(
    name: str, place: str, category: str | None, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal, match=r"known|allowed"):
        Rulebook.load().in_force(name, jurisdiction=place, on=OCTOBER, category=category)


# ---- files that stop the start -----------------------------------------------------------------------------------

GOOD = "".join(
    (
        'parameter: "confirmation.silence"\nunit: "working days"\ndecided_by: "guardian_told"\nversions:\n',
        _version("2020-01-01", 15),
    )
)


@pytest.mark.parametrize(
    ("change", "line", "reason"),
    [
        (("    value: 15", "    value: 15\n    value: 5"), 7, "value stands here twice (first on line 6)"),
        (("value: 15", "value: 0.5"), 6, "'0.5' without quotes would be read as a binary fraction"),
        (("value: 15", "value: 20:30"), 6, "'20:30' without quotes would be read as another number"),
        (("value: 15", "value: 015"), 6, "'015' without quotes would be read as another number"),
        (("value: 15", "value: no"), 6, "'no' without quotes would be read as true or false"),
        (("value: 15", 'value: "15"'), 6, "value must be a whole number without quotes"),
        (("value: 15", "value: -1"), 6, "value is -1"),
        (("    value: 15\n", ""), 5, "value is missing"),
        (('"2020-01-01"', "2020-01-01"), 5, "'2020-01-01' without quotes would be read as a date"),
        (('"2020-01-01"', '"2020-02-30"'), 5, "first_day is '2020-02-30'"),
        (('"2020-01-01"', '"20200101"'), 5, "first_day is '20200101'"),
        (("value: 15", 'value: 15\n    last_day: "2019-12-31"'), 7, "last_day 2019-12-31 is before first_day"),
        (("value: 15", 'value: 15\n    lastday: "2021-12-31"'), 7, "unknown key 'lastday'"),
        (("value: 15", 'value: 15\n    mode: "ofline"'), 7, "mode is 'ofline'; allowed: offline, online"),
        ((CITATION, "\n"), 5, "citation is missing"),
        (('      number: "某教〔2025〕1号"\n', ""), 8, "number is missing"),
        (('      source: "as reported by a newspaper"\n', '      source: ""\n'), 10, "source must be a text"),
        (('tag: "R"', 'tag: "X"'), 12, "tag is 'X'; allowed: P, R, M"),
        (('"working days"', '"days"'), 2, "unit is 'days'; allowed: working days"),
        (('"guardian_told"', '"signed"'), 3, "decided_by is 'signed'; allowed: guardian_told"),
        (('parameter: "confirmation.silence"', 'parameter: "confirmation.quiet"'), 1, "unknown parameter"),
        (('parameter: "confirmation.silence"', 'parameter: "roster.deadline"'), 1, "the file is named"),
        (("value: 15", "value: &n 15\n    note: *n"), 7, "*n repeats what stands elsewhere"),
        (("versions:", "versions: ["), 5, "this is not YAML"),
    ],
)
def test_a_wrong_rule_file_is_refused_with_its_file_line_and_reason(
    change: tuple[str, str], line: int, reason: str, tmp_path: Path
) -> None:
    good, bad = change
    assert GOOD.count(good) == 1
    file = _place(tmp_path, "cn") / "confirmation.silence.yaml"
    file.write_text(GOOD.replace(good, bad), encoding="utf-8")

    with pytest.raises(BadRuleFile) as refused:
        Rulebook.load(tmp_path)
    assert (refused.value.file, refused.value.line) == (file, line)
    assert reason in refused.value.reason
    assert str(refused.value).startswith(f"{file}:{line}: ")


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ((), ()),
        (('last_day: "2025-01-01"',), ()),
        (('mode: "online"',), ()),
        (('mode: "online"',), ('category: "subject"',)),
    ],
    ids=["no end", "one day", "one for online within one for all", "two that meet in online school subjects"],
)
def test_versions_that_could_both_answer_one_question_are_refused(
    earlier: tuple[str, ...], later: tuple[str, ...], tmp_path: Path
) -> None:
    file = _silence(_place(tmp_path, "cn"), _version("2020-01-01", 15, *earlier), _version("2025-01-01", 5, *later))

    with pytest.raises(BadRuleFile, match="overlaps the one from 2020-01-01") as refused:
        Rulebook.load(tmp_path)
    assert file.read_text(encoding="utf-8").splitlines()[refused.value.line - 1] == '  - first_day: "2025-01-01"'


def test_versions_for_two_modes_stand_side_by_side(tmp_path: Path) -> None:
    online, offline = (
        _version("2020-01-01", days, f'mode: "{mode}"') for days, mode in ((3, "online"), (5, "offline"))
    )
    _silence(_place(tmp_path, "cn"), online, offline)

    assert {rule.integer for rule in Rulebook.load(tmp_path).rules} == {3, 5}


def test_an_unknown_parent_is_refused(tmp_path: Path) -> None:
    place = _place(tmp_path, "county", parent="province")
    with pytest.raises(BadRuleFile, match="parent 'province' is unknown; known codes: county") as refused:
        Rulebook.load(tmp_path)
    assert (refused.value.file, refused.value.line) == (place / "jurisdiction.yaml", 3)


def test_a_circle_of_parents_is_refused(tmp_path: Path) -> None:
    _place(tmp_path, "one", parent="two")
    _place(tmp_path, "two", parent="one")
    with pytest.raises(BadRuleFile, match="parent 'one' is above itself"):
        Rulebook.load(tmp_path)


def test_a_code_given_twice_is_refused(tmp_path: Path) -> None:
    _place(tmp_path, "cn")
    (_place(tmp_path, "other") / "jurisdiction.yaml").write_text(
        (tmp_path / "cn" / "jurisdiction.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    with pytest.raises(BadRuleFile, match="code 'cn' is already that of cn"):
        Rulebook.load(tmp_path)


def test_one_parameter_decided_by_two_different_days_is_refused(tmp_path: Path) -> None:
    text = "".join(
        (
            'parameter: "prepayment.max_span"\nunit: "calendar months"\ndecided_by: "signed"\nversions:\n',
            _version("2020-01-01", 3),
        )
    )
    for place, changed in ((_place(tmp_path, "cn"), text), (_place(tmp_path, "county", "cn"), text)):
        deciding = "first_lesson" if place.name == "county" else "signed"
        (place / "prepayment.max_span.yaml").write_text(changed.replace("signed", deciding), encoding="utf-8")
    with pytest.raises(BadRuleFile, match=r"elsewhere prepayment\.max_span is decided by signed"):
        Rulebook.load(tmp_path)


def test_an_empty_or_missing_folder_is_refused_rather_than_a_rulebook_without_rules(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BadRuleFile):
            Rulebook.load(folder)
