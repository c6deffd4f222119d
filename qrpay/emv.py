"""A payment order as an EMVCo merchant-presented code (商户出示码): payee, amount and reference in one line of text.

Source: EMVCo, QR Code Specification for Payment Systems, Merchant-Presented Mode, version 1.1: the root in Table 3.3,
template 62 in Table 3.7, template 64 in Table 3.8, templates 26 to 51 in Table 4.2.

What a wallet shows from such a code is only a proposal to the payer. When money arrives, amount and payee are
compared with the order in the books, never with the code.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.money import Money, NotAnAmount
from qrpay import reference as references
from qrpay.codes import AlteredCode, Asked, Payee, Said
from qrpay.tlv import CRC, FORMAT, CrcMismatch, NotACode, check, crc, read_tlv, write_tlv

__all__ = ["CrcMismatch", "MerchantCode", "NotACode", "check", "crc", "encode", "parse", "read_tlv"]

NUMERIC_CURRENCY: Final = {"CNY": "156"}
"""ISO 4217 three-letter code to the three digits of tag 53."""

AMOUNT_CHARACTERS: Final = 13
NAME_ZH: Final = 25
"""Characters of a Chinese name (64.01); a longer one is cut, and the whole stands on the order's page."""

_INITIATION: Final = {False: "11", True: "12"}
_TAGS: Final = (FORMAT, "01", "26", "52", "53", "54", "58", "59", "60", "62", "64", CRC)

_ASCII: Final = re.compile("[!-~](?:[ -~]*[!-~])?")
_DOMAIN: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_FOUR_DIGITS: Final = re.compile("[0-9]{4}")
_COUNTRY: Final = re.compile("[A-Z]{2}")


@dataclass(frozen=True, kw_only=True, slots=True)
class MerchantCode:
    """What a code says. One that cannot be written by the specification cannot be made: NotACode is raised.

    payee_domain    who gives out the account tokens, as a reverse domain such as "cn.tuition-escrow" (26.00)
    payee_account   the supervised account's token or number, ASCII (26.01)
    name, city      of the merchant, ASCII, at most 25 and 15 characters (59, 60)
    name_zh, city_zh  the same in Chinese, or None (64.01, 64.02)
    reference       the order's payment reference, as bill number and as reference (62.01, 62.05), since banks pass on
                    the one or the other; None on an institution's standing code
    amount          positive; None where the payer types it (54)
    dynamic         True for a code made for one order, which then must be named (01)
    purpose         ASCII, at most 25 characters, or None (62.08)
    """

    payee_domain: str
    payee_account: str
    name: str
    city: str
    name_zh: str | None = None
    city_zh: str | None = None
    reference: str | None = None
    amount: Money | None = None
    dynamic: bool = True
    purpose: str | None = None
    mcc: str = "8299"
    currency: str = "156"
    country: str = "CN"

    def __post_init__(self) -> None:
        _demand(self.payee_domain, _DOMAIN, "26.00", "a reverse domain such as cn.tuition-escrow", limit=32)
        _demand(self.payee_account, _ASCII, "26.01", "printable ASCII", limit=99 - 8 - len(self.payee_domain))
        _demand(self.mcc, _FOUR_DIGITS, "52", "the four digits of a merchant category")
        _demand(self.country, _COUNTRY, "58", "two capital letters of ISO 3166")
        _demand(self.name, _ASCII, "59", "printable ASCII", limit=25)
        _demand(self.city, _ASCII, "60", "printable ASCII", limit=15)
        if self.purpose is not None:
            _demand(self.purpose, _ASCII, "62.08", "printable ASCII", limit=25)
        self._demand_chinese()
        self._demand_order()

    def _demand_chinese(self) -> None:
        for tag, limit, text in (("64.01", 25, self.name_zh), ("64.02", 15, self.city_zh)):
            if text is not None and not (1 <= len(text) <= limit and text.isprintable() and text == text.strip()):
                raise NotACode(f"tag {tag} holds 1 to {limit} printable characters; {text!r} came")
        if self.city_zh is not None and self.name_zh is None:
            raise NotACode("tag 64.02, the city in Chinese, needs tag 64.01, the name in Chinese; none came")

    def _demand_order(self) -> None:
        if self.currency not in NUMERIC_CURRENCY.values():
            raise NotACode(f"tag 53 must be one of {', '.join(NUMERIC_CURRENCY.values())}; {self.currency!r} came")
        if self.amount is not None:
            _demand_amount(self.amount, self.currency)
        if self.reference is None and self.dynamic:
            raise NotACode("a code for one order (01 = 12) names it in tag 62.05; no reference came")
        if self.reference is not None:
            try:
                references.number_of(self.reference)
            except references.NotAReference as wrong:
                raise NotACode(f"tag 62.05: {wrong}") from None


def encode(code: MerchantCode) -> str:
    """The code's payload, checksum included: the text to draw as a QR symbol."""
    fields = (
        (FORMAT, "01"),
        ("01", _INITIATION[code.dynamic]),
        ("26", _template(("00", code.payee_domain), ("01", code.payee_account))),
        ("52", code.mcc),
        ("53", code.currency),
        ("54", code.amount.major if code.amount else None),
        ("58", code.country),
        ("59", code.name),
        ("60", code.city),
        ("62", _template(("01", code.reference), ("05", code.reference), ("08", code.purpose))),
        ("64", _template(("00", "ZH"), ("01", code.name_zh), ("02", code.city_zh)) if code.name_zh else None),
    )
    signed = _template(*fields) + f"{CRC}04"
    return signed + crc(signed)


def parse(payload: str) -> MerchantCode:
    """The code in a payload that this service could have written, to the character: encode(parse(p)) == p.

    Raises NotACode, naming the tag, for any other; `check` reads the objects of other parties' codes.
    """
    fields = check(payload)
    foreign = [tag for tag in fields if tag not in _TAGS]
    if foreign:
        raise NotACode(f"tag {foreign[0]} is none of ours ({', '.join(_TAGS)})")
    payee = _sub(fields, "26", ("00", "01"))
    details = _sub(fields, "62", ("01", "05", "08")) if "62" in fields else {}
    chinese = _sub(fields, "64", ("00", "01", "02")) if "64" in fields else {}
    code = MerchantCode(
        payee_domain=_required(payee, "00", "26.00"),
        payee_account=_required(payee, "01", "26.01"),
        name=_required(fields, "59"),
        city=_required(fields, "60"),
        name_zh=chinese.get("01"),
        city_zh=chinese.get("02"),
        reference=details.get("05"),
        amount=_amount(fields["54"]) if "54" in fields else None,
        dynamic=_required(fields, "01") != _INITIATION[False],
        purpose=details.get("08"),
        mcc=_required(fields, "52"),
        currency=_required(fields, "53"),
        country=_required(fields, "58"),
    )
    # Order, language, initiation method, spelling of the amount: whatever is left to differ is refused in one place.
    if encode(code) != payload:
        raise NotACode(f"this order is written {encode(code)!r}; the same, written otherwise, came")
    return code


def _demand(text: str, shape: re.Pattern[str], tag: str, wanted: str, *, limit: int = 99) -> None:
    if len(text) > limit:
        raise NotACode(f"tag {tag} holds at most {limit} characters; {len(text)} came: {text!r}")
    if shape.fullmatch(text) is None:
        raise NotACode(f"tag {tag} must be {wanted}; {text!r} came")


def _demand_amount(amount: Money, currency: str) -> None:
    if NUMERIC_CURRENCY.get(amount.currency) != currency:
        raise NotACode(f"tag 53 says {currency}; the amount is in {amount.currency}")
    if amount.minor <= 0 or len(amount.major) > AMOUNT_CHARACTERS:
        raise NotACode(f"tag 54 holds a positive amount of at most {AMOUNT_CHARACTERS} characters; {amount} came")


def _amount(text: str) -> Money:
    try:
        return Money.parse(text)
    except NotAnAmount as wrong:
        raise NotACode(f"tag 54: {wrong}") from None


def _template(*fields: tuple[str, str | None]) -> str:
    """Data objects in a row, those without a value left out."""
    return "".join(write_tlv(tag, value) for tag, value in fields if value)


def _sub(fields: dict[str, str], tag: str, ours: Iterable[str]) -> dict[str, str]:
    """The objects of a template. An unknown one is refused by name."""
    inside = read_tlv(_required(fields, tag), within=tag)
    foreign = [sub for sub in inside if sub not in ours]
    if foreign:
        raise NotACode(f"tag {tag}.{foreign[0]} is none of ours ({', '.join(ours)})")
    return inside


def _required(fields: dict[str, str], tag: str, name: str | None = None) -> str:
    if tag not in fields:
        raise NotACode(f"tag {name or tag} is required; it is missing")
    return fields[tag]


@dataclass(frozen=True, kw_only=True, slots=True)
class EmvCode:
    """EMV payloads as an encoder: what a bank's own app reads without a network. `domain`: under which its account
    tokens are given out, reversed."""

    domain: str
    name: str = "emv"

    def encode(self, asked: Asked) -> str:
        return encode(self._of(asked.payee, reference=asked.reference, amount=asked.amount))

    def standing(self, payee: Payee, *, issued: date) -> str:
        return encode(self._of(payee))

    def read(self, payload: str) -> Said | None:
        # Asked of the text, before any checksum: a damaged code of ours must not pass for a stranger's.
        if not payload.startswith("000201") or write_tlv("00", self.domain) not in payload:
            return None
        try:
            code = parse(payload)
        except NotACode as wrong:
            raise AlteredCode(str(wrong)) from None
        if code.payee_domain != self.domain:
            return None
        return Said(kind=self.name, reference=code.reference, amount=code.amount, account=code.payee_account)

    def _of(self, payee: Payee, *, reference: str | None = None, amount: Money | None = None) -> MerchantCode:
        return MerchantCode(
            payee_domain=self.domain,
            payee_account=payee.account,
            name=payee.name,
            city=payee.city,
            name_zh=payee.name_zh[:NAME_ZH].strip(),
            reference=reference,
            amount=amount,
            dynamic=reference is not None,
        )
