"""Whether a request is one that the books have already: the same reference with the same content."""

from collections.abc import Mapping
from dataclasses import replace

from ledger.entries import Recorded, Request, Resolution


def in_full(request: Request, recorded: Mapping[str, Recorded]) -> Request:
    """A resolution of the whole hold says so by its amount, so that the two ways to write it are the same content."""
    if isinstance(request, Resolution) and request.amount is None and request.hold in recorded:
        return replace(request, amount=recorded[request.hold].amount)
    return request


def same(request: Request, recorded: Recorded) -> bool:
    """Whether this is what was asked then. It is compared by when it happened, not by the period that it counts in."""
    if isinstance(request, Resolution):
        return (
            recorded.resolves == request.hold
            and recorded.phase == request.phase
            and recorded.kind == request.kind
            and recorded.happened == request.effective
            and recorded.amount == request.amount
        )
    return (
        (request.debit, request.credit, request.amount) == (recorded.debit, recorded.credit, recorded.amount)
        and (request.kind, request.effective) == (recorded.kind, recorded.happened)
        and request.corrects == recorded.corrects
        and recorded.phase == ("pending" if request.hold else "posted")
        and recorded.expires == request.expires
        and recorded.on_expiry == (request.on_expiry if request.expires else None)
    )
