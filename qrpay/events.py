"""A word that was believed, and the reasons for which one is not; whatever the framing that it came in."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

MAX_BODY_BYTES: Final = 1024 * 1024
"""The largest body that is looked at, some thousands of notifications; a server should stop reading there too."""

TOLERANCE: Final = timedelta(seconds=300)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)

SECONDS: Final = re.compile("[0-9]{1,10}")
"""A point in time as the framings write it: seconds since 1970."""


class SignatureRefused(Exception):
    """The notification is not believed. At the edge this is a 401 and a row in the audit trail."""


class BodyTooLarge(SignatureRefused):
    """The body is longer than MAX_BODY_BYTES."""


class MissingHeader(SignatureRefused):
    """A header, or a parameter in its place, is not there."""


class MalformedHeader(SignatureRefused):
    """A header is there, but not as the framing writes it, or twice."""


class MalformedBody(SignatureRefused):
    """The framing looks for something inside the body, and the body has not the form to hold it."""


class StaleTimestamp(SignatureRefused):
    """The notification was signed too long ago, or in the future."""


class UnknownAlgorithm(SignatureRefused):
    """None of the signatures is of a kind known here."""


class NoMatchingKey(SignatureRefused):
    """No key in force is pinned to the algorithm of any of the signatures."""


class BadSignature(SignatureRefused):
    """There are keys for it, but none of the signatures holds."""


class Unopened(SignatureRefused):
    """The signature holds, but no secret in force opens the encrypted part: it was made with another one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedEvent:
    """A notification whose signature held: its id, when it was signed (UTC), by which key, and what it says.

    `body` is the raw body, or what was encrypted in it. The same thing said again has the same id.
    """

    id: str
    timestamp: datetime
    key_id: str
    body: bytes


Verify: TypeAlias = Callable[..., VerifiedEvent]
"""verify(headers, raw_body, *, keys, now): the event, or SignatureRefused. One for each framing."""


def must_fit(body: bytes) -> None:
    """Raises BodyTooLarge."""
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"a notification has at most {MAX_BODY_BYTES} bytes; {len(body)} came")


def header(headers: Mapping[str, str], name: str, shape: re.Pattern[str], wanted: str) -> str:
    """The one value of a header, its name in any case. Raises MissingHeader, MalformedHeader."""
    values = [value for given, value in headers.items() if given.lower() == name.lower()]
    if not values:
        raise MissingHeader(f"the header {name} is missing")
    if len(values) > 1:
        raise MalformedHeader(f"the header {name} may come once; it came {len(values)} times")
    if shape.fullmatch(values[0]) is None:
        raise MalformedHeader(f"the header {name} must be {wanted}; {values[0][:200]!r} came")
    return values[0]


def fresh(signed_at: datetime, now: datetime, *, before: timedelta = TOLERANCE, after: timedelta = TOLERANCE) -> None:
    """Raises StaleTimestamp unless the word was signed at most `before` ago, and at most `after` ahead of our clock."""
    if not -after <= now - signed_at <= before:
        raise StaleTimestamp(
            f"signed at {signed_at.isoformat()}, looked at {now.isoformat()}: at most {before // SECOND} seconds may "
            f"lie between, and {after // SECOND} where its clock is ahead; send it again with a new timestamp"
        )


def one_spelling(encoded: str, what: str, sizes: range) -> bytes:
    """The bytes of a base64 text that has exactly the one spelling of so many bytes. Raises MalformedHeader."""
    try:
        signature = base64.b64decode(encoded, validate=True)
    except binascii.Error as wrong:
        raise MalformedHeader(f"the {what} signature is not base64: {wrong}") from None
    if len(signature) not in sizes or base64.b64encode(signature) != encoded.encode("ascii"):
        wanted = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
        raise MalformedHeader(f"a {what} signature is {wanted} bytes in base64; {len(signature)} came")
    return signature
