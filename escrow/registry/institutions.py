"""Institutions: who may teach, and the one supervised account whose money is theirs only lesson by lesson."""

import re
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final, Literal

from sqlalchemy import Connection, insert, select, update

import ledger.accounts
from escrow.access import trail
from escrow.access.caller import Caller
from escrow.refusals import Conflict, Invalid, Unknown
from escrow.registry.credit_code import verified
from escrow.registry.tables import institution
from ledger.entries import NewAccount

Category = Literal["subject", "non_subject"]
Mode = Literal["offline", "online"]

_ACCOUNT: Final = re.compile(r"[0-9A-Za-z-]{1,34}", re.ASCII)
_FIELDS: Final = {
    "credit_code": "统一社会信用代码",
    "supervised_account": "监管账户",
    "settlement_account": "结算账户",
}


class AlreadyRegistered(Conflict):
    """{field} {value} belongs to a registered institution already; an institution has one supervised account, and an
    account one institution."""

    zh = "{field_zh} {value} 已登记在其他机构名下：一个机构只有一个监管账户，一个监管账户只属于一个机构。"


class BadAccount(Invalid):
    """The {field} {value} cannot be used: {why}."""

    zh = "{field_zh} {value} 不能使用：{why_zh}。"


class InstitutionClosed(Conflict):
    """The institution {name} is {state}: it can take no new students, orders or lessons."""

    zh = "机构「{name}」的状态为 {state}，不能再招生、收款或记课。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What an institution (培训机构) files to be registered.

    `credit_code` is checked by GB 32100-2015. `category`: 学科 or 非学科. `supervised_account` (监管账户) is where
    families pay; `settlement_account` (结算账户) is the institution's own, where releases go.
    """

    name: str
    credit_code: str
    licence_no: str
    licence_expires: date
    category: Category
    mode: Mode
    jurisdiction: str
    supervised_account: str
    settlement_account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Institution(Registration):
    """A registered institution."""

    id: int
    state: Literal["open", "closing", "closed"]
    registered_at: datetime

    @property
    def bank_path(self) -> str:
        """The supervised account in the ledger: what the bank's own books should show."""
        return f"bank/{self.supervised_account}"

    @property
    def earned_path(self) -> str:
        return f"institution/{self.id}/earned"

    @property
    def payout_path(self) -> str:
        return f"institution/{self.id}/payout"

    def must_be_open(self) -> None:
        """Raises InstitutionClosed."""
        if self.state != "open":
            raise InstitutionClosed(name=self.name, state=self.state)


def register(db: Connection, registration: Registration, *, by: Caller, now: datetime) -> Institution:
    """Enter an institution into the register and open its ledger accounts. The bureau's act.

    Raises BadCreditCode, BadAccount, AlreadyRegistered.
    """
    by.must_be("bureau")
    verified(registration.credit_code)
    _must_have_two_accounts(registration)
    _must_be_new(db, registration)
    made = insert(institution).values(**asdict(registration), state="open", registered_at=now)
    row = db.execute(made.returning(institution)).one()
    registered = Institution(**row._asdict())
    ledger.accounts.open_accounts(
        db,
        [
            *bank_accounts(registered.supervised_account),
            NewAccount(path=registered.earned_path, kind="liability"),
            NewAccount(path=registered.payout_path, kind="liability"),
        ],
    )
    trail.record(db, by, "institution.registered", f"institution:{registered.id}", now=now, name=registered.name)
    return registered


def bank_accounts(supervised_account: str) -> list[NewAccount]:
    """The ledger accounts that any account at the supervising bank has, whoever it belongs to."""
    path = f"bank/{supervised_account}"
    return [
        NewAccount(path=path, kind="asset"),
        NewAccount(path=f"{path}/suspense", kind="liability"),
        NewAccount(path=f"{path}/interest", kind="liability"),
        NewAccount(path=f"{path}/fees", kind="expense"),
    ]


def get(db: Connection, institution_id: int, *, lock: bool = False) -> Institution:
    """One institution; with `lock` no other decision about it runs until this transaction ends. Raises Unknown."""
    query = select(institution).where(institution.c.id == institution_id)
    # Its key stays: whoever holds a contract and writes a row that points here must not wait for us, we may want that
    # contract next.
    row = db.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if row is None:
        raise Unknown(what="institution", key=institution_id)
    return Institution(**row._asdict())


def by_account(db: Connection, supervised_account: str, *, lock: bool = False) -> Institution | None:
    """The institution that a supervised account belongs to."""
    query = select(institution).where(institution.c.supervised_account == supervised_account)
    row = db.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
    return None if row is None else Institution(**row._asdict())


def everyone(db: Connection, *, after: int = 0, limit: int | None = None) -> list[Institution]:
    """All institutions in the order they were registered."""
    query = select(institution).where(institution.c.id > after).order_by(institution.c.id).limit(limit)
    return [Institution(**row._asdict()) for row in db.execute(query)]


def set_state(db: Connection, institution_id: int, state: Literal["open", "closing", "closed"]) -> None:
    """Move an institution to another state; what may move to what is decided by payouts.closures."""
    db.execute(update(institution).where(institution.c.id == institution_id).values(state=state))


def _must_be_new(db: Connection, registration: Registration) -> None:
    for field in ("credit_code", "supervised_account"):
        value = getattr(registration, field)
        if db.execute(select(institution.c.id).where(institution.c[field] == value)).first() is not None:
            raise AlreadyRegistered(field=field, field_zh=_FIELDS[field], value=value)


def _must_have_two_accounts(registration: Registration) -> None:
    """An account's number becomes a path in the ledger and a field of the payout file: what breaks those is refused."""
    for field in ("supervised_account", "settlement_account"):
        value = getattr(registration, field)
        if not _ACCOUNT.fullmatch(value):
            why, why_zh = "it has 1 to 34 letters, digits or hyphens", "账号须为1至34位字母、数字或连字符"
            raise BadAccount(field=field, field_zh=_FIELDS[field], value=value, why=why, why_zh=why_zh)
    if registration.supervised_account == registration.settlement_account:
        raise BadAccount(
            field="settlement_account",
            field_zh=_FIELDS["settlement_account"],
            value=registration.settlement_account,
            why="it is the supervised account itself; releases go to another account of the institution",
            why_zh="与监管账户相同，拨付须转入机构自有的其他账户",
        )
