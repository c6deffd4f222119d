"""What if: a draft over the contracts on record, told as who would be flagged or freed; nothing is stored."""

import csv
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select

from escrow.cli import main
from escrow.db import metadata, transaction
from escrow.monitoring.what_if import NoDraft, NoPlaceForDraft, drafted, summed, what_if
from escrow.rules.rulebook import SHIPPED, BadRuleFile
from ledger.money import Money
from tests.escrow.county import RULEBOOK, draft, family, school, sign

LESSONS = "prepayment.max_lessons"


def stricter(folder: Path, value: int = 40, *, place: str = "county", first_day: str = "2026-07-01") -> Path:
    """A draft of the model county with another number of lessons from a day on."""
    text = (SHIPPED / "nation" / f"{LESSONS}.yaml").read_text(encoding="utf-8")
    text = text.replace("value: 60", f"value: {value}").replace('first_day: "2021-01-01"', f'first_day: "{first_day}"')
    file = folder / place / f"{LESSONS}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def everything(db: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    return {name: [tuple(row) for row in db.execute(select(table))] for name, table in metadata.tables.items()}


def test_a_stricter_draft_flags_and_a_laxer_one_frees_with_the_money(db: Connection, tmp_path: Path) -> None:
    of = school(db)
    small, medium, large = (
        sign(db, of, draft(of, family(db, number), lessons=lessons, price=price)).contract
        for number, (lessons, price) in enumerate([(40, "1000.00"), (41, "2000.00"), (75, "4000.00")])
    )
    before = everything(db)
    tight = what_if(db, standing=RULEBOOK, draft=drafted(RULEBOOK, stricter(tmp_path)))
    loose = what_if(db, standing=RULEBOOK, draft=drafted(RULEBOOK, stricter(tmp_path, 75)))

    assert [(each.outcome, each.contract_id) for each in tight] == [("flagged", medium.id)]
    assert [(each.outcome, each.contract_id) for each in loose] == [("freed", large.id)]
    assert summed(tight, "flagged") == (1, Money(200000))
    assert tight[0].finding.rule.version == "county/prepayment.max_lessons@2026-07-01"
    assert loose[0].finding.rule.version == "nation/prepayment.max_lessons@2021-01-01"
    assert small.id not in {each.contract_id for each in (*tight, *loose)}
    assert everything(db) == before, "nothing is stored"


def test_a_draft_in_force_from_tomorrow_changes_nothing_for_those_who_signed_before(
    db: Connection, tmp_path: Path
) -> None:
    of = school(db)
    sign(db, of, draft(of, family(db), lessons=41, price="2000.00"))
    assert what_if(db, standing=RULEBOOK, draft=drafted(RULEBOOK, stricter(tmp_path, first_day="2026-07-21"))) == []
    assert len(what_if(db, standing=RULEBOOK, draft=drafted(RULEBOOK, stricter(tmp_path, first_day="2026-07-20")))) == 1


def test_a_draft_without_a_place_is_refused_until_one_is_named(tmp_path: Path) -> None:
    file = stricter(tmp_path, place="drafts")
    with pytest.raises(NoPlaceForDraft):
        drafted(RULEBOOK, file)
    assert drafted(RULEBOOK, file, jurisdiction="900001").rules != RULEBOOK.rules
    assert drafted(RULEBOOK, tmp_path, jurisdiction="900001").rules != RULEBOOK.rules
    (tmp_path / "none").mkdir()
    with pytest.raises(NoDraft):
        drafted(RULEBOOK, tmp_path / "none")


def test_a_wrong_draft_is_refused_with_its_file_and_line(tmp_path: Path) -> None:
    file = stricter(tmp_path)
    file.write_text(file.read_text(encoding="utf-8").replace("value: 40", 'value: "forty"'), encoding="utf-8")
    with pytest.raises(BadRuleFile, match=LESSONS):
        drafted(RULEBOOK, file)


def test_the_command_prints_csv_writes_files_and_cannot_write_to_the_books(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv("ESCROW_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    with transaction(engine) as db:
        of = school(db)
        contract = sign(db, of, draft(of, family(db), lessons=41, price="2000.00")).contract
        before = everything(db)
    with pytest.raises(SystemExit) as ended:
        main(["rules", "what-if", str(stricter(tmp_path)), "--out", str(tmp_path / "out.csv")])
    told = capsysbinary.readouterr()
    rows = list(csv.reader((tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()))

    assert ended.value.code in (None, 0)
    assert b"flagged: 1 contracts, 2000.00 CNY" in told.err
    assert rows[1][:1] + rows[1][3:4] + rows[1][-4:] == [
        *("flagged", str(contract.id)),
        *("40 lessons", "41 lessons", "2000.00", ""),
    ]
    with pytest.raises(SystemExit):
        main(["rules", "what-if", str(tmp_path / "county")])
    assert capsysbinary.readouterr().out.startswith("\ufeff结果".encode())
    with transaction(engine) as db:
        assert everything(db) == before
