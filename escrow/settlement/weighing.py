"""A match that people propose, weighed: which lines with which payments and payouts, and what is left over. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from escrow.enrolment.payments import Payment
from escrow.payouts.instructions import Instruction
from escrow.refusals import Conflict, Invalid
from escrow.settlement.making import Wanted
from escrow.settlement.unmatched import Line
from ledger.money import Money

Books = Literal["interest", "fee", "credit"]


class NothingToMatch(Invalid):
    """A match has a line of the statement, a payment or a payout; this one has none of them."""

    zh = "勾对至少要有一条流水、一笔到账或一条付款指令。"


class SeveralWithSeveral(Invalid):
    """One line goes with one or several items, or several lines with one; {lines} lines with {items} items would prove
    nothing. Split it into several matches."""

    zh = "一条流水可对多笔款项，多条流水可对一笔款项；{lines} 条对 {items} 笔无法证明，请拆分。"


class OfTwoAccounts(Invalid):
    """A match is within one supervised account; these are of {accounts}."""

    zh = "勾对须在同一监管账户内；所选内容分属 {accounts}。"


class NotForBooking(Invalid):
    """Only one line without a counterpart can be booked as {books}; a credit only where money came in."""

    zh = "只有单独一条流水才能按 {books} 入账；按来款入账的须为收入流水。"


class DoesNotBalance(Conflict):
    """The lines come to {lines}, the items to {items}; {difference} are left over, and at most {limit} may be written
    off. Find what is missing, or leave it on the list."""

    zh = (
        "流水合计 {lines} 元，款项合计 {items} 元，相差 {difference} 元，超过核销限额 {limit} 元；"
        "请查明差额，或留在差异清单。"
    )


class NotOnItsWay(Conflict):
    """Payout {payout} is {state}; only one that was sent to the bank and not seen leaving can be matched."""

    zh = "付款指令 {payout} 的状态为 {state}，只有已发送银行且尚未见付出的才能勾对。"


class TakenBack(Conflict):
    """Payment {payment} was taken back; there is nothing of it to be matched."""

    zh = "到账记录 {payment} 已冲正，无可勾对的款项。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What is proposed to belong together."""

    lines: Sequence[Line] = field(default=())
    payments: Sequence[Payment] = field(default=())
    payouts: Sequence[Instruction] = field(default=())

    @property
    def account(self) -> str:
        """The one supervised account. Raises NothingToMatch, OfTwoAccounts."""
        accounts = {each.account for each in self.lines}
        accounts |= {each.supervised_account for each in self.payments}
        accounts |= {each.supervised_account for each in self.payouts}
        if not accounts:
            raise NothingToMatch
        if len(accounts) > 1:
            raise OfTwoAccounts(accounts="、".join(sorted(accounts)))
        return accounts.pop()

    @property
    def shown(self) -> int:
        """Fen that the lines add up to."""
        return sum(each.amount for each in self.lines)

    @property
    def expected(self) -> int:
        """Fen that the items add up to, as the bank would sign them."""
        return sum(each.amount for each in self.payments) - sum(each.amount for each in self.payouts)


def weighed(sides: Sides, *, books: Books | None, limit: int) -> int:
    """Fen by which the lines exceed the items, to be written off; 0 where a line is booked as what it is.

    Raises NothingToMatch, OfTwoAccounts, SeveralWithSeveral, NotForBooking, NotOnItsWay, TakenBack,
    DoesNotBalance.
    """
    items = len(sides.payments) + len(sides.payouts)
    if sides.account and len(sides.lines) > 1 and items > 1:
        raise SeveralWithSeveral(lines=len(sides.lines), items=items)
    _can_be_matched(sides)
    if books is not None:
        if items or len(sides.lines) != 1 or (books == "credit" and sides.shown < 0):
            raise NotForBooking(books=books)
        return 0
    difference = sides.shown - sides.expected
    # Without a line nothing shows that a payout has left, however small it is.
    if abs(difference) > limit or (sides.payouts and not sides.lines):
        told = {"lines": sides.shown, "items": sides.expected, "difference": difference, "limit": limit}
        raise DoesNotBalance(**{name: Money(fen).major for name, fen in told.items()})
    return difference


def _can_be_matched(sides: Sides) -> None:
    for payout in sides.payouts:
        if payout.state != "sent":
            raise NotOnItsWay(payout=payout.end_to_end, state=payout.state)
    for paid in sides.payments:
        if paid.state == "reversed":
            raise TakenBack(payment=paid.id)


def as_wanted(sides: Sides, *, rule: str, evidence: str, difference: int, proposal_id: int) -> Wanted:
    """The match of what was weighed: less than expected is an expense, more is owed like interest."""
    return Wanted(
        account=sides.account,
        rule=rule,
        evidence=evidence,
        lines=sides.lines,
        payments=sides.payments,
        payouts=sides.payouts,
        own=None if difference == 0 else "fees" if difference < 0 else "interest",
        own_amount=difference,
        proposal_id=proposal_id,
    )
