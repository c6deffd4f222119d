"""Idempotency-Key: one key, one effect, one answer, for ever."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from escrow.access.tables import audit_entry
from escrow.bank.sandbox import SandboxBank
from escrow.db import snapshot, transaction
from escrow.enrolment.tables import payment_order
from escrow.payouts.tables import refund
from tests.escrow.api.town import PROBLEM, Service, Town, institution, yuan


def count(service: Service, table: Any) -> int:
    with snapshot(service.engine) as db:
        return int(db.execute(select(func.count()).select_from(table)).scalar_one())


def same(first: Response, second: Response) -> bool:
    return (first.status_code, first.content) == (second.status_code, second.content)


def test_a_repeat_under_the_same_key_gets_the_same_bytes_and_has_no_second_effect(town: Town) -> None:
    path = f"/contracts/{town.contract}/orders"
    first = town.service.post("family", path, {"amount": yuan("10.00")}, key="order-1")
    town.service.clock.at += timedelta(days=1)
    again = town.service.post("family", path, {"amount": yuan("10.00")}, key="order-1")
    assert first.status_code == 201
    assert same(first, again)
    assert (first.headers.get("idempotency-replayed"), again.headers.get("idempotency-replayed")) == (None, "true")
    assert count(town.service, payment_order) == 1


def test_a_late_repeat_of_a_refused_command_is_refused_again_though_it_would_now_succeed(town: Town) -> None:
    path = f"/contracts/{town.contract}/refunds"
    refused = town.service.post("family", path, key="refund-1")
    assert refused.json()["type"] == "/problems/nothing-to-refund"
    town.pay()
    late = town.service.post("family", path, key="refund-1")
    assert same(refused, late)
    assert late.headers["content-type"] == PROBLEM
    assert count(town.service, refund) == 0
    assert town.service.done("family", path, key="refund-2")["amount"] == yuan("1000.00")


def test_another_request_under_a_used_key_is_a_conflict_without_effect(town: Town) -> None:
    orders = f"/contracts/{town.contract}/orders"
    town.service.done("family", orders, {"amount": yuan("10.00")}, key="k")
    for path, body in ((orders, {"amount": yuan("20.00")}), (f"/contracts/{town.contract}/refunds", None)):
        answered = town.service.post("family", path, body, key="k")
        assert answered.status_code == 409
        assert answered.json()["type"] == "/problems/idempotency-key-reused"
    assert count(town.service, payment_order) == 1


def test_a_refusal_undoes_what_was_done_before_it(town: Town) -> None:
    """The decision of a dispute writes its trail before it finds that nobody has paid for the lesson."""
    lesson = town.teach(datetime(2026, 9, 5, 9, tzinfo=UTC), confirmed=False)
    town.service.done("family", f"/lessons/{lesson}/dispute", {"contract_id": town.contract, "reason": "?"})
    decision = {"contract_id": town.contract, "taught": True, "reason": "已核实"}
    refused = town.service.post("zhang", f"/lessons/{lesson}/dispute-decision", decision)
    assert refused.json()["type"] == "/problems/not-paid-for"
    with snapshot(town.service.engine) as db:
        trail = set(db.execute(select(audit_entry.c.what)).scalars())
    assert "lesson.disputed" in trail
    assert "dispute.decided" not in trail


def test_two_callers_may_choose_the_same_key(town: Town) -> None:
    path = f"/contracts/{town.contract}/orders"
    town.service.done("family", path, {"amount": yuan("10.00")}, key="k")
    town.service.done("school", path, {"amount": yuan("20.00")}, key="k")
    assert count(town.service, payment_order) == 2


def test_a_file_sent_again_is_the_same_request_though_its_form_is_cut_anew(town: Town, tmp_path: Path) -> None:
    now = town.service.clock()
    with SandboxBank.open(tmp_path / "bank.db", key=town.bank.key) as bank:
        bank.open_account("6200000001", "明日美术")
        bank.pay(account="6200000001", amount_minor=5, payer="王芳", payer_account="6222", remark="", at=now)
        file, other = (
            bank.statement("6200000001", begins=now.date(), ends=now.date(), format=form)
            for form in ("camt.053", "icbc-csv")
        )

    def send(content: bytes, boundary: str) -> Response:
        form = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="1"\r\n\r\n'.encode()
        return town.service.client.post(
            "/api/v1/statements",
            content=form + content + f"\r\n--{boundary}--\r\n".encode(),
            headers={
                "Authorization": f"Bearer {town.service.tokens['teller']}",
                "Idempotency-Key": "day-1",
                "Content-Type": f"multipart/form-data; boundary={boundary}",
            },
        )

    first, again = send(file, "one"), send(file, "two")
    assert first.status_code == 201, first.text
    assert first.json()["statements"][0]["fresh"] == 1
    assert same(first, again)
    assert send(other, "one").json()["type"] == "/problems/idempotency-key-reused"
    assert town.held("bank/6200000001/suspense") == "0.05"


def test_sixteen_at_once_with_one_key_have_one_effect_and_get_one_answer(town: Town) -> None:
    town.pay()
    path = f"/contracts/{town.contract}/refunds"
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: town.service.post("family", path, key="once"), range(16)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.content for each in answers}) == 1
    assert sum("idempotency-replayed" in each.headers for each in answers) == 15
    assert count(town.service, refund) == 1


def test_sixteen_refunds_at_once_under_keys_of_their_own_repay_once(town: Town) -> None:
    town.pay()
    path = f"/contracts/{town.contract}/refunds"
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: town.service.post("family", path, key=f"each-{n}"), range(16)))
    assert sorted(each.status_code for each in answers) == [201, *[409] * 15]
    assert town.held(f"contract/{town.contract}/refund") == "1000.00"


def test_what_moves_money_needs_a_key(anywhere: Service) -> None:
    answered = anywhere.post("li", "/payout-batches", key="")
    assert (answered.status_code, answered.json()["type"]) == (400, "/problems/idempotency-key-required")


def test_a_malformed_key_is_refused(anywhere: Service) -> None:
    for key in ("a b", "k" * 256, "é"):
        headers = [("Authorization", f"Bearer {anywhere.tokens['li']}"), ("Idempotency-Key", key.encode("latin-1"))]
        answered = anywhere.client.post("/api/v1/payout-batches", headers=headers)  # type: ignore[arg-type]  # raw bytes
        assert (answered.status_code, answered.json()["type"]) == (400, "/problems/idempotency-key-malformed")


def test_two_who_register_the_same_institution_at_once_get_one_success_and_one_reason(service: Service) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.post("zhang", "/institutions", institution(1)), range(8)))
    assert sorted(each.status_code for each in answers) == [201, *[409] * 7]
    assert {each.json()["type"] for each in answers if each.status_code == 409} == {"/problems/already-registered"}


def test_a_commit_that_fails_is_never_answered_as_a_success_and_keeps_nothing(town: Town) -> None:
    with transaction(town.service.engine) as db:
        for statement in _SABOTAGE[db.dialect.name]:
            db.execute(text(statement))
    path = f"/contracts/{town.contract}/orders"
    body = {"amount": yuan("10.00")}
    failed = town.service.post("family", path, body, key="order-1")
    assert failed.status_code == 500
    assert failed.headers["content-type"] == PROBLEM
    assert "FOREIGN" not in failed.text.upper(), "the inside is not told"
    assert count(town.service, payment_order) == 0
    with transaction(town.service.engine) as db:
        db.execute(text(f"DROP TRIGGER sabotage{' ON payment_order' if db.dialect.name == 'postgresql' else ''}"))
    repeated = town.service.post("family", path, body, key="order-1")
    assert repeated.status_code == 201
    assert "idempotency-replayed" not in repeated.headers
    assert count(town.service, payment_order) == 1


def test_the_sabotage_lets_every_statement_pass_and_only_the_commit_fail(town: Town) -> None:
    engine = town.service.engine
    with transaction(engine) as db:
        for statement in _SABOTAGE[db.dialect.name]:
            db.execute(text(statement))
    at = datetime(2026, 9, 1, tzinfo=UTC)
    values = {"contract_id": town.contract, "amount": 1, "state": "open", "expires_at": at, "created_at": at}
    with engine.connect() as db:
        db.execute(payment_order.insert().values(values))
        with pytest.raises(IntegrityError):
            db.commit()


def test_a_key_is_not_used_up_by_an_answer_of_503(town: Town) -> None:
    # The calendar of 2032 is not known, so a lesson of that year cannot be given its days of silence.
    body = {
        "course_id": town.course,
        "class_no": "A",
        "starts_at": "2026-09-05T09:00:00+08:00",
        "ends_at": "2026-09-05T10:00:00+08:00",
        "contract_ids": [town.contract],
    }
    town.service.clock.at = datetime(2032, 1, 5, tzinfo=UTC)
    ill = town.service.post("school", "/lessons", body, key="lesson-1")
    assert (ill.status_code, ill.json()["type"]) == (503, "/problems/rule-missing")
    assert "2032" in ill.json()["detail"]
    assert "retry-after" in ill.headers
    town.service.clock.at = datetime(2026, 9, 5, 4, tzinfo=UTC)
    assert town.service.post("school", "/lessons", body, key="lesson-1").status_code == 201


_SABOTAGE = {
    "sqlite": [
        "CREATE TABLE saboteur (id INTEGER REFERENCES institution(id) DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TRIGGER sabotage AFTER INSERT ON payment_order BEGIN INSERT INTO saboteur VALUES (-1); END",
    ],
    "postgresql": [
        "CREATE TABLE saboteur (id BIGINT REFERENCES institution(id) DEFERRABLE INITIALLY DEFERRED)",
        "CREATE FUNCTION sabotage() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO saboteur VALUES (-1); RETURN NULL; END $$",
        "CREATE TRIGGER sabotage AFTER INSERT ON payment_order FOR EACH ROW EXECUTE FUNCTION sabotage()",
    ],
}
"""Every insert of an order also writes a row whose foreign key is looked at only by the commit, and then fails it."""
