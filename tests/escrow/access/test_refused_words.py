"""Words that were not believed: the trail grows by few entries an hour, whoever sends how many."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, func, select

from escrow.access import refused_words
from escrow.access.refused_words import OTHERS, SOURCES_AN_HOUR
from escrow.access.sources import source_of
from escrow.access.tables import audit_entry, refused_word
from escrow.db import snapshot, transaction
from tests.escrow.county import BANK, at

NOW = at(7, 1, 10, 5)


def _note(db: Connection, source: str = "192.0.2.1", **changed: object) -> int:
    facts = {"kind": "BadSignature", "by": BANK, "now": NOW, **changed}
    return refused_words.note(db, "notification:x", source=source, **facts)  # type: ignore[arg-type]


def _trail(db: Connection) -> int:
    query = select(func.count()).where(audit_entry.c.what == "notification.refused")
    return int(db.execute(query).scalar_one())


def test_the_first_word_of_a_source_in_an_hour_stands_in_the_trail_the_others_are_counted(db: Connection) -> None:
    assert [_note(db) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert _trail(db) == 1
    row = db.execute(select(refused_word)).one()
    assert (row.source, row.times, row.kind) == ("192.0.2.1", 5, "BadSignature")
    assert _note(db, now=NOW + timedelta(hours=1)) == 1
    assert _trail(db) == 2
    assert refused_words.counted(db, since=NOW - timedelta(days=1)) == 6


def test_a_thousand_sources_leave_few_rows_and_every_word_is_still_counted(db: Connection) -> None:
    for number in range(1000):
        _note(db, f"198.51.{number // 256}.{number % 256}")
    rows = db.execute(select(refused_word)).all()
    assert len(rows) == SOURCES_AN_HOUR + 1
    assert _trail(db) == SOURCES_AN_HOUR + 1
    assert sum(row.times for row in rows) == 1000
    assert {row.source: row.times for row in rows}[OTHERS] == 1000 - SOURCES_AN_HOUR
    _note(db, "198.51.0.0")
    assert {row.source: row.times for row in db.execute(select(refused_word))}["198.51.0.0"] == 2


def test_words_that_come_at_once_are_each_counted(engine: Engine) -> None:
    def note(_: int) -> None:
        with transaction(engine) as db:
            _note(db)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note, range(40)))
    with snapshot(engine) as db:
        assert db.execute(select(refused_word.c.times)).scalar_one() == 40
        assert _trail(db) == 1


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("testclient", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_source_is_an_address_or_the_network_of_one(host: str | None, source: str) -> None:
    assert source_of(host) == source
