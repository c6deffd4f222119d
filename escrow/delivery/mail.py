"""E-mail (SMTP): what waits for one person goes as one letter, so that a sweep does not fill their day."""

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from escrow.delivery.not_taken import NotTaken
from escrow.monitoring.states import IN_CHINESE
from escrow.monitoring.steps import Step
from escrow.monitoring.subscribers import is_loopback
from escrow.rules.months import SHANGHAI
from escrow.settings import Settings

SECONDS: Final = 20
"""How long the mail server may be silent."""

_PORTS: Final = {"smtp": 587, "smtps": 465}
_MOVES: Final = {**IN_CHINESE, "open": "新预警", "reopen": "再次出现"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where letters are handed in, and who they are from. To another machine only through TLS."""

    host: str
    port: int
    tls_from_the_start: bool
    user: str | None
    password: str | None = field(repr=False)
    sender: str

    @classmethod
    def at(cls, url: str, *, sender: str) -> Self:
        """`smtp://user:password@host:587` or `smtps://…:465`. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("a mail server is named smtp://host:port or smtps://host:port")
        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            tls_from_the_start=parts.scheme == "smtps",
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            sender=sender,
        )

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """The one that the settings name; None: there is none."""
        url = settings.smtp_url
        return None if url is None else cls.at(url.get_secret_value(), sender=settings.mail_from)

    @contextmanager
    def talking(self) -> Iterator[smtplib.SMTP]:
        """A connection that is ready to take letters. Raises OSError, smtplib.SMTPException."""
        if self.tls_from_the_start:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=SECONDS, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=SECONDS)
        with server:
            if not self.tls_from_the_start and not is_loopback(self.host):
                server.starttls(context=ssl.create_default_context())  # raises where it is not offered
            if self.user is not None:
                server.login(self.user, self.password or "")
            yield server


def send(server: MailServer, steps: Sequence[Step], to: str, *, base_url: str, at: datetime) -> None:
    """Send these steps to one address as one letter. Raises NotTaken."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Date"] = server.sender, to, format_datetime(at)
    letter["Subject"] = _subject(steps)
    letter["Message-ID"] = f"<alert-step_{steps[0].id}_{len(steps)}@{server.sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content("\n\n".join(_paragraph(each, base_url) for each in steps) + "\n")
    try:
        with server.talking() as talking:
            talking.send_message(letter)
    except (OSError, smtplib.SMTPException) as error:
        raise NotTaken(f"{type(error).__name__}: {error}") from error


def _subject(steps: Sequence[Step]) -> str:
    first = steps[0]
    if len(steps) == 1:
        severity = IN_CHINESE[first.alert["severity"]]
        return f"【预警·{severity}】{_MOVES.get(first.move, first.move)}：{first.alert['rule']}（{first.alert_id}）"
    return f"【预警】{len(steps)} 项动态 · {len(steps)} alerts have moved"


def _paragraph(step: Step, base_url: str) -> str:
    alert = step.alert
    moved = (
        f"{_MOVES.get(step.move, step.move)}（{step.move}），{step.by}，{step.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    )
    lines = [
        f"预警 {step.alert_id} [{IN_CHINESE[alert['severity']]}] {IN_CHINESE[alert['state']]}：{moved}",
        *([f"理由：{step.reason}"] if step.reason else []),
        alert["zh"],
        alert["en"],
        f"期限 due {alert['due_on']}，经办 owner {alert['owner'] or '—'}",
        *(f"{name}: {base_url}{path}" for name, path in step.event["data"]["links"].items()),
    ]
    return "\n".join(lines)
