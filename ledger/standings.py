"""An account in the middle of a batch: what stands in it by now, and whether its limits let more come or go."""

from dataclasses import dataclass
from typing import Final, Self

from ledger.entries import Account

MAX_AMOUNT: Final = 2**63 - 1
"""The largest number of minor units that a database keeps, in a transfer or in a total."""

Totals = tuple[int, int, int, int]
"""Debits and credits posted, then debits and credits pending."""


@dataclass(slots=True)
class Standing:
    """An account's totals as the batch goes on."""

    account: Account
    totals: Totals

    @classmethod
    def of(cls, account: Account) -> Self:
        posted = (account.debits_posted, account.credits_posted)
        return cls(account, (*posted, account.debits_pending, account.credits_pending))

    def plus(self, added: Totals) -> Totals:
        debits, credits, debits_pending, credits_pending = self.totals
        return debits + added[0], credits + added[1], debits_pending + added[2], credits_pending + added[3]

    def beyond_limit(self, after: Totals) -> str:
        """Why the account may not stand so; empty when it may."""
        path, limits = self.account.path, self.account.limits
        if max(after) > MAX_AMOUNT:
            return f"the totals of {path} would pass {MAX_AMOUNT}"
        available, promised = self._available(after), self._promised(after)
        if limits.floor is not None and available < limits.floor:
            had = self._available(self.totals)
            kept = f", of which {limits.floor} must stay" if limits.floor else ""
            return f"{path} has {had} minor units available{kept}, {had - available} were asked of it"
        if limits.ceiling is not None and promised > limits.ceiling:
            had = self._promised(self.totals)
            return (
                f"{path} may have {limits.ceiling} minor units; {had} are there or promised, and {promised - had} more"
            )
        return ""

    def _available(self, totals: Totals) -> int:
        debits, credits, debits_pending, credits_pending = totals
        by_debit = self.account.grows_by_debit
        return debits - credits - credits_pending if by_debit else credits - debits - debits_pending

    def _promised(self, totals: Totals) -> int:
        debits, credits, debits_pending, credits_pending = totals
        by_debit = self.account.grows_by_debit
        return debits - credits + debits_pending if by_debit else credits - debits + credits_pending
