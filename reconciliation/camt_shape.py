"""Where the wanted texts of a camt entry (Ntry) stand, worked out once for each shape that a bank writes.

Looking a path up in every entry costs more than parsing it. A bank writes few shapes, so the elements of an entry are
listed once, in document order, and the wanted ones picked out of the list by their places.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias, cast

from lxml import etree

from reconciliation.statement import NotAStatement

_DETAIL: Final = "NtryDtls/TxDtls"

ENTRY: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "amount": ("Amt",),
        "direction": ("CdtDbtInd",),
        "reversal": ("RvslInd",),
        "status": ("Sts/Cd", "Sts/Prtry", "Sts"),
        "booked": ("BookgDt/DtTm", "BookgDt/Dt", "ValDt/DtTm", "ValDt/Dt"),
        "serial": ("AcctSvcrRef",),
        "reference": ("NtryRef",),
        "code": ("BkTxCd/Domn/Fmly/SubFmlyCd",),
        "summary": ("AddtlNtryInf",),
    }
)
"""What is read of an entry itself: of each the first path that is there. .02 writes the status without Cd."""


def _party(role: str) -> tuple[str, ...]:
    """A name's places: up to .03 it stands in the role itself, later in Pty or, for a bank, in Agt."""
    below = ("Nm", "Pty/Nm", "Agt/FinInstnId/Nm")
    return tuple(f"RltdPties/{who}{role}/{path}" for who in ("", "Ultmt") for path in below)


DETAIL: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "amount": ("Amt",),
        "transaction_amount": ("AmtDtls/TxAmt/Amt",),
        "direction": ("CdtDbtInd",),
        "serial": ("Refs/AcctSvcrRef",),
        "transaction": ("Refs/AcctSvcrTxId", "Refs/TxId"),
        "end_to_end": ("Refs/EndToEndId",),
        "code": ("BkTxCd/Domn/Fmly/SubFmlyCd",),
        "debtor": _party("Dbtr"),
        "debtor_account": ("RltdPties/DbtrAcct/Id/IBAN", "RltdPties/DbtrAcct/Id/Othr/Id"),
        "creditor": _party("Cdtr"),
        "creditor_account": ("RltdPties/CdtrAcct/Id/IBAN", "RltdPties/CdtrAcct/Id/Othr/Id"),
    }
)
"""What is read of one payment of an entry (TxDtls); up to .03 its amount stands in AmtDtls."""

_REMARK: Final = ("RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/AddtlRmtInf", "AddtlTxInf")
_RETURN: Final = ("RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry", "RtrInf/AddtlInf")
_COUNTED: Final = "NtryDtls/Btch/NbOfTxs"
_WORDS: Final = frozenset({*_REMARK, *_RETURN})
_ENTRY_WANTED: Final = frozenset({*chain(*ENTRY.values()), _COUNTED})
_DETAIL_WANTED: Final = frozenset({*chain(*DETAIL.values()), *_WORDS})
_ONCE: Final = frozenset({"Amt", "CdtDbtInd", "RvslInd", "Sts", "Sts/Cd", "BookgDt/Dt", "BookgDt/DtTm"})

_CHARGES: Final = "Chrgs"
_AMOUNTS: Final = frozenset({"Amt", "TtlChrgsAndTaxAmt"})
"""Elements with the attribute Ccy."""

REMEMBERED: Final = 256
"""Elements of the largest entry whose shape is remembered, and how many shapes are: both come from outside."""

_DEPTH: Final = 64
"""Elements within elements; the message definitions have some fifteen."""

Element: TypeAlias = etree._Element  # noqa: SLF001  lxml's types have no other name for it
_Texts: TypeAlias = Sequence[str]
_Picker: TypeAlias = Callable[[_Texts], tuple[str, ...]]
_Places: TypeAlias = dict[str, list[int]]
"""Of each path the elements on it, by their numbers in document order."""

_tag: Final = attrgetter("tag")


class Charge(NamedTuple):
    """One stated charge (a Rcrd, or Chrgs itself): where its amount, that one's currency and its direction stand."""

    amount: int
    currency: int
    direction: int


class DetailShape(NamedTuple):
    """One TxDtls: its fields in the order of DETAIL, where the currencies of its two amounts stand, and the rest."""

    fields: _Picker
    currencies: tuple[int, int]
    remark: tuple[int, ...]
    returned: tuple[int, ...]
    charges: tuple[Charge, ...]


class Shape(NamedTuple):
    """An entry of so many elements: which of their texts and currencies are wanted, and where among those what stands.

    `fields` are in the order of ENTRY. `counts` are the stated numbers of payments, one for each NtryDtls, empty
    unless all state one. `twice` names an element that may stand once only and does not.
    """

    size: int
    places: tuple[int, ...]
    amounts: tuple[int, ...]
    fields: _Picker
    currency: int
    details: tuple[DetailShape, ...]
    counts: tuple[int, ...]
    charges: tuple[Charge, ...]
    twice: str


class Written(NamedTuple):
    """An entry as it stands in the file: its wanted texts (stripped) and currencies, both ending in "" for none.

    `line` is where it begins in the file.
    """

    shape: Shape
    texts: _Texts
    currencies: _Texts
    line: int


class _Slots(NamedTuple):
    """Where an element's text stands among the wanted texts, its currency among the wanted currencies; -1 for none."""

    text: Mapping[int, int]
    currency: Mapping[int, int]

    def texts(self, places: Iterable[int]) -> tuple[int, ...]:
        return tuple(self.text.get(at, -1) for at in places)


def local(element: Element) -> str:
    """The element's name without its namespace."""
    return _without_namespace(element.tag)


def leaves(element: Element) -> Iterator[tuple[str, Element]]:
    """Every element below it that has no children, with its path: "Dt/Dt"."""
    elements = list(element.iter())
    paths = _paths([each.tag for each in elements], [len(each) for each in elements])
    return ((path, each) for path, each in zip(paths, elements, strict=True) if path and not len(each))


def written(entry: Element, line: int) -> Written:
    """The parsed entry, which begins on that line of the file."""
    elements = list(entry.iter())
    names, sizes = tuple(map(_tag, elements)), tuple(map(len, elements))
    shape = (_remembered if len(elements) <= REMEMBERED else _shape)(names, sizes)
    texts = [(elements[at].text or "").strip() for at in shape.places]
    currencies = [elements[at].get("Ccy") or "" for at in shape.amounts]
    return Written(shape, [*texts, ""], [*currencies, ""], line)


@lru_cache(maxsize=1024)
def _without_namespace(tag: str) -> str:
    return tag.rpartition("}")[2]


def _shape(names: Sequence[str], sizes: Sequence[int]) -> Shape:
    own: _Places = {}
    details: list[_Places] = []
    wanted, amounts = [], []
    for at, path in enumerate(_paths(names, sizes)):
        below = path.removeprefix(f"{_DETAIL}/")
        if path == _DETAIL:
            details.append({})
        (own if below == path else details[-1]).setdefault(below, []).append(at)
        if sizes[at] and below not in _WORDS:
            continue
        if below in (_ENTRY_WANTED if below == path else _DETAIL_WANTED) or below.startswith(f"{_CHARGES}/"):
            wanted.append(at)
            if below.rpartition("/")[2] in _AMOUNTS:
                amounts.append(at)
    slots = _Slots(*({at: slot for slot, at in enumerate(places)} for places in (wanted, amounts)))
    picked = _picked(own, ENTRY, sizes)
    counts = own.get(_COUNTED, [])
    return Shape(
        size=len(names),
        places=tuple(wanted),
        amounts=tuple(amounts),
        fields=_picker(slots.texts(picked.values())),
        currency=slots.currency.get(picked["amount"], -1),
        details=tuple(_detail(each, sizes, slots) for each in details),
        counts=slots.texts(counts) if len(counts) == len(own.get("NtryDtls", [])) else (),
        charges=_charges(own, slots),
        twice=next((path for each in (own, *details) for path in _ONCE if len(each.get(path, [])) > 1), ""),
    )


_remembered = lru_cache(maxsize=REMEMBERED)(_shape)


def _paths(names: Sequence[str], sizes: Sequence[int]) -> Iterator[str]:
    """Each element's path below the first one, which has none, from their numbers of children."""
    open_: list[tuple[str, int]] = []  # path, and how many children are still to come
    for name, size in zip(names, sizes, strict=True):
        path = ""
        if open_:
            above, left = open_.pop()
            open_.append((above, left - 1))
            path = f"{above}/{_without_namespace(name)}" if above else _without_namespace(name)
        yield path
        open_.append((path, size))
        if len(open_) > _DEPTH:
            raise NotAStatement(
                f"the XML is nested {_DEPTH} elements deep; no bank writes so, fetch the file again",
                f"XML 嵌套超过 {_DEPTH} 层；请重新下载文件",
            )
        while open_ and open_[-1][1] == 0:
            open_.pop()


def _detail(places: _Places, sizes: Sequence[int], slots: _Slots) -> DetailShape:
    def every(paths: Iterable[str]) -> tuple[int, ...]:
        return slots.texts(at for path in paths for at in places.get(path, []))

    picked = _picked(places, DETAIL, sizes)
    return DetailShape(
        fields=_picker(slots.texts(picked.values())),
        currencies=(
            slots.currency.get(picked["amount"], -1),
            slots.currency.get(picked["transaction_amount"], -1),
        ),
        remark=every(_REMARK),
        returned=every(_RETURN),
        charges=_charges(places, slots),
    )


def _charges(places: _Places, slots: _Slots) -> tuple[Charge, ...]:
    """The single records of each Chrgs; itself where it has none, by its amount (.02) or its total."""
    found: list[list[dict[str, int]]] = []  # of each Chrgs what stands in itself, then what in each of its records
    for at, path in sorted((at, path) for path, each in places.items() if path.startswith(_CHARGES) for at in each):
        above, _, name = path.rpartition("/")
        if path == _CHARGES:
            found.append([{}])
        elif path == f"{_CHARGES}/Rcrd":
            found[-1].append({})
        elif above == _CHARGES:
            found[-1][0][name] = at
        elif above == f"{_CHARGES}/Rcrd":
            found[-1][-1][name] = at
    charges = []
    for itself, *records in found:
        amount = "Amt" if records or "Amt" in itself else "TtlChrgsAndTaxAmt"
        for each in records or [itself]:
            at, direction = slots.texts(each.get(name, -1) for name in (amount, "CdtDbtInd"))
            charges.append(Charge(at, slots.currency.get(each.get(amount, -1), -1), direction))
    return tuple(charges)


def _picked(places: _Places, wanted: Mapping[str, tuple[str, ...]], sizes: Sequence[int]) -> dict[str, int]:
    """For each wanted field its element: the first leaf on the first path that has one, else -1."""
    return {
        name: next((at for path in paths for at in places.get(path, []) if not sizes[at]), -1)
        for name, paths in wanted.items()
    }


def _picker(slots: tuple[int, ...]) -> _Picker:
    return cast(_Picker, itemgetter(*slots))  # an itemgetter of several places gives a tuple
