"""One amount over many accounts, by weights, to the last minor unit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from ledger import accounts
from ledger.batch import Columns
from ledger.entries import Result, TransferRefused
from ledger.posting import post_columns
from ledger.schema import transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """`amount` minor units between one account and many, each of the many by its weight.

    Either `debit` or `credit` is a list of paths, the other one path. The transfer of the k-th of them is known as
    `reference/k`, k from 1; one whose share is nothing gets none.
    """

    debit: str | Sequence[str]
    credit: str | Sequence[str]
    weights: Sequence[int]
    amount: int
    reference: str
    kind: str
    effective: datetime


def split(db: Connection, asked: Split, *, now: datetime, caller_key: str = "") -> list[Result]:
    """Post a split as one. Raises TransferRefused when any part of it is refused, or it was asked before otherwise.

    Raises ValueError as `shares` does, or when not exactly one side is a list, as long as the weights.
    """
    one, many = (asked.debit, asked.credit) if isinstance(asked.debit, str) else (asked.credit, asked.debit)
    if not isinstance(one, str) or isinstance(many, str) or len(many) != len(asked.weights):
        raise ValueError("a split has one account on one side, and on the other as many as there are weights")
    given = shares(asked.amount, asked.weights)
    parts = [number for number, share in enumerate(given) if share]
    paths = [many[number] for number in parts]
    columns = Columns(
        debit=[one] * len(parts) if one == asked.debit else paths,
        credit=[one] * len(parts) if one == asked.credit else paths,
        amount=[given[number] for number in parts],
        reference=[f"{asked.reference}/{number + 1}" for number in parts],
        kind=asked.kind,
        effective=asked.effective,
    )
    # So that the same split, asked at once elsewhere, is seen whole or not at all.
    accounts.find(db, [one, *many], lock=True)
    known = _parts_known(db, asked.reference)
    if known and known != set(columns.reference):
        # Also where it had fewer of the same parts: their amounts do not tell that the whole was another one.
        others = sorted(known ^ set(columns.reference))
        why = "the reference was used before for a split into other parts"
        raise TransferRefused([Result(reference=each, status="refused", why=why) for each in others])
    return post_columns(db, columns, now=now, caller_key=caller_key).results()


def _parts_known(db: Connection, reference: str) -> set[str]:
    r = transfer.c.reference
    found = db.scalars(select(r).where(r > f"{reference}/", r < f"{reference}0"))  # "0" comes next after "/"
    return {each for each in found if each[len(reference) + 1 :].isdecimal()}


def shares(amount: int, weights: Sequence[int]) -> list[int]:
    """`amount` divided in proportion to the weights, in whole units that sum to it exactly.

    Largest remainder (Hamilton's method): everybody gets the whole units of his part, and the units left over go to the
    largest fractions, the earlier one of equals first. So nobody's share is off by a unit or more. Raises ValueError
    for a negative amount or weight, or weights that are all zero.
    """
    whole = sum(weights)
    if amount < 0 or whole <= 0 or min(weights) < 0:
        raise ValueError(
            f"an amount of {amount} cannot be split by these weights: none may be negative, one must count"
        )
    parts = [divmod(amount * each, whole) for each in weights]
    given = [part for part, _ in parts]
    left = amount - sum(given)
    largest = sorted(range(len(parts)), key=lambda number: -parts[number][1])
    for number in largest[:left]:
        given[number] += 1
    return given
