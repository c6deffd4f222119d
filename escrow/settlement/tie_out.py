"""The tie-out: what the bank should hold of an account is what is owed out of it, kind by kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, Text, cast, literal, or_, select

from escrow.enrolment.tables import contract
from escrow.registry.tables import institution
from escrow.rules.months import SHANGHAI
from ledger import schema
from ledger.balances import balances_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOut:
    """An account at the end of a local day, in fen. `owed`: to families, the institution and others, by kind."""

    account: str
    on: date
    bank: int
    fees: int
    owed: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Whether what the bank holds, with the fees it took, is what is owed."""
        return self.bank + self.fees == sum(self.owed.values())


def tie_out(db: Connection, account: str, *, on: date) -> TieOut:
    """Sum what is owed out of a supervised account at the end of a local day, from the transfers."""
    end = datetime.combine(on + timedelta(days=1), time.min, SHANGHAI)
    control, fees = f"bank/{account}", f"bank/{account}/fees"
    found = {each.path: each.amount for each in balances_of(db, _paths(db, account), as_of=end)}
    owed: dict[str, int] = {}
    for path, amount in found.items():
        if path not in (control, fees):
            kind = path.rsplit("/", 1)[-1]
            owed[kind] = owed.get(kind, 0) + amount
    return TieOut(account=account, on=on, bank=found.get(control, 0), fees=found.get(fees, 0), owed=owed)


def _paths(db: Connection, account: str) -> list[str]:
    """Every ledger account whose money stands in this supervised account."""
    path = schema.account.c.path
    home = select(institution.c.id).where(institution.c.supervised_account == account)
    of_institution = literal("institution/") + cast(institution.c.id, Text)
    of_contract = literal("contract/") + cast(contract.c.id, Text)
    bank = [path == f"bank/{account}", (path > f"bank/{account}/") & (path < f"bank/{account}0")]
    queries = (
        select(path).where(or_(*bank)),
        select(path)
        .join(institution, (path > of_institution + "/") & (path < of_institution + "0"))
        .where(institution.c.supervised_account == account),
        select(path)
        .join(contract, (path > of_contract + "/") & (path < of_contract + "0"))
        .where(contract.c.institution_id.in_(home)),
    )
    return [row.path for query in queries for row in db.execute(query)]
