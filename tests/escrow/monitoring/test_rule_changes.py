"""Rules change: contracts signed before a version's first day keep theirs, and the report says which."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Connection, Engine

from escrow.cli import main
from escrow.db import transaction
from escrow.monitoring.rule_changes import turns
from escrow.rules.rulebook import Rulebook
from tests.escrow.county import RULEBOOK, at, draft, family, school, sign

OLD, NEW = "nation/prepayment.max_lessons@2021-01-01", "county/prepayment.max_lessons:non_subject@2026-07-21"


def changing() -> Rulebook:
    """From 21 July 2026 on the model county allows 30 lessons of non-school subjects, until the end of the month."""
    (nation,) = [rule for rule in RULEBOOK.rules if rule.version == OLD]
    new = replace(
        nation,
        jurisdiction=RULEBOOK.jurisdiction("900001"),
        category="non_subject",
        value=30,
        first_day=date(2026, 7, 21),
        last_day=date(2026, 7, 31),
    )
    return replace(RULEBOOK, rules=(*RULEBOOK.rules, new))


def test_those_signed_before_keep_their_version_and_those_signed_from_that_day_on_have_the_new_one(
    db: Connection,
) -> None:
    of, other = school(db), school(db, 2, category="subject")
    before, after = (
        sign(db, of, draft(of, family(db, number)), now=now).contract.id
        for number, now in enumerate([at(7, 20, 23, 59), at(7, 21, 0, 0)])
    )
    sign(db, other, draft(other, family(db, 3)))
    begun, ended = turns(db, rulebook=changing(), first=date(2026, 7, 21), last=date(2026, 8, 1))

    assert (begun.day, begun.name, begun.scope.category) == (date(2026, 7, 21), "prepayment.max_lessons", "non_subject")
    assert [None if each is None else each.version for each in (begun.before, begun.after)] == [OLD, NEW]
    assert begun.under == {NEW: [after], OLD: [before]}
    assert (ended.day, ended.after and ended.after.version) == (date(2026, 8, 1), OLD)


def test_days_without_a_change_are_told_nothing_of(db: Connection) -> None:
    of = school(db)
    sign(db, of, draft(of, family(db)))
    assert turns(db, rulebook=changing(), first=date(2026, 7, 1), last=date(2026, 7, 20)) == []
    assert turns(db, rulebook=RULEBOOK, first=date(2026, 7, 1), last=date(2026, 12, 31)) == []


def test_the_report_names_the_contracts_and_asks_for_a_day(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESCROW_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    with transaction(engine) as db:
        of = school(db)
        contract = sign(db, of, draft(of, family(db))).contract
    with pytest.raises(SystemExit) as ended:
        main(["rules", "changes", "--on", "2022-01-01"])
    out = capsys.readouterr().out
    assert ended.value.code in (None, 0)
    assert "2022-01-01 prepayment.max_amount (900001 non_subject offline): – → nation/prepayment.max_amount" in out
    assert f"1 under nation/prepayment.max_amount:non_subject@2022-01-01: {contract.id}" in out
    with pytest.raises(SystemExit) as refused:
        main(["rules", "changes", "--from", "2022-01-01"])
    assert refused.value.code
