"""Whoever changes the books past their guards, straight in the database, is found, and what was touched is named."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import Connection, Engine, LargeBinary, inspect, select, text, update

from escrow.db import open_engine, transaction
from ledger import blocks
from ledger.blocks import block as block_table
from ledger.blocks_audit import blocks_are_unbroken
from ledger.periods import close_until
from ledger.posting import post_all
from ledger.schema import account, transfer
from ledger.sealing import Signer, seal
from tests.ledger.books import DAY, LESSON, NOW, PAYMENT, PREPAID, RELEASE, SETTLED, opened, payments

SIGNER: Final = Signer(seed=bytes(range(32)))
KEYS: Final = frozenset({SIGNER.public_key})
MUTATIONS: Final = 250
PER_BLOCK: Final = 7
BEHIND: Final = 17
"""An id that no transfer has, smaller than all."""

Mutation = Callable[[Connection, random.Random], str]
"""Touches something, and says which words must stand in what the audit finds."""


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of the test's own: what is sealed must be committed."""
    url: str = request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])
    return url


@pytest.fixture
def unguarded(engine: Engine) -> Iterator[Connection]:
    with _unguarded(engine) as db:
        yield db


@contextmanager
def _unguarded(engine: Engine) -> Iterator[Connection]:
    """Sealed books of several days and kinds, and a hand in them that no trigger and no check holds back."""
    with transaction(engine) as db:
        opened(db)
        post_all(db, list(payments(20)), now=NOW)
    with transaction(engine) as db:
        fix = replace(PAYMENT, debit=PREPAID, credit="bank/6200", amount=5, reference="fix", corrects="many-3")
        post_all(db, [PAYMENT, LESSON, RELEASE], now=NOW + DAY, caller_key="a key")
        post_all(db, [SETTLED, fix], now=NOW + DAY)
        held = [replace(LESSON, hold=True, reference=f"h{each}", expires=NOW + 9 * DAY) for each in range(3)]
        post_all(db, held, now=NOW + DAY)
        close_until(db, NOW + DAY / 2, why="over", now=NOW + DAY)
        post_all(db, list(payments(9, prefix="late")), now=NOW + 2 * DAY)
    with transaction(engine) as db:
        while seal(db, signer=SIGNER, now=NOW + 3 * DAY, at_once=PER_BLOCK):
            pass
    with transaction(engine) as db:
        post_all(db, list(payments(3, prefix="not sealed yet")), now=NOW + 4 * DAY)
    with transaction(engine) as db:
        _take_the_guards_away(db)
        yield db


def _take_the_guards_away(db: Connection) -> None:
    if db.dialect.name == "sqlite":
        for name in db.scalars(text("SELECT name FROM sqlite_schema WHERE type = 'trigger'")).all():
            db.execute(text(f"DROP TRIGGER {name}"))
        db.execute(text("PRAGMA ignore_check_constraints = ON"))
        return
    for table in (transfer, account, block_table):
        db.execute(text(f"ALTER TABLE {table.name} DISABLE TRIGGER ALL"))
        for check in inspect(db).get_check_constraints(table.name):
            db.execute(text(f"ALTER TABLE {table.name} DROP CONSTRAINT {check['name']}"))


def found(db: Connection, published: dict[int, bytes] | None = None) -> list[str]:
    return [str(each) for each in blocks_are_unbroken(db, KEYS, published=published)]


def _sealed(db: Connection) -> list[Any]:
    newest = blocks.head(db)
    assert newest is not None
    query = select(transfer).order_by(transfer.c.xact, transfer.c.id).limit(newest.header.total)
    return list(db.execute(query))


def _another(old: object, column: str, chance: random.Random) -> object:
    """Some other value that the column could have."""
    others: dict[str, list[object]] = {
        "phase": ["posted", "pending", "settled", "voided", "expired"],
        "on_expiry": [None, "void", "settle"],
        "kind": ["payment", "lesson", "Payment", "payment "],
    }
    if column in {"id", "resolves"}:  # each is there only once
        return BEHIND if old is None else old + 1_000  # type: ignore[operator]  # both are numbers
    if column in others:
        return chance.choice([each for each in others[column] if each != old])
    if isinstance(old, datetime):
        return old + chance.choice([1, -1]) * chance.choice([timedelta(microseconds=1), timedelta(days=1)])
    if isinstance(old, int):
        return old + chance.choice([1, -1, 100, 2**40])
    if isinstance(old, str):
        return old + chance.choice(["x", " ", '"', "é"])
    return NOW if column in {"occurred", "expires"} else BEHIND


def change_a_field(db: Connection, chance: random.Random) -> str:
    row, column = chance.choice(_sealed(db)), chance.choice([each for each in transfer.c if each.name != "xact"])
    new = _another(getattr(row, column.name), column.name, chance)
    db.execute(update(transfer).where(transfer.c.id == row.id).values({column.name: new}))
    return f"transfer {row.id}: sealed" if column.name == "id" else f"transfer {row.id}, "


def drop_a_row(db: Connection, chance: random.Random) -> str:
    row = chance.choice(_sealed(db))
    db.execute(transfer.delete().where(transfer.c.id == row.id))
    return f"transfer {row.id}: sealed"


def insert_a_row(db: Connection, chance: random.Random) -> str:
    row = chance.choice(_sealed(db))
    place = {"xact": chance.choice([row.xact, -5]), "id": BEHIND}
    values = row._asdict() | place | {"reference": "smuggled", "resolves": None}
    db.execute(transfer.insert().values(values))
    return f"smuggled: transfer {BEHIND} was put behind the seal"


def swap_two_rows(db: Connection, chance: random.Random) -> str:
    first, second = chance.sample(_sealed(db), 2)
    own = {"id", "xact", "reference", "resolves"}
    for row, other in ((first, second), (second, first)):
        values = {name: value for name, value in other._asdict().items() if name not in own}
        db.execute(update(transfer).where(transfer.c.id == row.id).values(values | {"reference": f"swap {row.id}"}))
    for row, other in ((first, second), (second, first)):
        db.execute(update(transfer).where(transfer.c.id == row.id).values(reference=other.reference))
    return f"transfer {first.id}, "


def move_a_row_to_the_front(db: Connection, chance: random.Random) -> str:
    row = chance.choice(_sealed(db)[1:])
    db.execute(update(transfer).where(transfer.c.id == row.id).values(xact=-1))
    return f"transfer {row.id}"


def change_an_account(db: Connection, chance: random.Random) -> str:
    column, value = chance.choice([("path", "contract/9/prepaid"), ("kind", "income"), ("currency", "JPY")])
    db.execute(update(account).where(account.c.path == PREPAID).values({column: value}))
    return f"transfer {_sealed(db)[0].id}, "


def change_a_block(db: Connection, chance: random.Random) -> str:
    column = chance.choice([each for each in block_table.c if each.name != "number"])
    row = chance.choice(db.execute(select(block_table)).all())
    old = getattr(row, column.name)
    new = _flipped(old, chance) if isinstance(column.type, LargeBinary) else _another(old, column.name, chance)
    db.execute(update(block_table).where(block_table.c.number == row.number).values({column.name: new}))
    return f"block {row.number}: "


def drop_a_block(db: Connection, chance: random.Random) -> str:
    *numbers, _ = db.scalars(select(block_table.c.number).order_by(block_table.c.number))
    number = chance.choice(numbers)
    db.execute(block_table.delete().where(block_table.c.number == number))
    return f"block {number + 1}: it comes after block {number - 1}: what stood between is gone"


def _flipped(old: bytes, chance: random.Random) -> bytes:
    if not old:
        return b"x"
    at = chance.randrange(len(old))
    return old[:at] + bytes([old[at] ^ 1 << chance.randrange(8)]) + old[at + 1 :]


OFTEN: Final[tuple[Mutation, ...]] = (change_a_field,) * 9 + (change_a_block,) * 4
RARELY: Final[tuple[Mutation, ...]] = (
    *(drop_a_row, insert_a_row, swap_two_rows),
    *(move_a_row_to_the_front, change_an_account, drop_a_block),
)


def test_untouched_books_have_no_breach(unguarded: Connection) -> None:
    assert found(unguarded) == []
    numbers = [block.header.number for block, _ in blocks.all_blocks(unguarded)]
    assert numbers == [1, 2, 3, 4, 5, 6]


def test_every_one_of_many_mutations_is_found_and_named(unguarded: Connection) -> None:
    chance = random.Random(20_260_803)  # noqa: S311  what to touch; nothing secret
    for turn in range(MUTATIONS):
        mutate = chance.choice(OFTEN + RARELY)
        savepoint = unguarded.begin_nested()
        wanted = mutate(unguarded, chance)
        breaches = found(unguarded)
        savepoint.rollback()
        assert any(wanted in each for each in breaches), (turn, mutate, wanted, breaches)
    assert found(unguarded) == []


def test_only_what_was_touched_is_named(unguarded: Connection) -> None:
    row = _sealed(unguarded)[9]
    unguarded.execute(update(transfer).where(transfer.c.id == row.id).values(amount=row.amount + 1))
    (breach,) = found(unguarded)
    assert breach.startswith(
        f"sealed transfers stay as they were: many-9: transfer {row.id}, sealed as number 3 of block 2, was changed: "
    )
    assert '"amount":101,' in breach, "what it says now"


def test_a_list_of_leaves_that_was_changed_accuses_no_transfer(unguarded: Connection) -> None:
    row = unguarded.execute(select(block_table).where(block_table.c.number == 2)).one()
    for at in (7, 20):  # in the first one's id, in its hash
        changed = row.leaves[:at] + b"\x99" + row.leaves[at + 1 :]
        unguarded.execute(update(block_table).where(block_table.c.number == 2).values(leaves=changed))
        assert {each.split(": ")[1] for each in found(unguarded)} == {"block 2"}


def test_a_chain_made_anew_with_another_key_is_found(unguarded: Connection) -> None:
    unguarded.execute(block_table.delete())
    while seal(unguarded, signer=Signer(seed=bytes(range(1, 33))), now=NOW, at_once=PER_BLOCK):
        pass
    assert "which is none of ours" in found(unguarded)[0]


def test_a_chain_made_anew_with_our_key_is_found_by_a_head_that_was_published(unguarded: Connection) -> None:
    newest = blocks.head(unguarded)
    assert newest is not None
    published = {newest.header.number: newest.hash}
    assert found(unguarded, published) == []
    unguarded.execute(update(transfer).where(transfer.c.reference == "many-3").values(amount=99))
    unguarded.execute(block_table.delete())
    while seal(unguarded, signer=SIGNER, now=NOW, at_once=PER_BLOCK):
        pass
    assert found(unguarded) == [], "the key makes a lie that holds together"
    assert found(unguarded, published) == ["blocks are unbroken: block 6: its head was published with another hash"]


def test_a_chain_that_was_cut_short_is_found_by_a_head_that_was_published(unguarded: Connection) -> None:
    newest = blocks.head(unguarded)
    assert newest is not None
    unguarded.execute(block_table.delete().where(block_table.c.number > 4))
    assert found(unguarded) == []
    assert found(unguarded, {newest.header.number: newest.hash}) == [
        "blocks are unbroken: block 6: its head was published, and it is gone"
    ]


def test_the_text_of_one_field_cannot_stand_for_another_field(sqlite_url: str) -> None:
    """SQLite keeps times as text: were they not quoted, this row would be sealed in the same words."""
    engine = open_engine(sqlite_url)
    with _unguarded(engine) as db:
        row = db.execute(text("SELECT id, effective, expires FROM ledger_transfer WHERE reference = 'h1'")).one()
        db.execute(
            text("UPDATE ledger_transfer SET effective = :both, expires = NULL WHERE id = :id"),
            {"id": row.id, "both": f'{row.effective}","expires":"{row.expires}'},
        )
        assert any(f"transfer {row.id}, " in each for each in found(db))
    engine.dispose()
