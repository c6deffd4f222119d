"""Alerts told to the outside over the routes: subscribers, dead letters, and the stream of events."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from escrow.app import create_app
from escrow.db import snapshot, transaction
from escrow.monitoring import alerts, handling, steps, subscribers
from escrow.rules.rulebook import Rulebook
from escrow.settings import Settings
from tests.escrow.api.town import Service, Town
from tests.escrow.county import BUREAU, RULEBOOK, at
from tests.escrow.delivery.receivers import receiving
from tests.escrow.monitoring.facts import sighting

SECRET = subscribers.fresh_secret()
WEBHOOK = {"channel": "webhook", "address": "https://bureau.example/alerts", "secret": SECRET, "least": "serious"}


def opened(engine: Engine, *facts: str) -> list[int]:
    with transaction(engine) as db:
        found = alerts.raise_(db, [sighting(each) for each in facts], rulebook=RULEBOOK, now=at(7, 20))
    return [each.id for each in found]


def events(service: Service, query: str = "", **headers: str) -> list[dict[str, str]]:
    """What a second of the stream brings: id, event and data of each event."""
    sent = {"Authorization": f"Bearer {service.tokens['auditor']}"} | headers
    answer = service.client.get(f"/api/v1/alerts/stream?seconds=1{query}", headers=sent)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    blocks = answer.text.removesuffix("\n\n").split("\n\n")
    assert blocks[0] == "retry: 2000"
    return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks[1:]]


def test_a_subscriber_is_added_listed_and_ended_and_its_secret_is_never_shown(town: Town) -> None:
    service = town.service
    added = service.post("zhang", "/alert-subscribers", WEBHOOK, key="once")
    assert (added.status_code, SECRET[6:] in added.text) == (201, False)
    assert service.post("zhang", "/alert-subscribers", WEBHOOK, key="once").text == added.text
    again = service.post("zhang", "/alert-subscribers", WEBHOOK)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/subscribed-already")
    listed = service.get("auditor", "/alert-subscribers")
    assert (listed.json(), SECRET[6:] in listed.text) == ([added.json()], False)
    for change in ({"address": "http://bureau.example/"}, {"secret": None}, {"channel": "email"}):
        refused = service.post("zhang", "/alert-subscribers", WEBHOOK | change)
        assert refused.status_code == 422, change
    for who in ("school", "family", "teller", "auditor"):
        assert service.post(who, "/alert-subscribers", WEBHOOK).status_code == 403
    assert service.get("school", "/alert-subscribers").status_code == 403
    with snapshot(service.engine) as db:
        kept = db.execute(text("SELECT body FROM answer")).scalars().all()
        assert [each for each in kept if SECRET[6:] in each] == [], "also not among the answers"
    ended = service.done("zhang", f"/alert-subscribers/{added.json()['id']}/end")
    assert (ended["ended_at"] is not None, service.get("auditor", "/alert-subscribers").json()) == (True, [])


def test_what_waits_and_what_is_dead_is_listed_and_redelivered(town: Town) -> None:
    service = town.service
    service.done("zhang", "/alert-subscribers", WEBHOOK)
    (key,) = opened(service.engine, "a")
    (waiting,) = service.get("auditor", "/alert-deliveries?state=waiting").json()["items"]
    assert (waiting["alert_id"], waiting["attempts"], waiting["failure"]) == (key, 0, None)
    early = service.post("zhang", f"/alert-deliveries/{waiting['id']}/redelivery")
    assert (early.status_code, early.json()["state"]) == (409, "waiting")
    with transaction(service.engine) as db:
        db.execute(text("UPDATE alert_delivery SET state = 'dead', attempts = 11, failure = 'answered 503'"))
    assert service.get("auditor", "/alert-deliveries?state=waiting").json()["items"] == []
    assert service.get("auditor", "/alert-deliveries?state=dead").json()["items"][0]["failure"] == "answered 503"
    again = service.done("zhang", f"/alert-deliveries/{waiting['id']}/redelivery")
    assert (again["state"], again["attempts"]) == ("waiting", 0)
    assert service.post("auditor", f"/alert-deliveries/{waiting['id']}/redelivery").status_code == 403


def test_the_stream_brings_every_step_in_order_and_goes_on_where_it_was_left(town: Town) -> None:
    service = town.service
    first, second = opened(service.engine, "a", "b")
    service.done("zhang", f"/alerts/{first}/acknowledgement")
    came = events(service, "&after=0-0")
    assert [(each["event"], json.loads(each["data"])["data"]["alert"]["id"]) for each in came] == [
        ("alert.open", first),
        ("alert.open", second),
        ("alert.acknowledge", first),
    ]
    assert events(service, **{"Last-Event-ID": came[1]["id"]}) == came[2:]
    assert events(service, f"&after={came[2]['id']}") == []
    assert events(service) == [], "who names no place hears what comes from now on"
    wrong = service.get("auditor", "/alerts/stream?after=yesterday")
    assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/bad-cursor")
    assert service.get("school", "/alerts/stream").status_code == 403


def test_the_stream_brings_what_happens_while_it_is_open(town: Town) -> None:
    later = threading.Timer(0.3, opened, args=(town.service.engine, "late"))
    later.start()
    (came,) = events(town.service, "&seconds=3")
    later.join()
    assert came["event"] == "alert.open"


def test_a_step_that_is_committed_late_is_not_missed(postgres_engine: Engine) -> None:
    first, second = opened(postgres_engine, "a", "b")

    def moves(place: tuple[int, int]) -> list[int]:
        with snapshot(postgres_engine) as db:
            return [each.alert_id for each in steps.after(db, place, limit=10)]

    with snapshot(postgres_engine) as db:
        begun = steps.newest(db)
    with transaction(postgres_engine) as slow:
        handling.acknowledge(slow, first, by=BUREAU, now=at(7, 21))
        with transaction(postgres_engine) as quick:
            handling.acknowledge(quick, second, by=BUREAU, now=at(7, 21))
        assert moves(begun) == [], "somebody may still write before it"
        with snapshot(postgres_engine) as db:
            assert steps.newest(db) == begun
    assert moves(begun) == [first, second], "in the order in which they began to write"


@pytest.fixture
def running(engine: Engine) -> Iterator[TestClient]:
    """The service as it runs, with what works behind it."""
    app = create_app(
        engine,
        rulebook=Rulebook.load(),
        settings=Settings(deliver_seconds=1),
        clock=lambda: datetime(2026, 9, 1, 2, tzinfo=UTC),
    )
    with TestClient(app) as client:
        yield client


@pytest.mark.usefixtures("running")
def test_the_running_service_delivers_by_itself(engine: Engine) -> None:
    with receiving() as receiver:
        with transaction(engine) as db:
            subscribers.subscribe(db, channel="webhook", address=receiver.url, secret=SECRET, by=BUREAU, now=at(7, 20))
        opened(engine, "a")
        until = time.monotonic() + 30
        while not receiver.came and time.monotonic() < until:
            time.sleep(0.05)
        assert [json.loads(each.body)["type"] for each in receiver.came] == ["alert.open"]
