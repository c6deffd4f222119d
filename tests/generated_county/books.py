"""A county written in bulk: rows gathered in memory, then inserted with the ledger's transfers that belong to them.

Everything goes through the few functions here, whatever it is for: no row bears a mark of who asked for it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, insert

import qrpay.reference
from escrow.db import metadata
from escrow.enrolment.contracts import prepaid_path, refund_path
from escrow.registry.credit_code import check_character
from escrow.registry.institutions import bank_accounts
from escrow.rules.months import SHANGHAI
from escrow.teaching.shares import share
from ledger.accounts import open_accounts
from ledger.batch import Columns
from ledger.entries import NewAccount
from ledger.posting import post_columns

FIRST_ID: Final = 900001 * 10**10 + 5 * 10**9
"""Far above what the database itself would number: whoever writes after us meets none of our ids."""

BATCH: Final = 8_000
NOW: Final = datetime(2026, 11, 20, 12, tzinfo=SHANGHAI)
TABLES: Final = (
    *("institution", "course", "guardian", "student", "contract", "payment_order", "payment", "closure"),
    *(
        "lesson",
        "attendance",
        "head_count",
        "complaint",
        "taking",
        "statement",
        "statement_line",
        "statement_break",
        "roster",
    ),
)


@dataclass(frozen=True, slots=True)
class School:
    """An institution, and its courses by their subjects: the id and the list price in fen."""

    id: int
    account: str
    courses: dict[str, tuple[int, int]]


@dataclass(slots=True)
class Sold:
    """A contract as far as what follows depends on it."""

    id: int
    school: School
    course: int
    price: int
    lessons: int
    signed: datetime
    paid: int = 0
    attended: int = 0


def at(day: date, hour: int = 10, minute: int = 0, second: int = 0) -> datetime:
    """A time of that day on Shanghai's clock."""
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=SHANGHAI)


@dataclass
class Books:
    """The rows of each table, and the transfers, until `write`."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    transfers: list[tuple[str, str, int, str, str, datetime]] = field(default_factory=list)
    taught: set[tuple[int, str]] = field(default_factory=set)
    """Institutions and the months in which they taught."""
    _numbers: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def school(
        self,
        prices: dict[str, int],
        *,
        mode: str = "offline",
        expires: date = date(2028, 6, 30),
        filed: datetime = datetime(2025, 3, 1, tzinfo=SHANGHAI),
    ) -> School:
        """An institution with a filed course for each subject, at its list price in fen."""
        number = len(self.rows["institution"]) + 1
        first_17 = f"91500110MB{number:07d}"
        account = f"62{number:08d}"
        made = self._add(
            "institution",
            name=f"示范县第{number}培训学校",
            credit_code=first_17 + check_character(first_17),
            licence_no=f"教民{number:06d}",
            licence_expires=expires,
            category="non_subject",
            mode=mode,
            jurisdiction="900001",
            supervised_account=account,
            settlement_account=f"63{number:08d}",
            state="open",
            registered_at=at(date(2025, 2, 1)),
        )
        courses = {
            subject: (
                self._add(
                    "course", institution_id=made, name=subject, subject=subject, list_price=price, filed_at=filed
                ),
                price,
            )
            for subject, price in prices.items()
        }
        return School(made, account, courses)

    def child(self) -> tuple[int, int]:
        """A student with a guardian of its own: both ids."""
        number = len(self.rows["student"]) + 1
        guardian = self._add("guardian", name=f"家长{number}", mobile=f"13{number:09d}")
        return self._add("student", guardian_id=guardian, name=f"学员{number}"), guardian

    def sell(
        self,
        school: School,
        child: tuple[int, int],
        subject: str,
        *,
        lessons: int,
        signed: datetime,
        first: date,
        last: date,
        gifted: int = 0,
        price: int | None = None,
    ) -> Sold:
        """A signed contract, at its list price unless another is given (fen)."""
        course, list_price = school.courses[subject]
        price = lessons * list_price if price is None else price
        contract = self._add(
            "contract",
            institution_id=school.id,
            course_id=course,
            student_id=child[0],
            guardian_id=child[1],
            subject=subject,
            lessons=lessons,
            gifted=gifted,
            price=price,
            list_price=list_price,
            first_lesson=first,
            last_lesson=last,
            signed_at=signed,
            taught=0,
            state="open",
            findings=[],
        )
        return Sold(contract, school, course, price, lessons, signed)

    def pay(
        self, sold: Sold, amount: int | None = None, *, on: datetime | None = None, code: str = "", payer: str = ""
    ) -> int:
        """An order for all that is due, or a part, and its payment; the payment's id."""
        amount = sold.price - sold.paid if amount is None else amount
        on = sold.signed + timedelta(hours=1) if on is None else on
        reference = self.order(sold, amount, on - timedelta(minutes=10), state="paid")
        sold.paid += amount
        return self._payment(
            sold.school,
            amount,
            on=on,
            payer=payer,
            code=code,
            reference=reference,
            order_id=self.rows["payment_order"][-1]["id"],
            contract_id=sold.id,
            state="placed",
            reason="",
        )

    def order(self, sold: Sold, amount: int, at_: datetime, *, state: str = "open") -> str:
        """A payment order; its reference."""
        number = self._number("payment_order") - FIRST_ID
        reference = qrpay.reference.make(number)
        self._add(
            "payment_order",
            reference=reference,
            contract_id=sold.id,
            amount=amount,
            expires_at=at_ + timedelta(hours=24),
            created_at=at_,
            state=state,
        )
        return reference

    def strange(
        self, school: School, amount: int, *, on: datetime, reason: str, reference: str = "", payer: str = ""
    ) -> int:
        """A payment that stands in suspense; its id."""
        return self._payment(
            school,
            amount,
            on=on,
            payer=payer,
            code="",
            reference=reference,
            order_id=None,
            contract_id=None,
            state="suspense",
            reason=reason,
        )

    def teach(
        self,
        attended: Sequence[Sold],
        day: date,
        *,
        ends: datetime | None = None,
        confirmed: bool = True,
        starts: datetime | None = None,
    ) -> int:
        """A lesson of an hour and a half from six in the evening unless it ends otherwise; its id."""
        ends = at(day, 19, 30) if ends is None else ends
        lesson = self._add(
            "lesson",
            institution_id=attended[0].school.id,
            course_id=attended[0].course,
            class_no=f"K{attended[0].id % 10**9}",
            held_on=day,
            starts_at=ends - timedelta(minutes=90) if starts is None else starts,
            ends_at=ends,
            recorded_at=ends + timedelta(hours=1),
            recorded_by="教务",
        )
        self.taught.add((attended[0].school.id, f"{day:%Y-%m}"))
        for sold in attended:
            self._attend(lesson, sold, ends, confirmed=confirmed)
        return lesson

    def add(self, table: str, **row: Any) -> int:
        """Any other row; its id."""
        return self._add(table, **row)

    def _attend(self, lesson: int, sold: Sold, ends: datetime, *, confirmed: bool) -> None:
        sold.attended += 1
        row: dict[str, Any] = {
            "lesson_id": lesson,
            "contract_id": sold.id,
            "state": "recorded",
            "silent_on": (ends + timedelta(days=9)).date(),
            "ordinal": None,
            "share": None,
            "confirmed_at": None,
            "confirmed_by": None,
            "dispute": None,
            "release_id": None,
        }
        if confirmed:
            earned, heard = share(sold.price, sold.lessons, sold.attended), ends + timedelta(hours=12)
            row |= {"state": "confirmed", "ordinal": sold.attended, "share": earned}
            row |= {"confirmed_at": heard, "confirmed_by": "家长"}
            self.rows["contract"][sold.id - FIRST_ID - 1]["taught"] += 1
        made = self._add("attendance", **row)
        if confirmed and row["share"]:
            paths = prepaid_path(sold.id), f"institution/{sold.school.id}/earned"
            self.transfers.append((*paths, row["share"], f"lesson/{made}", "lesson", row["confirmed_at"]))

    def _payment(self, school: School, amount: int, *, on: datetime, payer: str, code: str, **where: Any) -> int:
        serial = f"B{len(self.rows['payment']) + 1:09d}"
        account = payer or f"6222{len(self.rows['payment']) + 1:012d}"
        made = self._add(
            "payment",
            supervised_account=school.account,
            serial=serial,
            amount=amount,
            remark="学费",
            payer=f"付款人{account[-6:]}",
            payer_account=account,
            paid_at=on,
            source="notification",
            recorded_at=on + timedelta(minutes=1),
            code=code,
            **where,
        )
        bank = f"bank/{school.account}"
        placed = where["contract_id"] is not None
        owed = prepaid_path(where["contract_id"]) if placed else f"{bank}/suspense"
        kind = "payment" if placed else "suspense"
        self.transfers.append((bank, owed, amount, f"payment/{school.account}/{serial}", kind, on))
        return made

    def _number(self, table: str) -> int:
        return FIRST_ID + self._numbers[table] + 1

    def _add(self, table: str, **row: Any) -> int:
        number = self._number(table)
        self._numbers[table] += 1
        self.rows[table].append({"id": number, **row})
        return number

    def write(self, db: Connection) -> None:
        """Insert everything, open the accounts, post the transfers: what came in first."""
        for name in TABLES:
            rows = self.rows[name]
            for start in range(0, len(rows), BATCH):
                db.execute(insert(metadata.tables[name]), rows[start : start + BATCH])
        accounts = []
        for each in self.rows["institution"]:
            accounts += bank_accounts(each["supervised_account"])
            accounts += [
                NewAccount(path=f"institution/{each['id']}/{of}", kind="liability") for of in ("earned", "payout")
            ]
        for each in self.rows["contract"]:
            accounts += [NewAccount(path=path(each["id"]), kind="liability") for path in (prepaid_path, refund_path)]
        for start in range(0, len(accounts), BATCH):
            open_accounts(db, accounts[start : start + BATCH])
        self.transfers.sort(key=lambda each: each[5])
        for start in range(0, len(self.transfers), BATCH):
            debit, credit, amount, reference, kind, effective = zip(*self.transfers[start : start + BATCH], strict=True)
            columns = Columns(
                debit=debit, credit=credit, amount=amount, reference=reference, kind=kind, effective=effective
            )
            post_columns(db, columns, now=NOW)
