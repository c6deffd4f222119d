"""The service is killed in the middle of two hundred notifications; after the bank's repeats each stands once."""

import hashlib
import json
import subprocess
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx2
import pytest
from sqlalchemy import Connection, Engine, select

from escrow.access import keys
from escrow.access.caller import Caller
from escrow.cli import main
from escrow.db import snapshot, transaction
from escrow.enrolment import contracts, orders, students
from escrow.enrolment.contracts import Draft
from escrow.enrolment.tables import payment
from escrow.registry import courses, institutions
from escrow.registry.institutions import Registration
from escrow.rules.rulebook import Rulebook
from ledger.balances import trial_balance
from ledger.money import Money
from qrpay.webhooks import SigningKey, sign
from tests.escrow.api.town import API, institution
from tests.escrow.running import serving

PAYMENTS: Final = 200
AT_ONCE: Final = 16
ANSWERED_BEFORE_THE_KILL: Final = 60
RULEBOOK: Final = Rulebook.load()
BUREAU: Final = Caller(name="zhang", role="bureau")
KEY: Final = SigningKey(key_id="bank-1", algorithm="v1a", material=hashlib.sha256(b"the bank").digest())


@dataclass
class Told:
    """What came of telling the service: the serials it answered with 2xx, and how many were on the way at the end."""

    answered: set[str] = field(default_factory=set)
    lost: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    enough: threading.Event = field(default_factory=threading.Event)


@pytest.mark.long
def test_a_kill_amid_two_hundred_notifications_leaves_each_payment_once(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = engine.url.render_as_string(hide_password=False)
    references = two_hundred_orders(engine)

    with serving(url, folder=tmp_path) as (address, process):
        before = Told()
        killer = threading.Thread(target=kill_after_enough, args=(before, process))
        killer.start()
        tell_all(address, references, before)
        killer.join()
    booked = serials(engine)
    assert ANSWERED_BEFORE_THE_KILL <= len(before.answered) < PAYMENTS, "it was not killed in the middle"
    assert before.lost > 0, "nothing was on the way when it was killed"
    assert before.answered <= set(booked), "an answer that was given is kept"

    with serving(url, folder=tmp_path) as (address, _):
        after = Told()
        tell_all(address, references, after)
    assert len(after.answered) == PAYMENTS
    assert Counter(serials(engine)) == Counter(f"S{number}" for number in range(PAYMENTS))
    with snapshot(engine) as db:
        balances = {each.path: each.amount for each in trial_balance(db)}
    assert balances["bank/6200000001"] == PAYMENTS * 100
    assert sum(amount for path, amount in balances.items() if path.endswith("/prepaid")) == PAYMENTS * 100
    monkeypatch.setenv("ESCROW_DATABASE_URL", url)
    with pytest.raises(SystemExit) as ended:
        main(["audit"])
    assert (ended.value.code, capsys.readouterr().out) == (0, "audit: ok\n")


def kill_after_enough(told: Told, process: subprocess.Popen[bytes]) -> None:
    told.enough.wait(60)
    process.kill()  # SIGKILL: nothing is finished, nothing is told


def two_hundred_orders(engine: Engine) -> list[str]:
    """Ten contracts of 20.00, twenty orders of 1.00 on each."""
    now = datetime.now(UTC)
    today = now.date()
    filed = {name: value for name, value in institution(1).items() if name != "licence_expires"}
    with transaction(engine) as db:
        keys.trust_bank(db, KEY.verifier(not_before=now - timedelta(days=1)))
        registration = Registration(**filed, licence_expires=today + timedelta(days=400))  # type: ignore[arg-type]  # its literals
        school = institutions.register(db, registration, by=BUREAU, now=now)
        course = courses.file(db, school.id, name="素描", subject="drawing", list_price=Money(2000), by=BUREAU, now=now)
        return [order for number in range(10) for order in _orders(db, course.id, number, today=today, now=now)]


def _orders(db: Connection, course_id: int, number: int, *, today: date, now: datetime) -> list[str]:
    child = students.enter(
        db, name=f"学生{number}", guardian_name="王芳", mobile=f"1380000000{number}", by=BUREAU, now=now
    )
    draft = Draft(
        course_id=course_id,
        student_id=child.id,
        lessons=1,
        gifted=0,
        price=Money(2000),
        first_lesson=today + timedelta(days=5),
        last_lesson=today + timedelta(days=5),
    )
    contract = contracts.sign(db, draft, rulebook=RULEBOOK, by=BUREAU, now=now).contract
    return [
        orders.place(db, contract.id, amount=Money(100), rulebook=RULEBOOK, by=BUREAU, now=now).reference
        for _ in range(20)
    ]


def tell_all(address: str, references: list[str], told: Told) -> None:
    """Every order is paid, each in a notification of its own, sixteen at a time."""
    with httpx2.Client(base_url=address, timeout=60) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda number: _tell(client, number, references[number], told), range(len(references))))
    told.enough.set()


def _tell(client: httpx2.Client, number: int, reference: str, told: Told) -> None:
    event = {
        "type": "payment.received",
        "serial": f"S{number}",
        "account": "6200000001",
        "amount": {"amount": "1.00", "currency": "CNY"},
        "reference": reference,
        "remark": "学费",
        "payer": {"name": "王芳", "account": "6222020000000000001"},
        "paid_at": "2026-01-01T10:00:00+08:00",
    }
    body = json.dumps({"events": [event]}).encode()
    headers = sign(body, id=f"msg_{number}", at=datetime.now(UTC), key=KEY)
    try:
        answer = client.post(f"{API}/bank/notifications", content=body, headers=headers)
    except httpx2.TransportError as error:
        with told.lock:
            told.lost += not isinstance(error, httpx2.ConnectError)
        return
    assert answer.status_code == 200, answer.text
    with told.lock:
        told.answered.add(answer.json()["events"][0]["serial"])
        if len(told.answered) >= ANSWERED_BEFORE_THE_KILL:
            told.enough.set()


def serials(engine: Engine) -> list[str]:
    with snapshot(engine) as db:
        return list(db.execute(select(payment.c.serial).where(payment.c.state == "placed")).scalars())
