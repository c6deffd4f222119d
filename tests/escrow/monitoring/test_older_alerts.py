"""Alerts that are older than their histories: brought forward on both databases, each keeps its number and its end."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Final

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

import escrow.migrations
from escrow.db import open_engine, transaction, upgrade
from escrow.monitoring import alerts, handling, listing
from tests.escrow.county import BUREAU, RULEBOOK, at
from tests.escrow.monitoring.facts import sighting
from tests.postgres import Postgres

REGION: Final = 500101
FIRST: Final = REGION * 10**10 + 1

_INSTITUTION: Final = (
    "INSERT INTO institution (name, credit_code, licence_no, licence_expires, category, mode, jurisdiction,"
    " supervised_account, settlement_account, state, registered_at) VALUES ('明日美术', 'C', 'L', '2027-08-01',"
    " 'non_subject', 'offline', '900001', '62', '63', 'open', '2026-07-01T00\\:00\\:00.000000Z')"
)
_ALERT: Final = (
    "INSERT INTO alert (fact, institution_id, rule, version, citation, limit_text, found_text, zh, en, evidence, state,"
    " seen, opened_at, seen_at, due_on, owner, closed_at, closing_reason)"
    " VALUES (:fact, :institution, 'r', 'r@1', '{}', '60', '75', '超', 'too many', '{\"counted\"\\: 75}', :state, 3,"
    " '2026-07-20T04\\:00\\:00.000000Z', '2026-07-21T04\\:00\\:00.000000Z', '2026-07-27', :owner, :closed, :reason)"
)
_THEN: Final = "2026-07-22T04:00:00.000000Z"


@pytest.fixture
def older(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """A database as it was before alerts had histories; the test runs once for each kind."""
    if database_url.startswith("sqlite"):
        url = f"sqlite:///{tmp_path / 'older.db'}"
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        next_database: Callable[[], str] = request.getfixturevalue("next_database")
        name = next_database()
        postgres.create(name)
        request.addfinalizer(lambda: postgres.drop(name))  # noqa: PT021  only where there is one to drop
        url = postgres.url(name)
    engine = open_engine(url)
    config = Config()
    config.set_main_option("script_location", str(Path(escrow.migrations.__file__ or "").parent))
    config.attributes.update(engine=engine, region=REGION)
    command.upgrade(config, "0012")
    yield engine
    engine.dispose()


def test_older_alerts_keep_their_numbers_states_and_ends_and_work_goes_on(older: Engine) -> None:
    with transaction(older) as db:
        db.execute(text(_INSTITUTION))
        of = db.execute(text("SELECT id FROM institution")).scalar_one()
        for fact, state, owner in (("a", "acknowledged", "张"), ("b", "resolved", "张"), ("c", "dismissed", "李")):
            closed = {"closed": _THEN, "reason": "已办"} if state in {"resolved", "dismissed"} else {}
            row = {"fact": fact, "institution": of, "state": state, "owner": owner, "closed": None, "reason": None}
            db.execute(text(_ALERT), row | closed)
    upgrade(older, region=REGION)
    with transaction(older) as db:
        taken, resolved, dismissed = listing.page(db)
        assert [each.id for each in (taken, resolved, dismissed)] == [FIRST, FIRST + 1, FIRST + 2]
        assert (taken.state, taken.seen, taken.due_on, taken.owner) == ("acknowledged", 3, date(2026, 7, 27), "张")
        assert (taken.opened_at, taken.seen_at, taken.severity) == (at(7, 20), at(7, 21), "serious")
        assert (resolved.closed_by, resolved.closing_reason, resolved.dismissal_by) == ("张", "已办", None)
        assert (dismissed.closed_by, dismissed.closed_at) == ("李", at(7, 22))
        assert dismissed.dismissal_by == "(by one person alone, as it was then)"
        assert [each.evidence for each in alerts.sightings(db, FIRST)] == [{"counted": 75}]
        assert handling.resolve(db, FIRST, reason="已退还", by=BUREAU, now=at(7, 23)).state == "resolved"
        (new,) = alerts.raise_(db, [sighting("d")], rulebook=RULEBOOK, now=at(7, 23))
        assert new.id == FIRST + 3, "the numbers go on where they stood"
