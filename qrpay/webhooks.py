"""The bank's signed word (银行通知): a notification is believed only when its signature holds, or not at all.

Framing by Standard Webhooks 1.0.0, "Verifying webhook authenticity": the headers webhook-id, webhook-timestamp and
webhook-signature; what is signed is the bytes `id.timestamp.body`, the body raw, before any parsing; the last header
lists one or more signatures, `v1,<base64>` for HMAC-SHA256 and `v1a,<base64>` for Ed25519, parted by spaces.

A verified event is authentic and fresh, not new: whoever acts on it stores its id under a unique key first.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from qrpay.keys import ALGORITHMS, SIGNATURE_BYTES, Algorithm, Key, KeyRing, SigningKey

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_SIGNATURES",
    "TOLERANCE",
    "BadSignature",
    "BodyTooLarge",
    "Key",
    "KeyRing",
    "MalformedHeader",
    "MissingHeader",
    "NoMatchingKey",
    "SignatureRefused",
    "SigningKey",
    "StaleTimestamp",
    "UnknownAlgorithm",
    "VerifiedEvent",
    "sign",
    "verify",
]

MAX_BODY_BYTES: Final = 1024 * 1024
"""The largest body that is looked at, some thousands of notifications; a server should stop reading there too."""

MAX_SIGNATURES: Final = 8
"""Signatures looked at in one header: enough for a change of keys, too few to keep us busy."""

TOLERANCE: Final = timedelta(seconds=300)

# No full stop in the id, or "a.1" + "2" + body and "a" + "1" + "2.body" would be signed alike.
_ID: Final = re.compile("[A-Za-z0-9_:-]{1,128}")
_TIMESTAMP: Final = re.compile("[0-9]{1,10}")
_SIGNATURES: Final = re.compile("[!-~]+(?: +[!-~]+)*")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


class SignatureRefused(Exception):
    """The notification is not believed. At the edge this is a 401 and a row in the audit trail."""


class BodyTooLarge(SignatureRefused):
    """The body is longer than MAX_BODY_BYTES."""


class MissingHeader(SignatureRefused):
    """One of the three headers is not there."""


class MalformedHeader(SignatureRefused):
    """A header is there, but not as the standard writes it, or twice."""


class StaleTimestamp(SignatureRefused):
    """The notification was signed too long ago, or in the future."""


class UnknownAlgorithm(SignatureRefused):
    """None of the signatures is of a kind known here."""


class NoMatchingKey(SignatureRefused):
    """No key in force is pinned to the algorithm of any of the signatures."""


class BadSignature(SignatureRefused):
    """There are keys for it, but none of the signatures holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedEvent:
    """A notification whose signature held: its id, when it was signed (UTC), by which key, and the raw body."""

    id: str
    timestamp: datetime
    key_id: str
    body: bytes


def verify(
    headers: Mapping[str, str], body: bytes, *, keys: KeyRing, now: datetime, tolerance: timedelta = TOLERANCE
) -> VerifiedEvent:
    """The notification, if one of its signatures holds with a key in force at `now`. Raises SignatureRefused.

    `body` is what came over the wire, byte for byte. One good signature is enough, since a sender that changes keys
    signs with both; a malformed one of a known kind spoils the whole.
    """
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"a notification has at most {MAX_BODY_BYTES} bytes; {len(body)} came")
    event_id = _header(headers, "webhook-id", _ID, "1 to 128 letters, digits, _, : or -")
    timestamp = _header(headers, "webhook-timestamp", _TIMESTAMP, "whole seconds since 1970")
    signed_at = _fresh(timestamp, now, tolerance)
    claims = _claims(_header(headers, "webhook-signature", _SIGNATURES, "signatures parted by spaces"))
    candidates = _candidates(keys, claims, now)
    signed = _signed(event_id, timestamp, body)
    # Every candidate is tried with every signature, also after one has matched: the time taken tells nothing.
    matching = [key for key in candidates for claim in claims if key.confirms(*claim, signed)]
    if not matching:
        raise BadSignature(
            f"none of the signatures ({len(claims)}) holds with {', '.join(key.key_id for key in candidates)}: "
            "the id, the timestamp or the body was altered, or it was signed with another key"
        )
    return VerifiedEvent(id=event_id, timestamp=signed_at, key_id=matching[0].key_id, body=body)


def sign(body: bytes, *, id: str, at: datetime, key: SigningKey) -> dict[str, str]:  # noqa: A002 the standard's name
    """The three headers to send with `body`. `at` is when it is sent (aware), `id` stays the same when it is resent.

    Raises ValueError for an id that `verify` would not take.
    """
    if _ID.fullmatch(id) is None:
        raise ValueError(f"webhook-id must be 1 to 128 letters, digits, _, : or -; {id!r} came")
    timestamp = str((at - _EPOCH) // _SECOND)
    signature = base64.b64encode(key.sign(_signed(id, timestamp, body))).decode("ascii")
    return {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"{key.algorithm},{signature}",
    }


def _header(headers: Mapping[str, str], name: str, shape: re.Pattern[str], wanted: str) -> str:
    values = [value for header, value in headers.items() if header.lower() == name]
    if not values:
        raise MissingHeader(f"the header {name} is missing")
    if len(values) > 1:
        raise MalformedHeader(f"the header {name} may come once; it came {len(values)} times")
    if shape.fullmatch(values[0]) is None:
        raise MalformedHeader(f"the header {name} must be {wanted}; {values[0][:200]!r} came")
    return values[0]


def _fresh(timestamp: str, now: datetime, tolerance: timedelta) -> datetime:
    signed_at = _EPOCH + int(timestamp) * _SECOND
    if abs(now - signed_at) > tolerance:
        raise StaleTimestamp(
            f"signed at {signed_at.isoformat()}, looked at {now.isoformat()}: "
            f"at most {tolerance // _SECOND} seconds may lie between; send it again with a new timestamp"
        )
    return signed_at


def _claims(header: str) -> list[tuple[Algorithm, bytes]]:
    entries = header.split()
    if len(entries) > MAX_SIGNATURES:
        raise MalformedHeader(f"webhook-signature holds at most {MAX_SIGNATURES} signatures; {len(entries)} came")
    claims = []
    for entry in entries:
        version, comma, encoded = entry.partition(",")
        if not comma:
            raise MalformedHeader(f"a signature is written version,base64; {entry[:200]!r} came")
        # Others are passed over, as the standard wants it: a sender may add new kinds beside the old.
        if algorithm := ALGORITHMS.get(version):
            claims.append((algorithm, _decoded(algorithm, encoded)))
    if not claims:
        kinds = ", ".join(sorted({entry.partition(",")[0][:20] for entry in entries}))
        raise UnknownAlgorithm(f"a signature is one of {', '.join(ALGORITHMS)}; {kinds} came")
    return claims


def _decoded(algorithm: Algorithm, encoded: str) -> bytes:
    try:
        signature = base64.b64decode(encoded, validate=True)
    except binascii.Error as wrong:
        raise MalformedHeader(f"the {algorithm} signature is not base64: {wrong}") from None
    if len(signature) != SIGNATURE_BYTES[algorithm] or base64.b64encode(signature) != encoded.encode("ascii"):
        raise MalformedHeader(
            f"a {algorithm} signature is {SIGNATURE_BYTES[algorithm]} bytes in base64; {len(signature)} came"
        )
    return signature


def _candidates(keys: KeyRing, claims: list[tuple[Algorithm, bytes]], now: datetime) -> list[Key]:
    kinds = {algorithm for algorithm, _ in claims}
    candidates = [key for key in keys.keys if key.algorithm in kinds and key.in_force(now)]
    if not candidates:
        known = "; ".join(
            f"{key.key_id} is for {key.algorithm} and {'in force' if key.in_force(now) else 'not in force'}"
            for key in keys.keys
        )
        raise NoMatchingKey(
            f"no key in force for {', '.join(sorted(kinds))} at {now.isoformat()}: {known or 'no keys'}"
        )
    return candidates


def _signed(event_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{event_id}.{timestamp}.".encode("ascii") + body
