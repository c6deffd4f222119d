"""The bank's signed word (银行通知): a notification is believed only when its signature holds, or not at all.

Framing by Standard Webhooks 1.0.0, "Verifying webhook authenticity": the headers webhook-id, webhook-timestamp and
webhook-signature; what is signed is the bytes `id.timestamp.body`, the body raw, before any parsing; the last header
lists one or more signatures, `algorithm,<base64>`, parted by spaces. The algorithms are those of qrpay.schemes: `v1`
and `v1a` of the standard, `rsa-sha256` and `sm2-sm3` as extensions.

A verified event is authentic and fresh, not new: whoever acts on it stores its id under a unique key first.
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from qrpay import events
from qrpay.events import (
    EPOCH,
    MAX_BODY_BYTES,
    SECOND,
    SECONDS,
    TOLERANCE,
    BadSignature,
    BodyTooLarge,
    MalformedHeader,
    MissingHeader,
    NoMatchingKey,
    SignatureRefused,
    StaleTimestamp,
    UnknownAlgorithm,
    VerifiedEvent,
)
from qrpay.keys import Key, KeyRing, SigningKey
from qrpay.schemes import SCHEMES

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

MAX_SIGNATURES: Final = 8
"""Signatures looked at in one header: enough for a change of keys, too few to keep us busy."""

# No full stop in the id, or "a.1" + "2" + body and "a" + "1" + "2.body" would be signed alike.
_ID: Final = re.compile("[A-Za-z0-9_:-]{1,128}")
_SIGNATURES: Final = re.compile("[!-~]+(?: +[!-~]+)*")


def verify(
    headers: Mapping[str, str], body: bytes, *, keys: KeyRing, now: datetime, tolerance: timedelta = TOLERANCE
) -> VerifiedEvent:
    """The notification, if one of its signatures holds with a key in force at `now`. Raises SignatureRefused, and
    SchemeNotInstalled where a key's algorithm cannot be used here.

    `body` is what came over the wire, byte for byte. One good signature is enough, since a sender that changes keys
    signs with both; a malformed one of a known kind spoils the whole.
    """
    events.must_fit(body)
    event_id = events.header(headers, "webhook-id", _ID, "1 to 128 letters, digits, _, : or -")
    timestamp = events.header(headers, "webhook-timestamp", SECONDS, "whole seconds since 1970")
    signed_at = EPOCH + int(timestamp) * SECOND
    events.fresh(signed_at, now, before=tolerance, after=tolerance)
    claims = _claims(events.header(headers, "webhook-signature", _SIGNATURES, "signatures parted by spaces"))
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
    timestamp = str((at - EPOCH) // SECOND)
    signature = base64.b64encode(key.sign(_signed(id, timestamp, body))).decode("ascii")
    return {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"{key.algorithm},{signature}",
    }


def _claims(header: str) -> list[tuple[str, bytes]]:
    entries = header.split()
    if len(entries) > MAX_SIGNATURES:
        raise MalformedHeader(f"webhook-signature holds at most {MAX_SIGNATURES} signatures; {len(entries)} came")
    claims = []
    for entry in entries:
        version, comma, encoded = entry.partition(",")
        if not comma:
            raise MalformedHeader(f"a signature is written version,base64; {entry[:200]!r} came")
        # Others are passed over, as the standard wants it: a sender may add new kinds beside the old.
        if version in SCHEMES:
            claims.append((version, events.one_spelling(encoded, version, SCHEMES[version].signature_bytes)))
    if not claims:
        kinds = ", ".join(sorted({entry.partition(",")[0][:20] for entry in entries}))
        raise UnknownAlgorithm(f"a signature is one of {', '.join(SCHEMES)}; {kinds} came")
    return claims


def _candidates(keys: KeyRing, claims: list[tuple[str, bytes]], now: datetime) -> list[Key]:
    kinds = {algorithm for algorithm, _ in claims}
    candidates = keys.for_algorithms(kinds, now)
    if not candidates:
        known = keys.standing(now) or "no keys"
        raise NoMatchingKey(f"no key in force for {', '.join(sorted(kinds))} at {now.isoformat()}: {known}")
    return candidates


def _signed(event_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{event_id}.{timestamp}.".encode("ascii") + body
