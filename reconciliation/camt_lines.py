"""The lines of an account's part of a camt message as columns, packed as they come: a fraction of what objects take."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from reconciliation.camt_entry import Line
from reconciliation.statement import frame

_BLOCK: Final = 1 << 14
"""Lines that are packed at once."""


@dataclass(kw_only=True, slots=True)
class Lines:
    """Gathers lines as the bank states them; what they come to is known when the balances are."""

    _loose: list[Line] = field(default_factory=list)
    _packed: list[pd.DataFrame] = field(default_factory=list)
    _undoing: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> None:
        """One more, the last so far."""
        self._loose.append(line)
        if line.reversal:
            self._undoing.append(line)
        if len(self._loose) == _BLOCK:
            self._pack()

    def stated(self) -> pd.DataFrame:
        """All lines so far, in the columns of a statement."""
        if self._loose or not self._packed:
            self._pack()
        if len(self._packed) > 1:
            self._packed = [pd.concat(self._packed, ignore_index=True)]
        return self._packed[0]

    def settled(self, *, flipped: bool) -> pd.DataFrame:
        """The same, reversals with the sign (`flipped`) or else with the far side that they turned out to have."""
        lines = self.stated()
        undoing = lines["reversal"].to_numpy()
        if not undoing.any():
            return lines
        if flipped:
            return lines.assign(amount=np.where(undoing, -lines["amount"], lines["amount"]))
        others = {
            "counterparty": [each.other for each in self._undoing],
            "counterparty_account": [each.other_account for each in self._undoing],
        }
        there = lines.index[undoing]
        return lines.assign(
            **{name: lines[name].where(~undoing, pd.Series(told, there, "str")) for name, told in others.items()}
        )

    def _pack(self) -> None:
        rows = zip(*self._loose, strict=True) if self._loose else [()] * len(Line._fields)
        columns = dict(zip(Line._fields, rows, strict=True))
        self._packed.append(frame({**columns, "balance": [None] * len(self._loose)}))
        self._loose = []
