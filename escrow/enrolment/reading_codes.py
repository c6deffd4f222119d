"""What a text is that somebody scanned, pasted or typed: an order of ours, an institution's code, or none of ours.

Pure. One link to somewhere else is enough to make the whole text a stranger's, whatever of ours stands beside it.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from qrpay import emv, reference
from qrpay.codes import AlteredCode, Codes, Said
from qrpay.tlv import NotACode

LONGEST: Final = 2_000
"""Characters that are looked at; a QR code of ours holds a quarter of that."""

Kind = Literal["ours", "altered", "foreign", "mistyped", "several", "nothing"]

_LINK: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[!-~]+")
_ADDRESS: Final = re.compile(r"(?<![A-Za-z0-9.])(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?:/[!-~]*)?")
_EMV: Final = "000201"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What the text is. `said`: of one of ours. `claims`: whom a stranger's code names as its payee, or where it leads;
    nobody has checked that."""

    kind: Kind
    said: Said | None = None
    claims: str = ""


def read(text: str, codes: Codes) -> Read:
    """What this text is."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        return Read(kind="nothing")
    if text.startswith(_EMV):
        return _one(text, codes)
    links = list(dict.fromkeys(_LINK.findall(text)))
    found = [_one(link, codes) for link in links]
    found += [Read(kind="foreign", claims=address[:80]) for address in _ADDRESS.findall(_LINK.sub(" ", text))]
    if found:
        return next((each for kind in ("foreign", "altered") for each in found if each.kind == kind), _only(found))
    return _of_references(text)


def _one(payload: str, codes: Codes) -> Read:
    try:
        said = codes.read(payload)
    except AlteredCode:
        return Read(kind="altered")
    return Read(kind="foreign", claims=_claims(payload)) if said is None else Read(kind="ours", said=said)


def _only(found: list[Read]) -> Read:
    return found[0] if len(found) == 1 else Read(kind="several")


def _of_references(text: str) -> Read:
    found = reference.find(text)
    if not found:
        try:
            found = [reference.read(text)]
        except reference.NotAReference:
            return Read(kind="mistyped" if _looks_like_one(text) else "foreign", claims=text[:40])
    return _only([Read(kind="ours", said=Said(kind="reference", reference=each)) for each in found])


def _looks_like_one(text: str) -> bool:
    kept = re.sub(r"[^0-9A-Za-z]", "", text).upper()
    return kept.startswith(reference.PREFIX) and abs(len(kept) - reference.LENGTH) <= 2  # noqa: PLR2004  a slip or two


def _claims(payload: str) -> str:
    """Whom a stranger's code says that it pays, or the host it leads to."""
    if not payload.startswith(_EMV):
        return payload.partition("://")[2].partition("/")[0][:80]
    try:
        fields = emv.check(payload)
        chinese = emv.read_tlv(fields["64"]).get("01", "") if "64" in fields else ""
    except NotACode:
        return ""
    return " · ".join(each for each in (chinese, fields.get("59", "")) if each)
