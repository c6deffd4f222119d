"""The audit of the escrow: what must hold between contracts, lessons, payouts and the ledger, recomputed."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Connection, and_, func, or_, select

import ledger.audit
from escrow.access import keys
from escrow.enrolment.tables import contract, payment, payment_order
from escrow.oversight import records
from escrow.oversight.bank_audit import matches_agree_in_amount, payouts_are_seen_leaving, signed_days_stand
from escrow.payouts.tables import batch_part, instruction, payout_batch, release_line, release_request
from escrow.registry.tables import institution
from escrow.teaching.shares import share
from escrow.teaching.tables import attendance
from ledger.audit import Breach
from ledger.blocks_audit import blocks_are_unbroken
from ledger.entries import Account
from ledger.movements import movements_are_the_sums_of_transfers
from ledger.reading import all_accounts, pairs


def audit(db: Connection, *, published: Mapping[int, bytes] | None = None) -> Iterator[Breach]:
    """Every breach, the ledger's own first, and of these the seal's: it names the very transfer that was touched.

    Read inside one snapshot; nothing found means: the books are right. `published` as in `blocks_are_unbroken`.
    """
    yield from blocks_are_unbroken(db, keys.seal_keys(db), published=published)
    yield from ledger.audit.audit(db)
    yield from movements_are_the_sums_of_transfers(db)
    accounts = all_accounts(db)
    homes = _homes(db)
    yield from money_stays_with_its_bank_account(db, homes)
    yield from the_bank_holds_what_is_owed({each.path: each.balance for each in accounts}, homes)
    yield from balances_are_what_the_records_say(db, accounts)
    yield from payments_fit_their_orders(db)
    yield from shares_are_exact(db)
    yield from lessons_are_released_once(db)
    yield from released_shares_are_the_lessons(db)
    yield from payouts_are_what_was_decided(db)
    yield from batches_are_their_files(db)
    yield from batches_are_numbered(db)
    yield from matches_agree_in_amount(db)
    yield from payouts_are_seen_leaving(db)
    yield from signed_days_stand(db)


def money_stays_with_its_bank_account(db: Connection, homes: dict[str, str]) -> Iterator[Breach]:
    """No transfer leads from the money of one supervised account to that of another: it holds on every date."""
    for pair in pairs(db):
        debit, credit = homes.get(pair.debit), homes.get(pair.credit)
        if debit is None or debit != credit:
            yield Breach(
                invariant="money stays with its bank account",
                subject=pair.reference,
                detail=f"{pair.debit} ({debit}) to {pair.credit} ({credit})",
            )


def the_bank_holds_what_is_owed(balances: dict[str, int], homes: dict[str, str]) -> Iterator[Breach]:
    """For every supervised account: bank asset + fees charged = everything that is owed out of it."""
    held: dict[str, int] = {}
    owed: dict[str, int] = {}
    for path, balance in balances.items():
        home = homes.get(path, f"nobody's: {path}")
        side = held if path == home or path.endswith("/fees") else owed
        side[home] = side.get(home, 0) + balance
    for home in sorted(held.keys() | owed.keys()):
        if held.get(home, 0) != owed.get(home, 0):
            yield Breach(
                invariant="the bank holds what is owed",
                subject=home,
                detail=f"held {held.get(home, 0)} fen, owed {owed.get(home, 0)} fen",
            )


def balances_are_what_the_records_say(db: Connection, accounts: Sequence[Account]) -> Iterator[Breach]:
    """Each balance of the escrow equals what payments, lessons, refunds, releases and bank lines add up to; and what
    is reserved, what open release requests ask for."""
    wanted = [
        ("", {each.path: each.balance for each in accounts}, records.balances(db)),
        (" reserved", {each.path: each.debits_pending + each.credits_pending for each in accounts}, records.holds(db)),
    ]
    for what, kept, said in wanted:
        for path in sorted(kept.keys() | said.keys()):
            if kept.get(path, 0) != said.get(path, 0):
                yield Breach(
                    invariant="balances are what the records say",
                    subject=path,
                    detail=f"ledger {kept.get(path, 0)} fen{what}, records {said.get(path, 0)} fen",
                )


def payments_fit_their_orders(db: Connection) -> Iterator[Breach]:
    """An order is paid by one payment of exactly its amount, on its own contract, and a contract never beyond its
    price."""
    o, p = payment_order.c, payment.c
    orders = (
        select(o.id, o.reference, o.state, o.amount, o.contract_id)
        .add_columns(func.count(p.id).label("payments"), func.sum(p.amount).label("paid"))
        .add_columns(func.min(p.contract_id).label("paid_on"), func.max(p.contract_id).label("paid_on_too"))
        .outerjoin(payment, p.order_id == o.id)
        .group_by(o.id, o.reference, o.state, o.amount, o.contract_id)
    )
    for row in db.execute(orders):
        fits = (1, row.amount, row.contract_id, row.contract_id) if row.state == "paid" else (0, None, None, None)
        if (row.payments, row.paid, row.paid_on, row.paid_on_too) != fits:
            detail = f"{row.state}, {row.amount} fen, and {row.payments} payments of {row.paid} fen"
            yield Breach(invariant="payments fit their orders", subject=f"order:{row.reference}", detail=detail)
    contracts = select(contract.c.id, contract.c.price, func.sum(p.amount).label("paid"))
    paid = contracts.join(payment, p.contract_id == contract.c.id).group_by(contract.c.id, contract.c.price)
    for row in db.execute(paid):
        if row.paid > row.price:
            detail = f"{row.paid} fen paid of a price of {row.price}"
            yield Breach(invariant="payments fit their orders", subject=f"contract:{row.id}", detail=detail)


def shares_are_exact(db: Connection) -> Iterator[Breach]:
    """Confirmed lessons of a contract are numbered 1 to `taught` and each moved its exact share."""
    query = (
        select(attendance.c.ordinal, attendance.c.share, contract)
        .join(contract, contract.c.id == attendance.c.contract_id)
        .where(attendance.c.state == "confirmed")
    )
    counted: dict[int, set[int]] = {}
    for row in db.execute(query):
        counted.setdefault(row.id, set()).add(row.ordinal)
        if row.share != share(row.price, row.lessons, row.ordinal):
            detail = f"lesson {row.ordinal} moved {row.share} fen of {row.price} over {row.lessons}"
            yield Breach(invariant="shares are exact", subject=f"contract:{row.id}", detail=detail)
    for row in db.execute(select(contract.c.id, contract.c.taught)):
        ordinals = counted.get(row.id, set())
        if ordinals != set(range(1, row.taught + 1)):
            detail = f"taught {row.taught}, confirmed are the lessons {sorted(ordinals)}"
            yield Breach(invariant="shares are exact", subject=f"contract:{row.id}", detail=detail)


def lessons_are_released_once(db: Connection) -> Iterator[Breach]:
    """A request holds exactly the lessons that name it, their shares are its amount, and no lesson is in two."""
    lines = release_line.c
    per_request = (
        select(lines.request_id, func.sum(lines.share).label("amount"), func.count(lines.share).label("lessons"))
        .group_by(lines.request_id)
        .subquery()
    )
    named = (
        select(attendance.c.release_id, func.count().label("lessons"), func.sum(attendance.c.share).label("amount"))
        .where(attendance.c.release_id.is_not(None))
        .group_by(attendance.c.release_id)
        .subquery()
    )
    r = release_request.c
    query = (
        select(r.id, r.state, r.amount, r.lessons, per_request.c.amount.label("held"), named.c.amount.label("named"))
        .outerjoin(per_request, per_request.c.request_id == r.id)
        .outerjoin(named, named.c.release_id == r.id)
    )
    for row in db.execute(query):
        expected = row.amount if row.state in ("requested", "approved") else None
        if row.held != row.amount or row.named != expected:
            detail = f"{row.state}: amount {row.amount}, its lines {row.held}, lessons naming it {row.named}"
            yield Breach(invariant="lessons are released once", subject=f"release:{row.id}", detail=detail)


def released_shares_are_the_lessons(db: Connection) -> Iterator[Breach]:
    """Each line of a live request carries its lesson's own share, and the lesson names that request."""
    query = (
        select(release_line.c.request_id, release_line.c.share, attendance.c.id)
        .add_columns(attendance.c.share.label("earned"), attendance.c.release_id)
        .join(attendance, attendance.c.id == release_line.c.attendance_id)
        .join(release_request, release_request.c.id == release_line.c.request_id)
        .where(release_line.c.share.is_not(None), release_request.c.state.in_(("requested", "approved")))
    )
    for row in db.execute(query):
        if (row.share, row.request_id) != (row.earned, row.release_id):
            detail = f"attendance {row.id}: line {row.share} fen, earned {row.earned} fen, names {row.release_id}"
            yield Breach(invariant="lessons are released once", subject=f"release:{row.request_id}", detail=detail)


def payouts_are_what_was_decided(db: Connection) -> Iterator[Breach]:
    """Every approved release, refund and return is instructed, exactly in its amount, and nothing else is."""
    decided, instructed = records.decided_payouts(db), records.instructed_payouts(db)
    for source in sorted(decided.keys() | instructed.keys()):
        if decided.get(source, 0) != instructed.get(source, 0):
            kind, number = source
            detail = f"decided {decided.get(source, 0)} fen, instructed {instructed.get(source, 0)} fen"
            yield Breach(invariant="payouts are what was decided", subject=f"{kind}:{number}", detail=detail)
    first = instruction.alias("first")
    same = ("kind", "source_id", "supervised_account", "amount", "owed_path")
    differs = or_(*(instruction.c[each] != first.c[each] for each in same))
    changed = select(instruction.c.end_to_end, first.c.end_to_end.label("first"))
    for row in db.execute(changed.join(first, first.c.id == instruction.c.claim).where(differs)):
        detail = f"another attempt at {row.first} that is not the same payout"
        yield Breach(invariant="payouts are what was decided", subject=f"payout:{row.end_to_end}", detail=detail)


def batches_are_their_files(db: Connection) -> Iterator[Breach]:
    """A batch's lines and total are its instructions', and its file is the one whose digest was kept."""
    i = instruction.c
    query = (
        select(payout_batch, func.count(i.id).label("found"), func.coalesce(func.sum(i.amount), 0).label("sum"))
        .outerjoin(instruction, i.batch_id == payout_batch.c.id)
        .group_by(*payout_batch.c)
    )
    for row in db.execute(query):
        digest = hashlib.sha256(row.file or b"").hexdigest()
        if (row.lines, row.total, row.sha256) != (row.found, row.sum, digest):
            detail = f"{row.lines} lines of {row.total} fen, instructions {row.found} of {row.sum}; file {digest}"
            yield Breach(invariant="batches are their files", subject=f"batch:{row.id}", detail=detail)


def batches_are_numbered(db: Connection) -> Iterator[Breach]:
    """Each account's parts of batches are numbered 1, 2, 3 …, and each is what its instructions add up to."""
    i, p = instruction.c, batch_part.c
    query = (
        select(p.supervised_account, p.number, p.lines, p.total)
        .add_columns(func.count(i.id).label("found"), func.coalesce(func.sum(i.amount), 0).label("sum"))
        .outerjoin(instruction, and_(i.batch_id == p.batch_id, i.supervised_account == p.supervised_account))
        .group_by(p.id, p.supervised_account, p.number, p.lines, p.total)
        .order_by(p.supervised_account, p.number)
    )
    last: dict[str, int] = {}
    for row in db.execute(query):
        wanted = last.get(row.supervised_account, 0) + 1
        if (row.number, row.lines, row.total) != (wanted, row.found, row.sum):
            subject, detail = f"account:{row.supervised_account}", f"number {row.number} in the place of {wanted}"
            detail += f", {row.lines} lines of {row.total} fen, instructions {row.found} of {row.sum}"
            yield Breach(invariant="batches are numbered", subject=subject, detail=detail)
        last[row.supervised_account] = row.number


def _homes(db: Connection) -> dict[str, str]:
    """For every ledger account, the bank account whose money it is about."""
    homes = {}
    accounts = {row.id: row.supervised_account for row in db.execute(select(institution))}
    owners = {
        row.id: accounts[row.institution_id] for row in db.execute(select(contract.c.id, contract.c.institution_id))
    }
    for each in all_accounts(db):
        kind, name, *_ = each.path.split("/")
        if kind == "bank":
            homes[each.path] = f"bank/{name}"
        elif kind == "institution" and int(name) in accounts:
            homes[each.path] = f"bank/{accounts[int(name)]}"
        elif kind == "contract" and int(name) in owners:
            homes[each.path] = f"bank/{owners[int(name)]}"
    return homes
