"""The notice to rectify: what it says, that it is numbered without gaps, and that it is kept as it was sent."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pypdfium2  # type: ignore[import-untyped]
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from escrow.db import transaction
from escrow.monitoring import alerts, handling, notices, steps
from escrow.monitoring.alerts import Alert
from escrow.monitoring.moves import NotAhead
from escrow.monitoring.notices import MeasuresMissing, NobodyToOrder
from escrow.monitoring.states import ImpossibleMove
from escrow.refusals import Unknown
from escrow.registry import institutions
from tests.escrow.county import BUREAU, RULEBOOK, SECOND, at
from tests.escrow.monitoring.facts import sighting, sightings, too_long

DEADLINE = date(2026, 8, 10)
MEASURES = ("于整改期限前将超出上限的15课时对应费用原路退还", "对全部在读合同自查并报送清单")


def investigated(db: Connection, number: int = 1) -> int:
    """An alert about a contract of 75 lessons that is being looked into; its id."""
    (found,) = alerts.raise_(db, sightings(too_long(db, number)), rulebook=RULEBOOK, now=at(7, 20))
    handling.acknowledge(db, found.id, by=BUREAU, now=at(7, 21))
    return handling.investigate(db, found.id, by=BUREAU, now=at(7, 21)).id


def ordered(db: Connection, key: int, *, month: int = 7, bureau: str | None = None) -> Alert:
    return notices.order(
        db,
        key,
        measures=MEASURES,
        deadline=date(2026, month + 1, 10),
        rulebook=RULEBOOK,
        bureau=bureau,
        by=BUREAU,
        now=at(month, 22),
    )


def words(pdf: bytes) -> str:
    """All that a PDF says, without the spaces that setting put in."""
    pages = pypdfium2.PdfDocument(pdf)
    return "".join("".join(page.get_textpage().get_text_range().split()) for page in pages)


def test_the_notice_names_the_institution_the_facts_the_rule_the_measures_and_the_deadline(db: Connection) -> None:
    key = investigated(db)
    alert = ordered(db, key)
    sent = notices.latest(db, key)
    assert alert.institution_id is not None
    of = institutions.get(db, alert.institution_id)

    assert (alert.state, alert.due_on) == ("rectification_ordered", DEADLINE)
    said = words(sent.pdf)
    wanted = (
        *("示范县教育局", "限期整改通知书", "示范县教限改〔2026〕1号", of.name, of.credit_code, of.licence_no),
        *("为75课时", "60课时", "教监管函〔2021〕2号", "nation/prepayment.max_lessons@2021-01-01", *MEASURES),
        *("2026年8月10日", "2026年7月22日", "送达回证", str(alert.contract_id), str(alert.id)),
    )
    assert [each for each in wanted if "".join(each.split()) not in said] == []
    assert "lessons of one subject" not in said, "it speaks Chinese alone"


def test_another_bureau_signs_with_its_own_name(db: Connection) -> None:
    ordered(db, key := investigated(db), bureau="示范县教育和体育局")
    assert "示范县教育和体育局（印章）" in words(notices.latest(db, key).pdf)


def test_it_is_kept_byte_for_byte_and_nobody_changes_it(db: Connection) -> None:
    ordered(db, key := investigated(db))
    sent = notices.latest(db, key)
    assert hashlib.sha256(sent.pdf).hexdigest() == sent.sha256
    step = steps.history(db, [key])[-1]
    assert step.facts == {
        "notice": sent.id,
        "number": sent.number,
        "deadline": "2026-08-10",
        "sha256": sent.sha256,
    }
    with pytest.raises(DBAPIError, match="append-only"), db.begin_nested():
        db.execute(text("UPDATE rectification_notice SET deadline = '2027-01-01'"))


def test_what_was_not_put_right_is_ordered_anew_with_a_notice_of_its_own(db: Connection) -> None:
    ordered(db, key := investigated(db))
    ordered(db, key, month=8)
    assert [each.number for each in notices.of_alert(db, key)] == [
        "示范县教限改〔2026〕1号",
        "示范县教限改〔2026〕2号",
    ]
    assert alerts.get(db, key).due_on == date(2026, 9, 10)


def test_what_cannot_be_ordered_is_refused(db: Connection) -> None:
    key = investigated(db)
    order = {"rulebook": RULEBOOK, "by": SECOND, "now": at(7, 22)}
    with pytest.raises(MeasuresMissing):
        notices.order(db, key, measures=["  "], deadline=DEADLINE, **order)  # type: ignore[arg-type]  # as above
    with pytest.raises(NotAhead):
        notices.order(db, key, measures=MEASURES, deadline=date(2026, 7, 22), **order)  # type: ignore[arg-type]  # as above
    (nobody,) = alerts.raise_(db, [sighting("complaint:7")], rulebook=RULEBOOK, now=at(7, 20))
    with pytest.raises(ImpossibleMove):
        notices.order(db, nobody.id, measures=MEASURES, deadline=DEADLINE, **order)  # type: ignore[arg-type]  # as above
    handling.acknowledge(db, nobody.id, by=BUREAU, now=at(7, 21))
    handling.investigate(db, nobody.id, by=BUREAU, now=at(7, 21))
    with pytest.raises(NobodyToOrder):
        notices.order(db, nobody.id, measures=MEASURES, deadline=DEADLINE, **order)  # type: ignore[arg-type]  # as above
    with pytest.raises(Unknown):
        notices.latest(db, nobody.id)


def test_notices_printed_at_once_are_numbered_without_a_gap(postgres_engine: Engine) -> None:
    with transaction(postgres_engine) as db:
        keys = [investigated(db, number) for number in range(1, 5)]

    def order(key: int) -> str:
        with transaction(postgres_engine) as db:
            ordered(db, key)
            return notices.latest(db, key).number

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(order, keys)) == [f"示范县教限改〔2026〕{number}号" for number in range(1, 5)]
