"""Who is told of alerts, from a terminal: subscribers, what is delivered, what lies dead."""

import base64
import re

import pytest
from sqlalchemy import Engine, text

from escrow.db import transaction
from escrow.monitoring import alerts
from tests.escrow.county import RULEBOOK, at
from tests.escrow.delivery.receivers import mailroom, receiving
from tests.escrow.monitoring.facts import sighting
from tests.escrow.test_alert_commands import Escrow, escrow  # noqa: F401  the fixture of the alerts' commands


def opened(engine: Engine, fact: str = "a") -> None:
    with transaction(engine) as db:
        alerts.raise_(db, [sighting(fact)], rulebook=RULEBOOK, now=at(7, 20))


def test_a_webhook_is_subscribed_with_a_secret_shown_once_and_gets_what_happens(
    escrow: Escrow,  # noqa: F811  the fixture
    engine: Engine,
) -> None:
    with receiving() as receiver:
        status, out, _ = escrow("subscribe", "--webhook", receiver.url, "--least", "serious")
        secret = re.search(r"secret: whsec_(\S+)\n", out)
        assert secret is not None
        assert (status, len(base64.b64decode(secret[1]))) == (0, 32)
        listed = escrow("subscribers")[1]
        assert (receiver.url in listed, secret[1] in listed, "subscribers: 1" in listed) == (True, False, True)
        opened(engine)
        assert escrow("deliver")[1] == "tried 1; waiting 0; dead 0\n"
        assert len(receiver.came) == 1
        number = listed.split()[0]
        assert escrow("unsubscribe", number)[1].endswith(": ended\n")
        assert escrow("unsubscribe", number)[0] == 1


def test_dead_letters_are_listed_and_redelivered_by_hand(
    escrow: Escrow,  # noqa: F811  the fixture
    engine: Engine,
) -> None:
    with receiving() as receiver:
        escrow("subscribe", "--webhook", receiver.url)
        opened(engine)
        assert escrow("dead-letters")[1] == "dead letters: 0\n"
        with transaction(engine) as db:
            db.execute(text("UPDATE alert_delivery SET state = 'dead', failure = 'answered 500'"))
        dead = escrow("dead-letters")[1]
        assert "answered 500" in dead
        assert escrow("deliver")[1] == "tried 0; waiting 0; dead 1\n"
        assert "waiting" in escrow("redeliver", dead.split()[0])[1]
        assert escrow("redeliver", dead.split()[0])[0] == 1
        assert escrow("deliver")[1] == "tried 1; waiting 0; dead 0\n"


def test_letters_wait_for_a_mail_server_and_say_so(
    escrow: Escrow,  # noqa: F811  the fixture
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert escrow("subscribe", "--email", "zhang@bureau.example")[0] == 0
    opened(engine)
    told = escrow("deliver")[1]
    assert told == "tried 0; waiting 1; dead 0\ne-mail waits: no mail server is set (ESCROW_SMTP_URL)\n"
    with mailroom() as room:
        monkeypatch.setenv("ESCROW_SMTP_URL", f"smtp://127.0.0.1:{room.port}")
        monkeypatch.setenv("ESCROW_MAIL_FROM", "jg@bureau.example")
        assert escrow("deliver")[1] == "tried 1; waiting 0; dead 0\n"
        assert room.letters[0]["From"] == "jg@bureau.example"


def test_what_makes_no_sense_is_refused(escrow: Escrow, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    assert escrow("subscribe")[0] == 1
    assert escrow("subscribe", "--email", "a@b.example", "--webhook", "https://b.example/")[0] == 1
    assert escrow("subscribe", "--email", "a@b.example", "--least", "high")[0] == 2
    assert "only https is spoken" in escrow("subscribe", "--webhook", "http://b.example/")[2]
    monkeypatch.setenv("ESCROW_SMTP_URL", "http://mail.example")
    status, _, err = escrow("deliver")
    assert (status, "ESCROW_SMTP_URL" in err) == (1, True)
