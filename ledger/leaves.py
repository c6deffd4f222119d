"""What of each transfer is sealed: everything that the books say of it, as one text, in commit order.

By paths and references, so that it means the same to everybody and in every copy of the books; row numbers stand in it
only where they are the transfer's own.
"""

# ruff: noqa: S608  the SQL is put together of pieces that stand here

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select, text

from ledger.among import among
from ledger.schema import account

Place = tuple[int, int]
"""Where a transfer stands in commit order: its writing transaction (0 on SQLite, which has one writer), then its id."""

BEFORE_ALL: Final = (-(2**63), -(2**63))
PAGE: Final = 8_192
"""How many transfers are read at once."""

_q: Final[Callable[[str], str]] = encode_basestring_ascii
_ACCOUNTS_KEPT: Final = 100_000
_MICROSECONDS: Final = 'YYYY-MM-DD"T"HH24\\:MI\\:SS.US"Z"'
_INSTANT: Final = {
    "postgresql": f"to_char({{}} AT TIME ZONE 'UTC', '{_MICROSECONDS}')",
    "sqlite": "{}",  # as it is kept (ledger.columns.Instant)
}
# A pointer that leads nowhere is not the same as none.
_REFERENCE: Final = (
    "CASE WHEN t.{0} IS NOT NULL THEN"
    " coalesce((SELECT reference FROM ledger_transfer AS other WHERE other.id = t.{0}), '') END"
)
_PAGES: Final = {
    dialect: text(f"""
    SELECT t.xact, t.id, t.debit_id, t.credit_id, t.amount, t.phase, t.kind, t.reference, t.caller_key, t.on_expiry,
      {instant.format("t.effective")}, {instant.format("t.recorded")}, {instant.format("t.occurred")},
      {instant.format("t.expires")}, {_REFERENCE.format("resolves")}, {_REFERENCE.format("corrects")}
    FROM ledger_transfer AS t
    WHERE (t.xact, t.id) > (:xact, :id) AND (t.xact, t.id) <= (:to_xact, :to_id)
    ORDER BY t.xact, t.id LIMIT :limit""")
    for dialect, instant in _INSTANT.items()
}


class Leaf(NamedTuple):
    """A transfer as it is sealed: its place, its name, and its text, JSON with sorted keys, in ASCII.

    A tuple, since an audit makes one of every transfer there is.
    """

    place: Place
    reference: str
    text: str

    @property
    def id(self) -> int:
        return self.place[1]

    @property
    def hash(self) -> bytes:
        """The leaf's hash in a Merkle tree (ledger.merkle.leaf_hash)."""
        return sha256(b"\0" + self.text.encode("ascii")).digest()


def leaves(db: Connection, *, after: Place, until: Place, page: int = PAGE) -> Iterator[Leaf]:
    """The transfers after one place up to another one, in commit order, streamed."""
    accounts: dict[int, str] = {}
    bounds = {"to_xact": until[0], "to_id": until[1], "limit": page}
    while True:
        rows = db.execute(_PAGES[db.dialect.name], {"xact": after[0], "id": after[1], **bounds}).all()
        if len(accounts) > _ACCOUNTS_KEPT:
            accounts.clear()
        _look_up(db, accounts, {row[2] for row in rows} | {row[3] for row in rows})
        for row in rows:
            yield Leaf((row[0], row[1]), row[7], _text(accounts, row))
        if len(rows) < page:
            return
        after = (rows[-1][0], rows[-1][1])


def _text(accounts: dict[int, str], row: Sequence[Any]) -> str:
    # By hand: json.dumps of a dict takes three times as long. What is null is left out, so that a column more changes
    # no old text; and every text is quoted, times too, lest a crafted one pass for two members.
    (_, number, debit, credit, amount, phase, kind, reference, caller_key, on_expiry) = row[:10]
    (effective, recorded, occurred, expires, resolves, corrects) = row[10:]
    before = "" if corrects is None else f'"corrects":{_q(corrects)},'
    ends = "" if expires is None else f'"expires":{_q(expires)},'
    happened = "" if occurred is None else f'"occurred":{_q(occurred)},'
    then = "" if on_expiry is None else f'"on_expiry":{_q(on_expiry)},'
    hold = "" if resolves is None else f',"resolves":{_q(resolves)}'
    return (
        f'{{"amount":{amount},"caller_key":{_q(caller_key)},{before}"credit":{accounts[credit]},'
        f'"debit":{accounts[debit]},"effective":{_q(effective)},{ends}"id":{number},"kind":{_q(kind)},'
        f'{happened}{then}"phase":{_q(phase)},"recorded":{_q(recorded)},"reference":{_q(reference)}{hold}}}'
    )


def _look_up(db: Connection, accounts: dict[int, str], wanted: set[int]) -> None:
    """Add the texts of accounts that are not among `accounts` yet. One that does not exist is null."""
    a, missing = account.c, wanted - accounts.keys()
    if not missing:
        return
    accounts.update(dict.fromkeys(missing, "null"))
    for number, path, kind, currency in db.execute(
        select(a.id, a.path, a.kind, a.currency).where(among(db, a.id, sorted(missing)))
    ):
        accounts[number] = f'{{"currency":{_q(currency)},"kind":{_q(kind)},"path":{_q(path)}}}'
