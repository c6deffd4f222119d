"""Signing a day off (日终签核): when every line has its place, the cash is proved and what is owed is what is held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, select

from escrow.access import trail
from escrow.access.caller import Caller
from escrow.refusals import Conflict, Unknown
from escrow.registry import institutions
from escrow.rules.months import SHANGHAI
from escrow.settlement import cash, chain, frozen, statements
from escrow.settlement.statements import NotSupervised
from escrow.settlement.tables import STANDS, break_, match, statement_line
from escrow.settlement.tables import signoff as table
from escrow.settlement.tie_out import TieOut, tie_out
from ledger.money import Money
from reconciliation.proof import Proof


class NotOver(Conflict):
    """The day {day} is not over yet; it can be signed off from {next_day} on."""

    zh = "{day} 尚未结束，{next_day} 起方可签核。"


class NoBalanceStated(Conflict):
    """No statement of account {account} that states balances covers {day}. Import it first; where the bank's files
    state none, enter what it confirmed on paper, and let somebody else approve that."""

    zh = (
        "账户 {account} 没有涵盖 {day} 且载明余额的对账单，请先导入；"
        "如银行文件不载明余额，请录入其书面确认的余额并由他人批准。"
    )


class GapInStatements(Conflict):
    """Between {ended}, closed with {closing}, and {begins}, opened with {opening}, a statement is missing. Import it
    first."""

    zh = "{ended} 期末余额 {closing} 与 {begins} 期初余额 {opening} 之间缺少对账单，请先导入。"


class LinesWithoutPlace(Conflict):
    """{lines} lines up to {day} are neither matched nor on the list of breaks; the first is line {first}. Reconcile the
    account first."""

    zh = "截至 {day} 有 {lines} 条流水既未勾对也不在差异清单，首条为 {first}；请先对账。"


class BreaksWithoutOwner(Conflict):
    """{breaks} breaks on lines up to {day} have no owner by name; the first is break {first}. Take or assign them."""

    zh = "截至 {day} 有 {breaks} 项差异未指定责任人，首项为 {first}；请认领或指派。"


class CashNotProved(Conflict):
    """On {day} the ledger and the named differences come to {explained}, the statement says {stated}: {unexplained} are
    unexplained. Find them first."""

    zh = "{day} 账面及各项差异合计 {explained} 元，对账单余额 {stated} 元，未解释差额 {unexplained} 元；请先查明。"


class NotTiedOut(Conflict):
    """On {day} account {account} holds {held}, and {owed} are owed out of it. Run the audit; nothing can be signed off
    before they agree."""

    zh = "{day} 账户 {account} 存款及手续费合计 {held} 元，应付各方合计 {owed} 元，不相等；请运行审计查明。"


class SignedAlready(Conflict):
    """Account {account} is signed off up to {signed} already; {day} is one of these days."""

    zh = "账户 {account} 已签核至 {signed}，{day} 在其中。"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOff:
    """A signed day with what was proved then; fen. `reopening_id` None: it stands. `confirmation_id`: what two people
    confirmed, where the statement states no balance."""

    id: int
    account: str
    day: date
    statement_id: int
    ledger_balance: int
    differences: Sequence[Mapping[str, Any]]
    statement_balance: int
    owed: Mapping[str, int]
    signed_by: str
    signed_at: datetime
    reopening_id: int | None
    confirmation_id: int | None


def sign_off(db: Connection, account: str, day: date, *, by: Caller, now: datetime) -> SignOff:
    """Sign a local day of an account off, and with it all days before: they are frozen from then on.

    Raises NotSupervised, SignedAlready, NotOver, NoBalanceStated, GapInStatements, LinesWithoutPlace,
    BreaksWithoutOwner, CashNotProved, NotTiedOut.
    """
    by.must_be("bureau")
    if institutions.by_account(db, account, lock=True) is None:  # nothing is imported or matched meanwhile
        raise NotSupervised(account=account)
    _must_be_next(db, account, day, now)
    stated = cash.stated_at(db, account, day)
    if stated is None or stated.on != day or stated.statement_id is None:
        raise NoBalanceStated(account=account, day=day)
    _must_follow(db, account, day)
    _every_line_has_its_place(db, account, day)
    proof, tied = cash.prove(db, account, on=day), tie_out(db, account, on=day)
    _must_agree(proof, tied)

    signed = insert(table).values(
        account=account,
        day=day,
        statement_id=stated.statement_id,
        confirmation_id=stated.confirmation_id,
        ledger_balance=proof.ledger_balance.minor,
        differences=[
            {"name": each.name, "amount": each.amount.minor, "reference": each.reference} for each in proof.differences
        ],
        statement_balance=proof.statement_balance.minor,
        owed={kind: fen for kind, fen in {**tied.owed, "fees": -tied.fees}.items() if fen},
        signed_by=by.name,
        signed_at=now,
    )
    made = as_sign_off(db.execute(signed.returning(table)).one())
    trail.record(db, by, "day.signed_off", f"account:{account}", now=now, day=day.isoformat(), signoff=made.id)
    return made


def get(db: Connection, signoff_id: int) -> SignOff:
    """One signed day. Raises Unknown."""
    row = db.execute(select(table).where(table.c.id == signoff_id)).one_or_none()
    if row is None:
        raise Unknown(what="signed day", key=signoff_id)
    return as_sign_off(row)


def of_account(db: Connection, account: str, *, after: int = 0, limit: int | None = None) -> list[SignOff]:
    """The sign-offs of an account, reopened ones too, oldest first."""
    query = select(table).where(table.c.account == account, table.c.id > after).order_by(table.c.id).limit(limit)
    return [as_sign_off(row) for row in db.execute(query)]


def unplaced(db: Connection, account: str, day: date) -> list[int]:
    """The lines up to a day that are neither matched nor on the list of breaks."""
    line = statement_line.c
    query = (
        select(line.id)
        .outerjoin(match, and_(match.c.line_id == line.id, STANDS))
        .outerjoin(break_, and_(break_.c.line_id == line.id, break_.c.closed_at.is_(None)))
        .where(line.account == account, line.booked_on <= day, match.c.id.is_(None), break_.c.id.is_(None))
        .order_by(line.id)
    )
    return list(db.execute(query).scalars())


def as_sign_off(row: Row[Any]) -> SignOff:
    """The noun behind a row of the table."""
    return SignOff(**row._asdict())


def _must_be_next(db: Connection, account: str, day: date, now: datetime) -> None:
    signed = frozen.signed_until(db, account)
    if signed is not None and day <= signed:
        raise SignedAlready(account=account, signed=signed, day=day)
    today = now.astimezone(SHANGHAI).date()
    if day >= today:
        raise NotOver(day=day, next_day=date.fromordinal(day.toordinal() + 1))


def _must_follow(db: Connection, account: str, day: date) -> None:
    gap = chain.first_gap(statements.of_account(db, account), until=day)
    if gap is not None:
        raise GapInStatements(
            ended=gap.ended, begins=gap.begins, closing=Money(gap.closing).major, opening=Money(gap.opening).major
        )


def _every_line_has_its_place(db: Connection, account: str, day: date) -> None:
    lost = unplaced(db, account, day)
    if lost:
        raise LinesWithoutPlace(lines=len(lost), day=day, first=lost[0])
    nobodys = (
        select(break_.c.id)
        .join(statement_line, statement_line.c.id == break_.c.line_id)
        .where(break_.c.account == account, break_.c.closed_at.is_(None), break_.c.assigned_at.is_(None))
        .where(statement_line.c.booked_on <= day)
        .order_by(break_.c.id)
    )
    waiting = list(db.execute(nobodys).scalars())
    if waiting:
        raise BreaksWithoutOwner(breaks=len(waiting), day=day, first=waiting[0])


def _must_agree(proof: Proof, tied: TieOut) -> None:
    if proof.unexplained.minor:
        raise CashNotProved(
            day=proof.on,
            explained=proof.explained.major,
            stated=proof.statement_balance.major,
            unexplained=proof.unexplained.major,
        )
    if not tied.holds:
        held, owed = Money(tied.bank + tied.fees).major, Money(sum(tied.owed.values())).major
        raise NotTiedOut(day=tied.on, account=tied.account, held=held, owed=owed)
