"""The post office: at least once, in order for each alert, never two at once, whatever receivers and the power do."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from escrow.db import snapshot, transaction
from escrow.delivery.mail import MailServer
from escrow.delivery.post_office import PostOffice
from escrow.monitoring import alerts, handling, outbox, steps, subscribers
from escrow.monitoring.outbox import LEASE, PAUSES, Delivery
from escrow.monitoring.subscribers import Subscriber
from escrow.refusals import AlreadyDecided, Forbidden, Unknown
from escrow.rules.rulebook import Severity
from qrpay.webhooks import KeyRing, verify
from tests.escrow.county import BUREAU, RULEBOOK
from tests.escrow.delivery.receivers import Mailroom, Receiver, Request, mailroom, receiving, refusing, taken
from tests.escrow.monitoring.facts import sighting
from tests.escrow.running import ROOT


@dataclass
class Clock:
    at: datetime = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def office(engine: Engine, clock: Clock) -> PostOffice:
    return PostOffice(engine=engine, clock=clock, mail_server=None, base_url="http://127.0.0.1:8000")


def told(
    engine: Engine, clock: Clock, address: str, *, least: Severity = "notice", channel: Any = "webhook"
) -> Subscriber:
    """A subscriber at this address."""
    secret = subscribers.fresh_secret() if channel == "webhook" else None
    with transaction(engine) as db:
        return subscribers.subscribe(
            db, channel=channel, address=address, secret=secret, least=least, by=BUREAU, now=clock()
        )


def opened(engine: Engine, clock: Clock, *facts: str, severity: Severity = "grave") -> list[int]:
    """Alerts of these facts; their ids."""
    with transaction(engine) as db:
        found = alerts.raise_(db, [sighting(each, severity=severity) for each in facts], rulebook=RULEBOOK, now=clock())
    return [each.id for each in found]


def worked_on(engine: Engine, clock: Clock, key: int) -> None:
    """Two more steps of an alert."""
    with transaction(engine) as db:
        handling.acknowledge(db, key, by=BUREAU, now=clock())
        handling.investigate(db, key, by=BUREAU, now=clock())


def finish(office: PostOffice) -> int:
    """Rounds until nothing is due; how many deliveries were tried."""
    tried = 0
    while sent := office.deliver():
        tried += sent
    return tried


def waiting(engine: Engine) -> list[Delivery]:
    with snapshot(engine) as db:
        return [each for each in outbox.page(db) if each.state != "delivered"]


def history_ids(engine: Engine, keys: list[int]) -> dict[int, list[str]]:
    """For each alert the webhook ids of its steps, in their order."""
    with snapshot(engine) as db:
        return {key: [f"alert-step_{each.id}" for each in steps.history(db, [key])] for key in keys}


def test_every_step_arrives_signed_in_order_and_says_what_happened(
    engine: Engine, clock: Clock, office: PostOffice, receiver: Receiver
) -> None:
    to = told(engine, clock, receiver.url)
    (key,) = opened(engine, clock, "a")
    worked_on(engine, clock, key)
    assert finish(office) == 3
    keys = KeyRing((to.key.verifier(not_before=clock() - timedelta(days=1)),))
    events = [json.loads(verify(each.headers, each.body, keys=keys, now=clock()).body) for each in receiver.came]
    assert [each["type"] for each in events] == ["alert.open", "alert.acknowledge", "alert.investigate"]
    assert [each["data"]["alert"]["state"] for each in events] == ["open", "acknowledged", "investigating"]
    assert events[0]["data"]["links"]["alert"] == f"/api/v1/alerts/{key}"
    assert [each.id for each in receiver.came] == history_ids(engine, [key])[key]
    assert (finish(office), waiting(engine)) == (0, [])


def test_what_is_rolled_back_is_told_to_nobody(
    engine: Engine, clock: Clock, office: PostOffice, receiver: Receiver
) -> None:
    told(engine, clock, receiver.url)

    def begun_and_lost(db: Connection) -> None:
        alerts.raise_(db, [sighting()], rulebook=RULEBOOK, now=clock())
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="power"), transaction(engine) as db:
        begun_and_lost(db)
    assert (finish(office), receiver.came) == (0, [])


def test_each_is_told_only_what_is_severe_enough_and_nothing_once_it_has_ended(
    engine: Engine, clock: Clock, office: PostOffice, receiver: Receiver
) -> None:
    grave = told(engine, clock, receiver.url + "?grave", least="grave")
    told(engine, clock, receiver.url + "?all")
    opened(engine, clock, "a", severity="serious")
    opened(engine, clock, "b", severity="grave")
    finish(office)
    assert sorted(each.path for each in receiver.came) == ["/alerts?all", "/alerts?all", "/alerts?grave"]
    opened(engine, clock, "c", severity="grave")
    with transaction(engine) as db:
        subscribers.end(db, grave.id, by=BUREAU, now=clock())
    finish(office)
    assert [each.path for each in receiver.came[3:]] == ["/alerts?all"], "also not what was waiting"


def test_steps_of_an_alert_keep_their_order_however_often_the_receiver_fails(
    engine: Engine, clock: Clock, office: PostOffice, receiver: Receiver
) -> None:
    chance = random.Random(7)  # noqa: S311  a test that can be repeated
    arrived: list[str] = []

    def fickle(handler: BaseHTTPRequestHandler, request: Request) -> None:
        if chance.random() < 0.5:
            refusing(chance.choice([500, 301, 404]))(handler, request)
        else:
            arrived.append(request.id)
            taken(handler, request)

    receiver.answer = fickle
    told(engine, clock, receiver.url)
    keys = opened(engine, clock, *"abcdef")
    for key in keys:
        worked_on(engine, clock, key)
    while left := waiting(engine):
        with transaction(engine) as db:
            for each in left:
                if each.state == "dead":
                    outbox.redeliver(db, each.id, by=BUREAU, now=clock())
        finish(office)
        clock.at += timedelta(hours=25)
    assert len(receiver.came) > len(arrived) + 5, "it failed often"
    assert Counter(arrived) == Counter(each for ids in history_ids(engine, keys).values() for each in ids)
    for ids in history_ids(engine, keys).values():
        assert [each for each in arrived if each in ids] == ids


def test_pauses_grow_then_it_lies_dead_with_the_next_steps_behind_it_until_somebody_redelivers(
    engine: Engine, clock: Clock, office: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = refusing(503)
    told(engine, clock, receiver.url)
    (key,) = opened(engine, clock, "a")
    worked_on(engine, clock, key)
    for attempt, pause in enumerate(PAUSES, start=1):
        assert finish(office) == 1
        first = waiting(engine)[0]
        assert (first.attempts, first.due_at, first.failure) == (attempt, clock() + pause, "answered 503")
        clock.at += pause - timedelta(seconds=1)
        assert finish(office) == 0, "not before its time"
        clock.at += timedelta(seconds=1)
    finish(office)
    assert [each.state for each in waiting(engine)] == ["dead", "waiting", "waiting"]
    clock.at += timedelta(days=30)
    receiver.answer = taken
    assert finish(office) == 0, "the later steps wait behind the dead one"
    with transaction(engine) as db:
        dead = outbox.page(db, state="dead")[0]
        assert outbox.redeliver(db, dead.id, by=BUREAU, now=clock()).state == "waiting"
        with pytest.raises(AlreadyDecided):
            outbox.redeliver(db, dead.id, by=BUREAU, now=clock())
        with pytest.raises(Unknown):
            outbox.redeliver(db, dead.id + 99, by=BUREAU, now=clock())
    came = len(receiver.came)
    assert finish(office) == 3
    assert [each.id for each in receiver.came[came:]] == history_ids(engine, [key])[key]


def test_one_ill_receiver_keeps_no_other_waiting(
    engine: Engine, clock: Clock, office: PostOffice, receiver: Receiver
) -> None:
    with receiving(refusing(500)) as ill:
        told(engine, clock, ill.url)
        told(engine, clock, receiver.url)
        opened(engine, clock, *(f"fact {number}" for number in range(100)))
        finish(office)
        assert len(receiver.came) == 100
        assert len(ill.came) <= 32, "the rest waits a minute: one round found out that it is ill"


def test_a_redirect_is_not_followed(engine: Engine, clock: Clock, office: PostOffice, receiver: Receiver) -> None:
    with receiving(refusing(307, Location=receiver.url)) as elsewhere:
        told(engine, clock, elsewhere.url)
        opened(engine, clock, "a")
        finish(office)
        assert (len(elsewhere.came), receiver.came) == (1, [])
    assert waiting(engine)[0].failure == "answered 307"


def test_an_endless_answer_is_not_read(engine: Engine, clock: Clock, office: PostOffice, receiver: Receiver) -> None:
    poured = 0

    def endless(handler: BaseHTTPRequestHandler, _request: Request) -> None:
        nonlocal poured
        handler.send_response(200)
        handler.end_headers()
        try:
            while poured < 2**30:
                poured += handler.wfile.write(b"x" * 65536)
        except OSError:
            return

    receiver.answer = endless
    told(engine, clock, receiver.url)
    opened(engine, clock, "a")
    finish(office)
    assert waiting(engine) == []
    assert poured < 2**26


def test_a_receiver_that_dawdles_is_left_after_a_while(
    engine: Engine, clock: Clock, office: PostOffice, receiver: Receiver
) -> None:
    def drop_by_drop(handler: BaseHTTPRequestHandler, _request: Request) -> None:
        try:
            for each in b"HTTP/1.0 200 OK" * 10:
                handler.wfile.write(bytes([each]))
                handler.wfile.flush()
                time.sleep(0.1)
        except OSError:
            return

    receiver.answer = drop_by_drop
    told(engine, clock, receiver.url)
    opened(engine, clock, "a")
    finish(replace(office, patience=1))
    assert waiting(engine)[0].failure == "no answer within 1 seconds"


def test_nobody_there_is_a_failure_like_any_other(engine: Engine, clock: Clock, office: PostOffice) -> None:
    told(engine, clock, "http://127.0.0.1:9/")
    opened(engine, clock, "a")
    finish(office)
    assert "ConnectError" in (waiting(engine)[0].failure or "")


def test_two_post_offices_at_once_never_send_the_same(
    engine: Engine, clock: Clock, office: PostOffice, receiver: Receiver
) -> None:
    def slow(handler: BaseHTTPRequestHandler, request: Request) -> None:
        time.sleep(0.02)
        taken(handler, request)

    receiver.answer = slow
    told(engine, clock, receiver.url)
    keys = opened(engine, clock, *(f"fact {number}" for number in range(60)))
    for key in keys[:20]:
        worked_on(engine, clock, key)
    together = threading.Barrier(3)
    tried: list[int] = []

    def work() -> None:
        together.wait()
        tried.append(finish(office))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    finish(office)
    assert (sum(tried) > 60, receiver.doubled, waiting(engine)) == (True, [], [])
    assert Counter(each.id for each in receiver.came).most_common(1)[0][1] == 1, "each once"
    order = defaultdict(list)
    for each in receiver.came:
        order[json.loads(each.body)["data"]["alert"]["id"]].append(each.id)
    assert order == history_ids(engine, keys)


def test_a_process_killed_between_sending_and_recording_sends_it_again(
    clock: Clock, office: PostOffice, receiver: Receiver, tmp_path: Path
) -> None:
    engine = office.engine
    processes: list[subprocess.Popen[bytes]] = []

    def killer(_handler: BaseHTTPRequestHandler, _request: Request) -> None:
        processes[0].kill()
        processes[0].wait()

    receiver.answer = killer
    told(engine, clock, receiver.url)
    (key,) = opened(engine, clock, "a")
    url = engine.url.render_as_string(hide_password=False)
    environment = os.environ | {"ESCROW_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "escrow", "alerts", "deliver"], env=environment, cwd=tmp_path
    ) as process:
        processes.append(process)
        process.wait(60)
    assert len(receiver.came) == 1, "it arrived, and nobody lived to write that down"
    receiver.answer = taken
    clock.at = waiting(engine)[0].due_at - timedelta(seconds=1)
    assert finish(office) == 0, "while the lease holds it might still be under way"
    clock.at += timedelta(seconds=1)
    assert finish(office) == 1
    assert [each.id for each in receiver.came] == history_ids(engine, [key])[key] * 2
    assert waiting(engine) == []


def test_one_that_was_held_up_past_its_lease_does_not_send(
    engine: Engine, clock: Clock, office: PostOffice, receiver: Receiver
) -> None:
    told(engine, clock, receiver.url)
    opened(engine, clock, "a")
    times = iter([clock(), clock(), clock() + LEASE])
    frozen = PostOffice(engine=engine, clock=lambda: next(times), mail_server=None, base_url="http://x")
    assert (frozen.deliver(), receiver.came) == (1, [])
    clock.at += LEASE
    assert (finish(office), len(receiver.came)) == (1, 1)


def test_letters_hold_all_that_waits_for_a_mailbox_and_wait_themselves_where_there_is_no_server(
    engine: Engine, clock: Clock, office: PostOffice
) -> None:
    told(engine, clock, "zhang@bureau.example", channel="email")
    (first, _) = opened(engine, clock, "a", "b")
    assert finish(office) == 0
    with snapshot(engine) as db:
        assert outbox.counts(db) == {("email", "waiting"): 2}
    with mailroom() as room:
        posting = with_mail(office, room)
        assert finish(posting) == 2
        worked_on(engine, clock, first)
        finish(posting)
    (both, acknowledged, _investigated) = room.letters
    assert (both["Subject"], both["To"]) == ("【预警】2 项动态 · 2 alerts have moved", "zhang@bureau.example")
    text = both.get_content()
    assert text.count("查明75 lessons") == 2
    assert f"http://127.0.0.1:8000/api/v1/alerts/{first}" in text
    assert acknowledged["Subject"] == f"【预警·严重】受理：prepayment.max_lessons（{first}）"
    assert len({each["Message-ID"] for each in room.letters}) == 3
    assert waiting(engine) == []


def test_a_mail_server_that_refuses_is_asked_again(engine: Engine, clock: Clock, office: PostOffice) -> None:
    told(engine, clock, "zhang@bureau.example", channel="email")
    opened(engine, clock, "a")
    with mailroom() as room:
        room.refusal = "451 later"
        posting = with_mail(office, room)
        finish(posting)
        assert "451" in (waiting(engine)[0].failure or "")
        room.refusal = ""
        clock.at += PAUSES[0]
        finish(posting)
        assert len(room.letters) == 1


def test_letters_go_to_another_machine_through_tls_alone() -> None:
    server = MailServer.at("smtp://user%40x:p%2Fw@mail.bureau.example", sender="a@b.example")
    assert (server.port, server.user, server.password, server.tls_from_the_start) == (587, "user@x", "p/w", False)
    assert "p/w" not in repr(server)
    assert MailServer.at("smtps://mail.bureau.example", sender="a@b.example").port == 465
    for wrong in ("http://x", "mail.example", "smtp://"):
        with pytest.raises(ValueError, match="a mail server is named"):
            MailServer.at(wrong, sender="a@b.example")


def test_only_the_bureau_redelivers(db: Connection) -> None:
    with pytest.raises(Forbidden):
        outbox.redeliver(db, 1, by=BUREAU.__class__(name="x", role="auditor"), now=Clock()())


def with_mail(office: PostOffice, room: Mailroom) -> PostOffice:
    server = MailServer.at(f"smtp://127.0.0.1:{room.port}", sender="escrow@bureau.example")
    return PostOffice(engine=office.engine, clock=office.clock, mail_server=server, base_url=office.base_url)
