"""The charges (Chrgs) that a camt entry states, to explain why its payments do not make its amount."""

from collections.abc import Iterable

from reconciliation.amounts import NotExact, minor
from reconciliation.camt_shape import Charge, Written


def charged(currency: str, written: Written) -> frozenset[int]:
    """What the charges may have added to the account (minor units, mostly negative): of the entry, of its payments.

    Banks state them at one place or repeat them at both; the caller takes what makes the sums agree, or nothing.
    Charges in another currency, or not exact, explain nothing.
    """
    own = written.shape.charges
    of_payments = [charge for detail in written.shape.details for charge in detail.charges]
    return frozenset(total for each in (own, of_payments) if (total := _total(each, written, currency)) is not None)


def _total(charges: Iterable[Charge], written: Written, currency: str) -> int | None:
    known = [_amount(each, written, currency) for each in charges]
    amounts = [each for each in known if each is not None]
    return sum(amounts) if amounts and len(amounts) == len(known) else None


def _amount(charge: Charge, written: Written, currency: str) -> int | None:
    """The amount as it moved the account: out, unless it says otherwise (a total is unsigned)."""
    if written.currencies[charge.currency] != currency:
        return None
    try:
        value = minor(written.texts[charge.amount], currency)
    except NotExact:
        return None
    return value if written.texts[charge.direction] == "CRDT" else -value
