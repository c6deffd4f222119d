"""The bank's days: families pay, the bank gives its signed word, takes payout files and hands out statements."""

from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from escrow.access.keys import bank_keys
from escrow.bank.port import StatementFormat
from escrow.bank.sandbox import Fault
from escrow.demo.agenda import clock
from escrow.demo.town import OFFICER, Enrolled, School, Town
from escrow.enrolment import notifications
from escrow.enrolment.orders import Order
from escrow.payouts import batches
from escrow.payouts.batches import NothingToSend
from escrow.rules.working_days import is_working_day
from escrow.settlement import breaks, reconciling, signing, statements
from qrpay.webhooks import verify
from reconciliation.statement import NotAStatement

HOURS: Final = (9, 13, 17, 21)
"""When the bank sends what it has to say: some events in one notification."""
EVENTS: Final = 50

STATEMENTS: Final = (
    (date(2026, 7, 1), date(2026, 7, 31), date(2026, 8, 3)),
    (date(2026, 8, 1), date(2026, 8, 31), date(2026, 9, 2)),
    (date(2026, 9, 1), date(2026, 9, 30), date(2026, 10, 9)),
    (date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 3)),
    (date(2026, 11, 1), date(2026, 11, 15), date(2026, 11, 16)),
)
"""First and last day of each statement, and the day it is imported."""

INTEREST_ON: Final = date(2026, 9, 21)
INTEREST: Final = (35, 10_000)
"""0.35 % a year, a ratio of whole numbers; credited for about a quarter of one."""
QUARTERS: Final = 4
FEE: Final = 1_000
"""Fen, from one account in seven, for a token of its e-banking."""
FEE_FROM: Final = 7
CSV_FROM, CSV_AT = 7, 2
"""One account in seven gets its statements as the bank's CSV, the others as camt.053."""
SUFFIX: Final[dict[StatementFormat, str]] = {"camt.053": "camt.053.xml", "icbc-csv": "csv"}


def pay(
    town: Town,
    enrolled: Enrolled,
    order: Order,
    now: datetime,
    *,
    amount: int | None = None,
    in_field: bool = True,
    named: bool = True,
    fault: Fault | None = None,
) -> str:
    """A guardian pays an order (or `amount` fen instead); the bank's serial.

    The reference comes in the bank's own field or stands in the remark only; not `named`: nowhere.
    """
    child = f"{enrolled.family.student}学费"
    return town.bank.pay(
        account=enrolled.account,
        amount_minor=order.amount if amount is None else amount,
        payer=enrolled.family.guardian,
        payer_account=enrolled.family.payer_account,
        remark=f"{order.reference} {child}" if named else child,
        reference=order.reference if named and in_field else "",
        at=now,
        fault=fault or Fault(),
    )


def hear(town: Town, now: datetime) -> None:
    """Take the bank's notifications as the service does: verify the signature, book, answer 2xx only then."""
    for notice in town.bank.due(now):
        with town.request() as db:
            event = verify(notice.headers, notice.body, keys=bank_keys(db), now=now)
            notifications.hear(db, event, now=now)
        town.bank.acknowledge(notice.webhook_id)
        town.heard[notice.webhook_id] += 1


def send_payouts(town: Town, now: datetime, *, delivered: datetime | None = None) -> None:
    """Put what waits into a payout file and hand it to the bank, at once or (a slow bank) when `delivered` says."""
    with town.request() as db:
        try:
            batch = batches.make(db, by=OFFICER, now=now)
        except NothingToSend:
            return
        file = batches.file_of(db, batch.id)
    town.folder.joinpath(f"{batch.message_id}.pain.001.xml").write_bytes(file)
    town.later(delivered or now + timedelta(minutes=5), partial(_deliver, town, file))


def _deliver(town: Town, file: bytes, now: datetime) -> None:
    receipt = town.bank.deliver(file, at=now)
    town.refused.extend(each for each in receipt.lines if each.status == "rejected")


def settle_the_quarter(town: Town, now: datetime) -> None:
    """The bank credits interest to every account, and charges some a fee."""
    per_year, whole = INTEREST
    for at, school in enumerate(town.schools):
        interest = town.bank.balance(school.account) * per_year // (whole * QUARTERS)
        if interest:
            town.bank.pay_interest(school.account, interest, at=now)
        if at % FEE_FROM == 1 and town.bank.balance(school.account) > FEE:
            town.bank.charge_fee(school.account, FEE, at=now)


def import_statements(town: Town, begins: date, ends: date, now: datetime) -> None:
    """Fetch every account's statement, keep the file, import it and reconcile the account in one transaction."""
    for at, school in enumerate(town.schools):
        layout: StatementFormat = "icbc-csv" if at % CSV_FROM == CSV_AT else "camt.053"
        try:
            _import(town, school, now, days=(begins, ends), layout=layout)
        except NotAStatement:
            # A CSV without a line is refused, it could be a cut one. As the refusal says: one with balances, then.
            _import(town, school, now, days=(begins, ends), layout="camt.053")


def _import(town: Town, school: School, now: datetime, *, days: tuple[date, date], layout: StatementFormat) -> None:
    begins, ends = days
    data = town.bank.statement(school.account, begins=begins, ends=ends, format=layout)
    name = f"{school.account}-{begins:%Y-%m}.{SUFFIX[layout]}"
    with town.request() as db:
        statements.import_file(db, data, filename=name, account=school.account, by=OFFICER, now=now)
        reconciling.reconcile(db, school.account, by=OFFICER, now=now)
    town.folder.joinpath(name).write_bytes(data)


def sign_off(town: Town, day: date, now: datetime) -> None:
    """An officer takes what is open on the lines of each account and signs its days off."""
    for school in town.schools:
        with town.request() as db:
            for each in breaks.still_open(db, school.account):
                breaks.assign(db, each.id, owner=OFFICER.name, by=OFFICER, now=now)
            signing.sign_off(db, school.account, day, by=OFFICER, now=now)


def put_on_agenda(town: Town, first: date, last: date) -> None:
    """The bank's routine for every day of the demonstration."""
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        for hour in HOURS:
            town.later(clock(day, hour), partial(hear, town))
        if is_working_day(day):
            town.later(clock(day, 16), partial(send_payouts, town))
    town.later(clock(INTEREST_ON, 3), partial(settle_the_quarter, town))
    for begins, ends, on in STATEMENTS:
        town.later(clock(on, 8, 30), partial(import_statements, town, begins, ends))
    _, last_stated, imported_on = STATEMENTS[-1]
    town.later(clock(imported_on, 17), partial(sign_off, town, last_stated))
