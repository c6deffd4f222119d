"""The wire form of EMVCo codes: two digits of tag, two digits of length, the value; and a checksum at the end.

Source: EMVCo, QR Code Specification for Payment Systems, Merchant-Presented Mode, version 1.1 (the "specification").
Lengths count characters, not bytes, so a Chinese character counts as one; the checksum is over UTF-8 bytes.
"""

import binascii
import re
from typing import Final

MAX_CHARACTERS: Final = 512
"""The longest payload the specification expects a phone to take."""

FORMAT: Final = "00"
CRC: Final = "63"

_LONGEST: Final = 99
_CRC_DIGITS: Final = 4

_TWO_DIGITS: Final = re.compile("[0-9]{2}")


class NotACode(ValueError):
    """The text is not a payload of this kind; the message names the tag, the limit and what came."""


class CrcMismatch(NotACode):
    """The payload is well-formed, but its checksum is not its own: it was damaged or altered."""


def crc(text: str) -> str:
    """CRC-16/CCITT-FALSE (polynomial 1021, initial FFFF) of the UTF-8 bytes, as four upper-case hex digits.

    For a payload, the text runs up to and including the checksum's own tag and length, "6304" (section 4.7.3).
    """
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def write_tlv(tag: str, value: str) -> str:
    """One data object. Raises NotACode when the value is empty or longer than two digits can say."""
    if not 1 <= len(value) <= _LONGEST:
        raise NotACode(f"tag {tag} holds 1 to {_LONGEST} characters; {len(value)} came")
    return f"{tag}{len(value):02d}{value}"


def read_tlv(text: str, *, within: str = "") -> dict[str, str]:
    """The data objects of a payload or of one template, tag to value, in their order.

    `within` is the template's tag, for the messages: a wrong object 05 in template 62 is called 62.05.
    Raises NotACode. A tag that comes twice is refused: two readers might each believe another one.
    """
    fields: dict[str, str] = {}
    at = 0
    while at < len(text):
        tag, length = text[at : at + 2], text[at + 2 : at + 4]
        name = f"{within}.{tag}" if within else tag
        if not _TWO_DIGITS.fullmatch(tag):
            raise NotACode(f"character {at + 1}{_of(within)} must begin a two-digit tag; {tag!r} came")
        if not _TWO_DIGITS.fullmatch(length) or length == "00":
            raise NotACode(f"tag {name} must be followed by a length from 01 to 99; {length!r} came")
        if tag in fields:
            raise NotACode(f"tag {name} may come once; it came twice")
        value = text[at + 4 : at + 4 + int(length)]
        if len(value) < int(length):
            raise NotACode(f"tag {name} announces {length} characters; only {len(value)} are left")
        fields[tag] = value
        at += 4 + int(length)
    return fields


def check(payload: str) -> dict[str, str]:
    """The data objects of any EMVCo payload, ours or not, after its frame and its checksum have been found right.

    Raises CrcMismatch for a wrong checksum and NotACode for everything else.
    """
    if len(payload) > MAX_CHARACTERS:
        raise NotACode(f"a payload holds at most {MAX_CHARACTERS} characters; {len(payload)} came")
    fields = read_tlv(payload)
    if payload[:6] != write_tlv(FORMAT, "01"):
        raise NotACode(f"a payload begins with 000201; {payload[:6]!r} came")
    if next(reversed(fields)) != CRC or len(fields[CRC]) != _CRC_DIGITS:
        raise NotACode(f"a payload ends with tag {CRC} and {_CRC_DIGITS} characters of checksum; {payload[-8:]!r} came")
    try:
        expected = crc(payload[:-_CRC_DIGITS])
    except UnicodeEncodeError as impossible:
        raise NotACode(f"character {impossible.start + 1} is half a character; payloads are UTF-8") from None
    if fields[CRC] != expected:
        raise CrcMismatch(f"tag {CRC} must be {expected} for this payload; {fields[CRC]!r} came")
    return fields


def _of(within: str) -> str:
    return f" of template {within}" if within else ""
