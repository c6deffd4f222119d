"""The bureau's habits: numbers with who set them and why; a doubtful file stops the start."""

from datetime import date
from pathlib import Path

import pytest

from escrow.rules.habits import NUMBERS, SHIPPED, Habits
from escrow.rules.strict_yaml import BadRuleFile


def folder(tmp_path: Path, name: str, text: str) -> Path:
    """The shipped habits, with one file in its place."""
    for file in SHIPPED.glob("*.yaml"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def shipped(name: str) -> str:
    return (SHIPPED / f"{name}.yaml").read_text(encoding="utf-8")


def test_every_shipped_habit_says_who_set_it_and_that_it_is_no_law() -> None:
    habits = Habits.load()
    assert set(habits.versions) == set(NUMBERS)
    pack = habits.of("pack", on=date(2026, 9, 1))
    assert pack is not None
    assert (pack.rule.version, pack["lessons"], pack.severity) == ("watch/pack@2025-01-01", 120, "grave")
    assert pack.rule.citation.title == "示范县教育局监测口径「大额课包」（非法律条文）"
    assert "by no article of law" in pack.rule.citation.source


def test_before_its_first_day_a_habit_is_none() -> None:
    habits = Habits.load()
    assert habits.of("pack", on=date(2024, 12, 31)) is None
    assert habits.of("pack", on=date(2025, 1, 1)) is not None


def test_the_newest_version_that_has_begun_holds(tmp_path: Path) -> None:
    later = '  - first_day: "2026-09-01"\n    set_by: "x"\n    why: "stricter"\n    numbers:\n      lessons: 100\n'
    habits = Habits.load(folder(tmp_path, "pack.yaml", shipped("pack") + later))
    eve, day = habits.of("pack", on=date(2026, 8, 31)), habits.of("pack", on=date(2026, 9, 1))
    assert eve is not None
    assert day is not None
    assert (eve["lessons"], day["lessons"]) == (120, 100)


def test_a_habit_may_rest_on_a_law_and_then_quotes_it(tmp_path: Path) -> None:
    law = (
        'law:\n  title: "《某规定》"\n  number: "某发〔2021〕1号"\n  source: "x"\n  read_on: "2026-11-23"\n  tag: "R"\n'
    )
    text = shipped("shut_and_paid").replace("versions:", law + "versions:")
    habit = Habits.load(folder(tmp_path, "shut_and_paid.yaml", text)).of("shut_and_paid", on=date(2026, 9, 1))
    assert habit is not None
    assert (habit.rule.citation.number, habit.rule.citation.tag) == ("某发〔2021〕1号", "R")


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("pack", ("      lessons: 120", "      lesson: 120"), "unknown key 'lesson'"),
        ("pack", ("      lessons: 120", "      lessons: 1.5"), "would be read as a binary fraction"),
        ("pack", ('watch: "pack"', 'watch: "packs"'), "each in its own file"),
        ("pack", ('severity: "grave"', 'severity: "bad"'), "allowed: notice, serious, grave"),
        ("pack", ('    set_by: "示范县教育局"\n', ""), "set_by is missing"),
        (
            "shut_and_paid",
            ("versions:", 'versions:\n  - first_day: "2026-01-01"\n    set_by: "x"\n    why: "x"'),
            "order",
        ),
        (
            "shut_and_paid",
            ('    set_by: "示范县教育局"', '    set_by: "x"\n    numbers:\n      a: 1'),
            "has no numbers",
        ),
    ],
)
def test_a_doubtful_habit_is_refused_with_its_file(
    tmp_path: Path, name: str, change: tuple[str, str], reason: str
) -> None:
    text = shipped(name).replace(*change)
    assert text != shipped(name)
    with pytest.raises(BadRuleFile, match=reason) as refused:
        Habits.load(folder(tmp_path, f"{name}.yaml", text))
    assert refused.value.file.name == f"{name}.yaml"


def test_a_habit_without_a_file_and_a_file_without_a_habit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRuleFile, match="only files named"):
        Habits.load(folder(tmp_path, "notes.txt", "x"))
    (tmp_path / "notes.txt").unlink()
    (tmp_path / "pack.yaml").unlink()
    with pytest.raises(BadRuleFile, match="no file for pack"):
        Habits.load(tmp_path)
