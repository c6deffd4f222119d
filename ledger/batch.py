"""A batch as columns: what a bulk path gives in, without an object for each transfer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from ledger.entries import Request, Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Plain transfers, the k-th of them made of the k-th of every column. Amounts in minor units.

    What is the same for all of them may be given once: `kind`, `effective`, `hold`.
    """

    debit: Sequence[str]
    credit: Sequence[str]
    amount: Sequence[int]
    reference: Sequence[str]
    kind: Sequence[str] | str
    effective: Sequence[datetime] | datetime
    hold: bool = False

    def __len__(self) -> int:
        return len(self.reference)


@dataclass(slots=True, kw_only=True)
class Batch:
    """The requests of one act, as nouns or as columns: each is made from the other when it is asked for."""

    length: int
    columns: Columns | None
    """None: there are holds to end, corrections, or holds that expire among them."""
    nouns: Sequence[Request] | None = None
    _made: list[Request] = field(default_factory=list)

    @classmethod
    def of(cls, asked: Sequence[Request] | Columns) -> Self:
        if isinstance(asked, Columns):
            _same_lengths(asked)
            return cls(length=len(asked), columns=asked)
        return cls(length=len(asked), columns=_as_columns(asked), nouns=asked)

    def requests(self) -> Sequence[Request]:
        if self.nouns is not None:
            return self.nouns
        if not self._made and self.columns is not None:
            self._made = list(_as_transfers(self.columns))
        return self._made

    def references(self) -> Sequence[str]:
        return self.columns.reference if self.columns else [each.reference for each in self.requests()]


def _as_columns(requests: Sequence[Request]) -> Columns | None:
    """The columns of plain transfers, all of them holds or none; else None."""
    plain = [each for each in requests if type(each) is Transfer and each.corrects is None and each.expires is None]
    if len(plain) != len(requests) or len({each.hold for each in plain}) != 1:
        return None
    return Columns(
        debit=[each.debit for each in plain],
        credit=[each.credit for each in plain],
        amount=[each.amount for each in plain],
        reference=[each.reference for each in plain],
        kind=[each.kind for each in plain],
        effective=[each.effective for each in plain],
        hold=plain[0].hold,
    )


def _as_transfers(columns: Columns) -> Iterator[Transfer]:
    size = len(columns)
    kinds = [columns.kind] * size if isinstance(columns.kind, str) else columns.kind
    at = [columns.effective] * size if isinstance(columns.effective, datetime) else columns.effective
    rows = zip(columns.debit, columns.credit, columns.amount, columns.reference, kinds, at, strict=True)
    for debit, credit, amount, reference, kind, effective in rows:
        yield Transfer(
            debit=debit,
            credit=credit,
            amount=amount,
            kind=kind,
            reference=reference,
            effective=effective,
            hold=columns.hold,
        )


def _same_lengths(columns: Columns) -> None:
    own = [columns.debit, columns.credit, columns.amount, columns.reference]
    own += [each for each in (columns.kind, columns.effective) if not isinstance(each, str | datetime)]
    if len({len(each) for each in own}) != 1:
        raise ValueError(f"columns of different lengths: {[len(each) for each in own]}")
