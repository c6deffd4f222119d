"""Who is told of alerts: addresses that are safe to speak to, secrets that are secrets, the bureau alone decides."""

import base64

import pytest
from sqlalchemy import Connection, select

from escrow.access.caller import Caller
from escrow.monitoring import subscribers
from escrow.monitoring.subscribers import (
    BadAddress,
    BadSecret,
    Channel,
    SubscribedAlready,
    Subscriber,
    SubscriptionEnded,
)
from escrow.monitoring.tables import alert_subscriber
from escrow.refusals import Forbidden, Unknown
from tests.escrow.county import BUREAU, at

NOW = at(9, 1)
URL = "https://bureau.example/alerts?from=escrow"


def subscribed(
    db: Connection, address: str = URL, *, channel: Channel = "webhook", secret: str | None = None, by: Caller = BUREAU
) -> Subscriber:
    if channel == "webhook" and secret is None:
        secret = subscribers.fresh_secret()
    return subscribers.subscribe(db, channel=channel, address=address, secret=secret, by=by, now=NOW)


@pytest.mark.parametrize(
    "address", [URL, "https://[2001:db8::1]:8443/", "http://127.0.0.1:9/x", "http://[::1]/", "http://localhost:8080/x"]
)
def test_a_webhook_goes_to_https_or_to_this_machine(db: Connection, address: str) -> None:
    assert subscribed(db, address).address == address


@pytest.mark.parametrize(
    "address",
    [
        *("http://bureau.example/", "http://127.0.0.1.example/", "http://10.0.0.1/", "http://localhost.example/"),
        *("ftp://bureau.example/", "file:///etc/passwd", "bureau.example", "https://", "https:///x", ""),
        *("https://li:secret@bureau.example/", "https://bureau.example/#a", "https://bureau.example:99999/"),
        *("https://bureau.example/ x", "https://bureau.example\\@evil.example/", "https://局.example/", "https://x/\n"),
        "https://bureau.example/" + "x" * 2_000,
    ],
)
def test_any_other_address_is_refused_with_the_reason(db: Connection, address: str) -> None:
    with pytest.raises(BadAddress) as refused:
        subscribed(db, address)
    assert refused.value.facts["why"]
    assert refused.value.chinese.startswith("无法向 ")


@pytest.mark.parametrize("address", ["zhang@bureau.example", "a.b+c@x-y.gov.cn"])
def test_letters_go_to_an_address_that_can_be_one(db: Connection, address: str) -> None:
    added = subscribed(db, address, channel="email")
    assert (added.secret, added.least) == (None, "notice")


@pytest.mark.parametrize(
    "address",
    ["zhang", "zhang@localhost", "a@b.example\nBcc: c@d.example", "<a@b.example>", "a@b.example, c@d.example"],
)
def test_what_could_add_a_header_or_another_address_is_refused(db: Connection, address: str) -> None:
    with pytest.raises(BadAddress):
        subscribed(db, address, channel="email")


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_short",
        "whsec_" + base64.b64encode(bytes(32)).decode(),  # no secret: all zeros
        "whsec_" + base64.b64encode(bytes(range(23))).decode(),
        "whsec_" + base64.b64encode(bytes(range(65))).decode(),
        base64.b64encode(bytes(range(32))).decode(),
        "whsec_" + "ä" * 40,
    ],
)
def test_a_secret_is_long_random_and_well_written(db: Connection, secret: str) -> None:
    with pytest.raises(BadSecret):
        subscribed(db, secret=secret)


def test_a_subscriber_is_told_once_until_it_ends_and_its_secret_is_in_no_trace_of_it(db: Connection) -> None:
    first = subscribed(db)
    with pytest.raises(SubscribedAlready) as refused:
        subscribed(db)
    assert refused.value.facts["subscriber"] == first.id
    assert subscribers.everyone(db) == [first]
    assert first.secret is not None
    assert first.secret not in repr(first)
    ended = subscribers.end(db, first.id, by=BUREAU, now=NOW)
    assert (ended.ended_at, subscribers.everyone(db)) == (NOW, [])
    with pytest.raises(SubscriptionEnded):
        subscribers.end(db, first.id, by=BUREAU, now=NOW)
    with pytest.raises(Unknown):
        subscribers.end(db, first.id + 1, by=BUREAU, now=NOW)
    assert subscribed(db).id != first.id


def test_only_the_bureau_decides_who_is_told(db: Connection) -> None:
    for role in ("institution", "family", "bank", "auditor"):
        with pytest.raises(Forbidden):
            subscribed(db, by=Caller(name="x", role=role))
        with pytest.raises(Forbidden):
            subscribers.end(db, 1, by=Caller(name="x", role=role), now=NOW)
    assert db.execute(select(alert_subscriber)).all() == []
