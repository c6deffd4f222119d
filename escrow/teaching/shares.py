"""What one lesson earns: the price divided over the paid lessons so that the shares sum to it, to the fen."""

from collections.abc import Iterable
from dataclasses import dataclass


def share(price: int, lessons: int, ordinal: int) -> int:
    """The share in fen of the `ordinal`-th confirmed lesson (from 1) of `lessons` paid ones.

    Cumulative rounding: after k lessons floor(price·k/lessons) are earned, so the family never has less left than
    its exact part and the last paid lesson leaves 0. Gifted lessons come after the paid ones and move nothing.
    """
    if ordinal < 1:
        raise ValueError(f"lessons are counted from 1, not {ordinal}")
    if ordinal > lessons:
        return 0
    return price * ordinal // lessons - price * (ordinal - 1) // lessons


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What earning depends on, for one contract: its terms, lessons confirmed so far, and prepaid fen available."""

    price: int
    lessons: int
    taught: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """One attendance that may be confirmed, as the `ordinal`-th of its contract, moving `share` fen."""

    attendance_id: int
    contract_id: int
    ordinal: int
    share: int


def earn(attended: Iterable[tuple[int, int]], accounts: dict[int, Account]) -> tuple[list[Earned], list[int]]:
    """Decide confirmations of (attendance, contract) pairs in their order.

    Gives what may be earned, and the attendances for which the family's prepaid money does not suffice: those wait,
    and so do all later ones of their contract.
    """
    taught = {contract: account.taught for contract, account in accounts.items()}
    available = {contract: account.available for contract, account in accounts.items()}
    earned, unfunded = [], []
    for attendance, contract in attended:
        account, ordinal = accounts[contract], taught[contract] + 1
        amount = share(account.price, account.lessons, ordinal)
        if amount > available[contract]:
            unfunded.append(attendance)
            available[contract] = -1
            continue
        taught[contract] = ordinal
        available[contract] -= amount
        earned.append(Earned(attendance_id=attendance, contract_id=contract, ordinal=ordinal, share=amount))
    return earned, unfunded
