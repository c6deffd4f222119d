"""A service at its door, and the people of a small town who knock there: family, school, bank, bureau."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from httpx2 import Response
from sqlalchemy import Engine
from starlette.testclient import TestClient

from escrow.access import keys
from escrow.access.caller import Role
from escrow.db import transaction
from escrow.registry.credit_code import check_character
from qrpay.webhooks import SigningKey, sign

API: Final = "/api/v1"
PROBLEM: Final = "application/problem+json"


def yuan(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


@dataclass
class Clock:
    """The service's clock: it shows what a test has set."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Service:
    """The running application, and who may knock at its door. `tokens` are API keys by a person's name."""

    client: TestClient
    engine: Engine
    clock: Clock
    tokens: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def hire(self, name: str, role: Role, party: int | None = None) -> None:
        with transaction(self.engine) as db:
            self.tokens[name] = keys.issue(db, name=name, role=role, party=party, now=self.clock())

    def get(self, who: str, path: str) -> Response:
        return self.client.get(API + path, headers=self._headers(who))

    def post(self, who: str, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> Response:
        """Under a fresh Idempotency-Key unless one is given; an empty one sends none."""
        key = f"test-{next(self.numbers)}" if key is None else key
        headers = self._headers(who) | ({"Idempotency-Key": key} if key else {})
        return self.client.post(API + path, json=body, headers=headers, **more)

    def done(self, who: str, path: str, body: Any = None, **more: Any) -> Any:
        """What a command that must succeed answers."""
        response = self.post(who, path, body, **more)
        assert response.is_success, response.text
        return response.json()

    def _headers(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}


@dataclass(frozen=True, kw_only=True)
class Bank:
    """The supervising bank as the service sees it: signed notifications."""

    service: Service
    key: SigningKey

    def event(
        self, serial: str, reference: str, amount: str, changed: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return {
            "type": "payment.received",
            "serial": serial,
            "account": "6200000001",
            "amount": yuan(amount),
            "reference": reference,
            "remark": f"{reference} 学费",
            "payer": {"name": "王芳", "account": "6222020000000000001"},
            "paid_at": self.service.clock().isoformat(),
        } | dict(changed or {})

    def tell(self, *events: Mapping[str, Any], id: str = "", key: SigningKey | None = None) -> Response:  # noqa: A002  the standard's name
        body = json.dumps({"events": events}, ensure_ascii=False).encode()
        return self.send(body, id=id or f"msg_{hashlib.sha256(body).hexdigest()[:24]}", key=key)

    def send(self, body: bytes, *, id: str, key: SigningKey | None = None) -> Response:  # noqa: A002  the standard's name
        headers = sign(body, id=id, at=self.service.clock(), key=key or self.key)
        return self.service.client.post(f"{API}/bank/notifications", content=body, headers=headers)


@dataclass(frozen=True, kw_only=True)
class Town:
    """Who lives there."""

    service: Service
    bank: Bank
    institution: int
    course: int
    student: int
    guardian: int
    contract: int

    def order(self, amount: str | None = None) -> str:
        body = None if amount is None else {"amount": yuan(amount)}
        reference: str = self.service.done("family", f"/contracts/{self.contract}/orders", body)["reference"]
        return reference

    def pay(self, serial: str = "S1") -> None:
        reference = self.order()
        told = self.bank.tell(self.bank.event(serial, reference, "1000.00"))
        assert told.json()["events"][0]["status"] == "booked", told.text

    def teach(self, day: datetime, *, recorded: datetime | None = None, confirmed: bool = True) -> int:
        """One lesson of an hour, recorded that evening unless later; the clock goes there."""
        self.service.clock.at = recorded or day + timedelta(hours=6)
        session = {
            "course_id": self.course,
            "class_no": "A",
            "starts_at": day.isoformat(),
            "ends_at": (day + timedelta(hours=1)).isoformat(),
            "contract_ids": [self.contract],
        }
        lesson: int = self.service.done("school", "/lessons", session)["id"]
        if confirmed:
            self.service.done("family", f"/lessons/{lesson}/confirmation", {"contract_id": self.contract})
        return lesson

    def held(self, path: str) -> str:
        answer = self.service.get("auditor", f"/ledger/accounts/{path}")
        assert answer.status_code == 200, answer.text
        amount: str = answer.json()["balance"]["amount"]
        return amount


def institution(number: int, name: str = "明日美术") -> dict[str, str]:
    code = f"91500110MA5U0000{number}"
    return {
        "name": name,
        "credit_code": code + check_character(code),
        "licence_no": f"L{number}",
        "licence_expires": "2027-08-01",
        "category": "non_subject",
        "mode": "offline",
        "jurisdiction": "900001",
        "supervised_account": f"620000000{number}",
        "settlement_account": f"630000000{number}",
    }
