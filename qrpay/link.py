"""A payment order as a link (支付链接): an https address with a token that nobody else can make.

The token holds the order's reference and its last moment, and nothing about anybody. It is signed, not encrypted:

    1 byte   format, 1
    5 bytes  the reference's number
    5 bytes  expiry, seconds since 1970 in UTC
    16 bytes HMAC-SHA256 over the rest, cut to 128 bits

27 bytes are 36 characters of base64url, without padding and without bits to spare: each token has one spelling.
A valid token proves that we made it, not that the order is still open; the one use is counted where the order lives.

A standing link (on a wall, for years) names only whom it belongs to, and the day on which it was given out; it asks for
no payment:

    1 byte   format, 2
    7 bytes  the payee's number
    2 bytes  day of issue, days since 1970
    14 bytes HMAC-SHA256 over the rest, cut to 112 bits
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from qrpay import reference as references
from qrpay.codes import AlteredCode, Asked, Payee, Said

KEY_BYTES: Final = 32
"""The shortest key that is taken."""

_FORMAT: Final = b"\x01"
_TAG_BYTES: Final = 16
_PRINTABLE: Final = re.compile("[!-~]+")
_TOKEN: Final = re.compile("[A-Za-z0-9_-]{36}")
_STANDING: Final = b"\x02"
_STANDING_BYTES: Final = 10
_STANDING_TOKEN_BYTES: Final = 24
_STANDING_TOKEN: Final = re.compile("[A-Za-z0-9_-]{32}")
_FIRST_DAY: Final = date(1970, 1, 1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
# So that a signature made here can never pass for one made with the same key for another purpose.
_PURPOSE: Final = b"qrpay payment link\x00"
_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}


class LinkRefused(Exception):
    """The payment link opens nothing."""


class ForgedToken(LinkRefused):
    """The token was not made with our key, or was cut or altered on the way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentToken:
    """What a valid token says: which order, and until when (without that instant; UTC, whole seconds)."""

    reference: str
    expires: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingToken:
    """What a valid standing token says: whose it is, and from which day. `serial`, eight letters and digits, is printed
    beside the code, so that paper and page can be compared."""

    number: int
    issued: date
    serial: str


class ExpiredToken(LinkRefused):
    """The token is ours, but its time is over. `token` is what it says: whoever paid in time may still look."""

    def __init__(self, token: PaymentToken) -> None:
        self.token = token
        super().__init__(f"this payment link was good until {token.expires.isoformat()}; ask for a new one")


@dataclass(frozen=True, slots=True)
class Links:
    """The payment links of one service: where they point, and the secret that makes them ours.

    base_url begins with https (http only for this very machine), as in "https://pay.example.cn"; key is at least
    32 random bytes. ValueError otherwise.
    """

    base_url: str
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        url = urlsplit(self.base_url)
        secure = url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK)
        plain = _PRINTABLE.fullmatch(self.base_url) and not (url.query or url.fragment or "@" in url.netloc)
        if not (secure and url.hostname and plain):
            raise ValueError(f"a payment link begins with https://host, without query or user; {self.base_url!r} came")
        if len(self.key) < KEY_BYTES:
            raise ValueError(f"the key of payment links has at least {KEY_BYTES} bytes; {len(self.key)} came")

    def make(self, reference: str, *, expires: datetime) -> str:
        """The order's address, good until `expires` (aware; a fraction of a second is dropped).

        Raises NotAReference, and ValueError for an expiry before 1970.
        """
        seconds = (expires - _EPOCH) // _SECOND
        if seconds < 0:
            raise ValueError(f"a payment link expires after 1970; {expires.isoformat()} came")
        said = _FORMAT + references.number_of(reference).to_bytes(5) + seconds.to_bytes(5)
        token = base64.urlsafe_b64encode(said + self._tag(said)).decode("ascii")
        return f"{self.base_url.rstrip('/')}/pay/{token}"

    def read(self, token: str, *, now: datetime) -> PaymentToken:
        """What the last part of a payment link says. Raises ForgedToken, and ExpiredToken from `expires` on."""
        # The decoder of the standard library skips what it does not know; the shape is checked first.
        if _TOKEN.fullmatch(token) is None:
            raise ForgedToken("a payment link ends in 36 letters, digits, - or _; copy the whole link")
        raw = base64.urlsafe_b64decode(token)
        said, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(said)) or said[:1] != _FORMAT:
            raise ForgedToken("this payment link was not made here, or was altered; open the order again")
        expires = _EPOCH + int.from_bytes(said[6:]) * _SECOND
        token_says = PaymentToken(reference=references.make(int.from_bytes(said[1:6])), expires=expires)
        if now >= expires:
            raise ExpiredToken(token_says)
        return token_says

    def standing(self, number: int, *, issued: date) -> str:
        """The address of whom a code on a wall belongs to. Raises ValueError for a number or day that does not fit."""
        days = (issued - _FIRST_DAY).days
        if not (0 <= number < 2**56 and 0 <= days < 2**16):
            raise ValueError(f"a standing link has a number below 2^56 and a day from 1970 to 2149; {number}, {issued}")
        said = _STANDING + number.to_bytes(7) + days.to_bytes(2)
        tag = self._tag(said)[: _STANDING_TOKEN_BYTES - _STANDING_BYTES]
        return f"{self.base_url.rstrip('/')}/i/{base64.urlsafe_b64encode(said + tag).decode('ascii')}"

    def read_standing(self, token: str) -> StandingToken:
        """What the last part of a standing link says. Raises ForgedToken."""
        if _STANDING_TOKEN.fullmatch(token) is None:
            raise ForgedToken("a standing link ends in 32 letters, digits, - or _; copy the whole link")
        raw = base64.urlsafe_b64decode(token)
        said, tag = raw[:_STANDING_BYTES], raw[_STANDING_BYTES:]
        if not hmac.compare_digest(tag, self._tag(said)[: len(tag)]) or said[:1] != _STANDING:
            raise ForgedToken("this link was not made here, or was altered")
        issued = _FIRST_DAY + timedelta(days=int.from_bytes(said[8:]))
        return StandingToken(number=int.from_bytes(said[1:8]), issued=issued, serial=_serial(tag))

    def _tag(self, said: bytes) -> bytes:
        return hmac.digest(self.key, _PURPOSE + said, hashlib.sha256)[:_TAG_BYTES]


def _serial(tag: bytes) -> str:
    number = int.from_bytes(tag[:5])
    return "".join(references.ALPHABET[(number >> shift) & 31] for shift in range(35, -1, -5))


@dataclass(frozen=True, slots=True)
class LinkCode:
    """Payment links as an encoder: what a wallet's scanner opens in a browser."""

    links: Links
    name: str = "link"

    def encode(self, asked: Asked) -> str:
        return self.links.make(asked.reference, expires=asked.expires)

    def standing(self, payee: Payee, *, issued: date) -> str:
        return self.links.standing(payee.number, issued=issued)

    def read(self, payload: str) -> Said | None:
        base = self.links.base_url.rstrip("/")
        if not payload.startswith(f"{base}/"):
            return None
        path, _, token = payload.removeprefix(f"{base}/").partition("/")
        try:
            if path == "pay":
                order = self.links.read(token, now=_EPOCH)
                return Said(kind=self.name, reference=order.reference, expires=order.expires)
            if path == "i":
                on_a_wall = self.links.read_standing(token)
                number, issued = on_a_wall.number, on_a_wall.issued
                return Said(kind=self.name, number=number, issued=issued, serial=on_a_wall.serial)
        except ForgedToken as forged:
            raise AlteredCode(str(forged)) from None
        raise AlteredCode(f"the links of this service go to /pay/ and /i/; {path[:40]!r} came")
