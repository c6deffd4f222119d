"""The proof of cash (银行存款余额调节表): the books' balance and every named difference make the bank's balance."""

import unicodedata
from dataclasses import dataclass
from datetime import date

from ledger.money import Money


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One reason why books and bank differ: what is added to the ledger balance to reach the statement's."""

    name: str
    amount: Money
    reference: str


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One account's proof of cash at the end of a day."""

    account: str
    on: date
    ledger_balance: Money
    differences: tuple[Difference, ...]
    statement_balance: Money

    @property
    def explained(self) -> Money:
        """The balance that the bank should show: ledger + Σ differences."""
        return sum((each.amount for each in self.differences), self.ledger_balance)

    @property
    def unexplained(self) -> Money:
        """Statement − (ledger + Σ differences). Anything but zero is money that nobody can name yet."""
        return self.statement_balance - self.explained

    def __str__(self) -> str:
        """The proof as an aligned table in major units, for people (Chinese)."""
        rows = [
            ("账面余额", "", self.ledger_balance),
            *((each.name, each.reference, each.amount) for each in self.differences),
            ("调节后余额", "", self.explained),
            ("对账单余额", "", self.statement_balance),
            ("未解释差额", "", self.unexplained),
        ]
        names, references, amounts = (
            [row[0] for row in rows],
            [row[1] for row in rows],
            [row[2].major for row in rows],
        )
        widths = [max(map(_width, texts)) for texts in (names, references, amounts)]
        body = [
            f"{_padded(name, widths[0])}  {_padded(reference, widths[1])}  {amount:>{widths[2]}}"
            for name, reference, amount in zip(names, references, amounts, strict=True)
        ]
        rule = "-" * (sum(widths) + 4)
        title = f"账户 {self.account}  {self.on.isoformat()}  {self.ledger_balance.currency}"
        return "\n".join([title, rule, *body[:-3], rule, *body[-3:]])


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
