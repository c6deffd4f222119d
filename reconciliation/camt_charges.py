"""The charges (Chrgs) that a camt entry states, to explain why its payments do not make its amount."""

from collections.abc import Iterable

from reconciliation.amounts import NotExact, minor
from reconciliation.camt_shape import Element, Elements, Shape, local


def charged(currency: str, elements: Elements, shape: Shape) -> frozenset[int]:
    """What the charges may have added to the account (minor units, mostly negative): of the entry, of its payments.

    Banks state them at one place or repeat them at both; the caller takes what makes the sums agree, or nothing.
    Charges in another currency, or not exact, explain nothing.
    """
    own = [elements[at] for at in shape.charges]
    of_payments = [elements[at] for detail in shape.details for at in detail.charges]
    return frozenset(total for each in (own, of_payments) if (total := _total(each, currency)) is not None)


def _total(charges: Iterable[Element], currency: str) -> int | None:
    """The single records; the stated total where there are none (it is unsigned: money that went out)."""
    known = []
    for each in charges:
        leaves = {local(child): child for child in each}
        records = [child for child in each if local(child) == "Rcrd"] or ([each] if "Amt" in leaves else [])
        known += [_amount({local(child): child for child in record}, "Amt", currency) for record in records]
        if not records:
            known.append(_amount(leaves, "TtlChrgsAndTaxAmt", currency))
    amounts = [each for each in known if each is not None]
    return sum(amounts) if amounts and len(amounts) == len(known) else None


def _amount(leaves: dict[str, Element], name: str, currency: str) -> int | None:
    stated = leaves.get(name)
    if stated is None or stated.get("Ccy") != currency:
        return None
    try:
        value = minor((stated.text or "").strip(), currency)
    except NotExact:
        return None
    direction = leaves.get("CdtDbtInd")
    return value if direction is not None and direction.text == "CRDT" else -value
