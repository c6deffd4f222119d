"""`escrow rules list`, `show` and `check`: what a person at the terminal learns of the law, and of a draft of it."""

import shutil
from pathlib import Path

import pytest

from escrow.cli import main
from escrow.rules.rulebook import SHIPPED, Rulebook


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """How the command ended, and what it said on either stream."""
    with pytest.raises(SystemExit) as ended:
        main(["rules", *arguments])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def draft(folder: Path, of: str, *changes: tuple[str, str]) -> Path:
    """A shipped file, changed, in a folder of no jurisdiction."""
    file = folder / Path(of).name
    text = (SHIPPED / of).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    return file


def test_every_version_is_listed_and_the_switched_off_ones_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = told(capsys, "list")

    assert status == 0
    assert [line.split(": ")[0] for line in out.splitlines()] == [rule.version for rule in Rulebook.load().rules]
    off = [line for line in out.splitlines() if line.endswith("; switched off")]
    assert len(off) == sum(not rule.enabled for rule in Rulebook.load().rules) > 0


def test_a_place_is_listed_with_its_own_rule_before_the_nations(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = told(capsys, "list", "--jurisdiction", "900001")
    versions = [line.split(": ")[0] for line in out.splitlines()]

    own, inherited = "county/confirmation.silence@2025-01-01", "nation/confirmation.silence@2025-01-01"
    assert versions.index(own) + 1 == versions.index(inherited)
    assert not [version for version in versions if version.startswith(("beijing/", "sichuan/"))]


@pytest.mark.parametrize(("day", "cap"), [("2020-12-31", False), ("2021-01-01", True)])
def test_a_day_lists_only_what_is_in_force_then(day: str, cap: bool, capsys: pytest.CaptureFixture[str]) -> None:
    _, out = told(capsys, "list", "--on", day)
    assert ("nation/prepayment.max_lessons@2021-01-01: 60 (lessons per subject)" in out) is cap
    assert "deposit.floor@2025-01-01" not in out


def test_a_place_and_a_day_list_the_nearest_rule_alone(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = told(capsys, "list", "--jurisdiction", "900001", "--on", "2026-10-12")

    assert "county/confirmation.silence@2025-01-01: 5 (working days)" in out
    assert "nation/confirmation.silence" not in out
    assert "nation/lesson.latest_end:online@2022-01-01: 21:00 (local time)" in out


def test_a_rule_is_shown_whole_with_its_places_days_citation_and_worth(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = told(capsys, "show", "release.cycle")

    assert status == 0
    assert "release.cycle 拨付周期: choice (release cycle)" in out
    assert "one of: in_step_with_teaching, per_lesson, weekly, monthly, after_whole_order" in out
    assert "wuhu/release.cycle@2022-01-22 芜湖市: after_whole_order (release cycle)" in out
    assert "in force from 2022-01-22, decided by the day: requested" in out
    assert "a breach: flag, severity serious" in out
    assert "《芜湖市校外培训机构预收费管理办法（试行）》 文号不详, as reported by 中国新闻网" in out
    assert "Paid when all lessons of the order are over." in out
    assert "the first day is that of the report, 22 January 2022." in out


def test_one_version_is_shown_alone_and_a_switched_off_one_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = told(capsys, "show", "zhejiang/confirmation.silence@2021-11-27")
    assert "浙江省: 7 (working days) – switched off" in out
    assert "R, a draft" in out
    assert "nation/" not in out


def test_a_parameter_without_a_version_says_that_nothing_is_decided_by_it(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = told(capsys, "show", "cash.sweep", "--jurisdiction", "900001")
    assert "no version stands in the files" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("show", "prepayment.maximum"), "no parameter 'prepayment.maximum' in the rulebook; known: prepayment."),
        (("show", "nation/release.cycle@1999-01-01"), "no version 'nation/release.cycle@1999-01-01'"),
        (("list", "--jurisdiction", "123456"), "no jurisdiction '123456' in the rulebook; known: 110000"),
        (("check", "nowhere.yaml"), "nowhere.yaml: No such file or directory"),
    ],
)
def test_what_does_not_exist_is_one_sentence_and_status_1(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out = told(capsys, *arguments)
    assert status == 1
    assert out.startswith("escrow: ")
    assert sentence in out


def test_a_draft_tells_what_is_new_what_it_changes_and_what_would_be_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = draft(tmp_path, "nation/prepayment.max_lessons.yaml", ("value: 60", "value: 48"))
    status, out = told(capsys, "check", str(changed))
    assert status == 0
    assert "in order, as a rule of the nation (cn)" in out
    assert "nation/prepayment.max_lessons@2021-01-01: 48 (lessons per subject)" in out
    assert "changes 60 (lessons per subject), R 《教育部等六部门" in out

    later = draft(
        tmp_path, "nation/prepayment.max_lessons.yaml", ('first_day: "2021-01-01"', 'first_day: "2027-01-01"')
    )
    _, out = told(capsys, "check", str(later))
    assert "@2027-01-01: 60 (lessons per subject)" in out
    assert "\n    new\n" in out
    assert "is in force now and not in the file: it would be gone" in out


def test_a_draft_is_read_as_a_rule_of_the_place_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = draft(tmp_path, "nation/prepayment.max_lessons.yaml")
    _, out = told(capsys, "check", str(file), "--jurisdiction", "900001")
    assert "as a rule of the model county of the supervision plan (900001)" in out
    assert "county/prepayment.max_lessons@2021-01-01: 60" in out


def test_a_shipped_file_is_a_rule_of_its_own_folder_and_stands_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = told(capsys, "check", str(SHIPPED / "wuhu" / "release.wait.yaml"))
    assert "as a rule of Wuhu (340200)" in out
    assert "as it stands in the rulebook" in out


def test_a_wrong_draft_is_told_with_its_line_and_reason_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = draft(tmp_path, "nation/prepayment.max_lessons.yaml", ("value: 60", "value: 60.5"))
    status, out = told(capsys, "check", str(file))
    assert status == 1
    assert out.startswith(f"escrow: {file}:9: '60.5' without quotes would be read as a binary fraction")


def test_a_draft_that_another_day_decides_than_elsewhere_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = ('decided_by: "signed"', 'decided_by: "first_lesson"')
    file = draft(tmp_path, "beijing/prepayment.both_bases.yaml", changed)
    status, out = told(capsys, "check", str(file), "--jurisdiction", "110000")
    assert status == 1
    assert "elsewhere prepayment.both_bases is decided by signed" in out


def test_a_folder_of_jurisdictions_is_checked_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "law"))
    status, out = told(capsys, "check", str(folder))
    assert status == 0
    assert f"in order: {len(Rulebook.load().jurisdictions)} jurisdictions" in out

    (folder / "wuhu" / "jurisdiction.yaml").unlink()
    status, out = told(capsys, "check", str(folder))
    assert status == 1
    assert "wuhu has no jurisdiction.yaml" in out


def test_the_calendar_names_its_notices_and_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = told(capsys, "calendar")
    assert status == 0
    assert "2026: 33 days free, 6 weekend days worked; R 国务院办公厅关于2026年部分节假日安排的通知" in out
    assert "known through 2026-12-31; what the law counts in working days is refused beyond it" in out
