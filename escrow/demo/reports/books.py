"""The books: trial balance by kind of account and by institution, and the proof of cash of every account."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from rich.table import Table
from sqlalchemy import Connection, select

from escrow.demo.reports.layout import amount, name, right, table, words
from escrow.demo.town import Town
from escrow.demo.yuan import yuan
from escrow.enrolment.tables import contract
from ledger.balances import Balance, trial_balance
from reconciliation.proof import Proof

KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "bank/*": ("监管账户存款", "what the bank should hold"),
    "bank/*/fees": ("银行手续费", "the bank's fees"),
    "contract/*/prepaid": ("预付、未上课", "paid, not yet taught: owed to families"),
    "contract/*/refund": ("待退费", "refund decided, not yet seen leaving"),
    "bank/*/suspense": ("暂存待查", "money that is nobody's yet"),
    "institution/*/earned": ("已课消、待拨付", "taught and confirmed: owed to institutions"),
    "institution/*/payout": ("已拨付、待付出", "release decided, not yet seen leaving"),
    "bank/*/interest": ("银行利息", "by the agreement with the bank"),
}
"""Kinds of ledger accounts, assets and expenses first."""
HEADINGS: Final = (
    "存款 bank",
    "费用 fees",
    "预付 prepaid",
    "待退 refund",
    "暂存 suspense",
    "课消 earned",
    "待付 payout",
    "利息 interest",
)
DEBIT: Final = ("bank/*", "bank/*/fees")


def by_kind(db: Connection) -> Table:
    """The trial balance, accounts of one kind in one line, recomputed from the transfers."""
    found: dict[str, list[Balance]] = {kind: [] for kind in KINDS}
    for each in trial_balance(db):
        found[_kind(each.path)].append(each)
    shown = table("试算平衡表 Trial balance (元 CNY)")
    name(shown, "科目 account", "名称 name")
    words(shown, "meaning")
    right(shown, "户数 accounts", "借方余额 debit", "贷方余额 credit")
    debits = credits = 0
    for kind, balances in found.items():
        total = sum(each.amount for each in balances)
        debit, credit = (total, 0) if kind in DEBIT else (0, total)
        debits, credits = debits + debit, credits + credit
        shown.add_row(kind, *KINDS[kind], f"{len(balances):,}", amount(debit), amount(credit))
    shown.add_section()
    shown.add_row("合计 total", "", "", "", yuan(debits), yuan(credits), style="bold")
    return shown


def by_institution(db: Connection, town: Town) -> Table:
    """The same balances, one line for each supervised account: in each, the bank and its fees are what is owed."""
    homes = _homes(db, town)
    found: defaultdict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(KINDS, 0))
    for each in trial_balance(db):
        owner, number, *_ = each.path.split("/")
        found[homes[owner, number]][_kind(each.path)] += each.amount
    shown = table(
        "按机构列示 The same by institution (元 CNY)", caption="存款＋费用＝其余各项之和 bank + fees = all the rest"
    )
    name(shown, "机构")
    right(shown, *HEADINGS)
    for school in town.schools:
        short = school.institution.name.removesuffix("培训中心")
        shown.add_row(short, *(amount(found[school.account][kind]) for kind in KINDS))
    totals = [sum(of_one[kind] for of_one in found.values()) for kind in KINDS]
    shown.add_section()
    shown.add_row("合计 total", *(amount(each) for each in totals), style="bold")
    return shown


def proofs(found: Sequence[Proof], town: Town) -> Table:
    """The proof of cash of every supervised account: differences of one name are summed."""
    shown = table("银行存款余额调节表 Proof of cash, every supervised account (元 CNY)")
    name(shown, "账户 account", "机构", "截至 on")
    right(shown, "账面 ledger")
    words(shown, "差异 differences")
    right(shown, "对账单 statement", "未解释 unexplained")
    for school, each in zip(town.schools, found, strict=True):
        shown.add_row(
            each.account,
            school.institution.name.removesuffix("培训中心"),
            each.on.isoformat(),
            yuan(each.ledger_balance.minor),
            _differences(each),
            yuan(each.statement_balance.minor),
            yuan(each.unexplained.minor),
        )
    sums = [
        sum(getattr(each, part).minor for each in found)
        for part in ("ledger_balance", "statement_balance", "unexplained")
    ]
    shown.add_section()
    shown.add_row("合计 total", "", "", yuan(sums[0]), "", yuan(sums[1]), yuan(sums[2]), style="bold")
    return shown


def _differences(proof: Proof) -> str:
    sums: dict[str, int] = {}
    for each in proof.differences:
        sums[each.name] = sums.get(each.name, 0) + each.amount.minor
    return "\n".join(f"{reason} {yuan(fen)}" for reason, fen in sums.items()) or "无 none"


def _kind(path: str) -> str:
    """`contract/9000010000000001/prepaid` is a `contract/*/prepaid`."""
    first, _, *rest = path.split("/")
    return "/".join([first, "*", *rest])


def _homes(db: Connection, town: Town) -> Mapping[tuple[str, str], str]:
    """The first two parts of a ledger account's path → the supervised account whose money it is about."""
    accounts = {school.institution.id: school.account for school in town.schools}
    homes = {("bank", account): account for account in accounts.values()}
    homes |= {("institution", str(number)): account for number, account in accounts.items()}
    for row in db.execute(select(contract.c.id, contract.c.institution_id)):
        homes["contract", str(row.id)] = accounts[row.institution_id]
    return homes
