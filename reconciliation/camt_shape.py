"""Where the wanted texts of a camt entry (Ntry) stand, worked out once for each shape that a bank writes.

Looking a path up in every entry costs more than parsing it. A bank writes few shapes, so the elements of an entry are
listed once, in document order, and the wanted ones picked out of the list by their places.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
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
_ONCE: Final = frozenset({"Amt", "CdtDbtInd", "RvslInd", "Sts", "Sts/Cd", "BookgDt/Dt", "BookgDt/DtTm"})

_CACHED: Final = 256
"""Elements of the largest entry whose shape is remembered, and how many shapes are: both come from outside."""

_DEPTH: Final = 64
"""Elements within elements; the message definitions have some fifteen."""

Element: TypeAlias = etree._Element  # noqa: SLF001  lxml's types have no other name for it
Elements: TypeAlias = list[Element]
_Picker: TypeAlias = Callable[[Elements], tuple[Element, ...]]

_tag: Final = attrgetter("tag")

_NOTHING: Final = etree.Element("nothing")
"""Stands for every element that is not there: no text, no attribute."""


class DetailShape(NamedTuple):
    """One TxDtls: its fields in the order of DETAIL, and the places of its texts, its return reason and its charges."""

    fields: _Picker
    remark: tuple[int, ...]
    returned: tuple[int, ...]
    charges: tuple[int, ...]


class Shape(NamedTuple):
    """An entry: its fields in the order of ENTRY, its details, and the places of what is rarely there.

    `counts` are the stated numbers of payments, one for each NtryDtls, empty unless all state one. `twice` names an
    element that may stand once only and does not.
    """

    fields: _Picker
    details: tuple[DetailShape, ...]
    counts: tuple[int, ...]
    charges: tuple[int, ...]
    twice: str


def local(element: Element) -> str:
    """The element's name without its namespace."""
    return _without_namespace(element.tag)


def leaves(element: Element) -> Iterator[tuple[str, Element]]:
    """Every element below it that has no children, with its path: "Dt/Dt"."""
    elements = list(element.iter())
    paths = _paths([each.tag for each in elements], [len(each) for each in elements])
    return ((path, each) for path, each in zip(paths, elements, strict=True) if path and not len(each))


def shaped(entry: Element) -> tuple[Elements, Shape]:
    """The entry's elements in document order, and where among them what stands."""
    elements = list(entry.iter())
    names, sizes = tuple(map(_tag, elements)), tuple(map(len, elements))
    shape = (_remembered if len(elements) <= _CACHED else _shape)(names, sizes)
    elements.append(_NOTHING)
    return elements, shape


@lru_cache(maxsize=1024)
def _without_namespace(tag: str) -> str:
    return tag.rpartition("}")[2]


def _shape(names: Sequence[str], sizes: Sequence[int]) -> Shape:
    paths = _paths(names, sizes)
    own: dict[str, list[int]] = {}
    details: list[dict[str, list[int]]] = []
    for at, path in enumerate(paths):
        if path == _DETAIL:
            details.append({})
        elif path.startswith(f"{_DETAIL}/"):
            details[-1].setdefault(path.removeprefix(f"{_DETAIL}/"), []).append(at)
        else:
            own.setdefault(path, []).append(at)
    counts = own.get("NtryDtls/Btch/NbOfTxs", [])
    return Shape(
        fields=_picker(own, ENTRY, sizes),
        details=tuple(_detail(each, sizes) for each in details),
        counts=tuple(counts) if len(counts) == len(own.get("NtryDtls", [])) else (),
        charges=tuple(own.get("Chrgs", [])),
        twice=next((path for each in (own, *details) for path in _ONCE if len(each.get(path, [])) > 1), ""),
    )


_remembered = lru_cache(maxsize=_CACHED)(_shape)


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


def _detail(places: Mapping[str, list[int]], sizes: Sequence[int]) -> DetailShape:
    def every(paths: Iterable[str]) -> tuple[int, ...]:
        return tuple(at for path in paths for at in places.get(path, []))

    return DetailShape(
        fields=_picker(places, DETAIL, sizes), remark=every(_REMARK), returned=every(_RETURN), charges=every(["Chrgs"])
    )


def _picker(places: Mapping[str, list[int]], wanted: Mapping[str, tuple[str, ...]], sizes: Sequence[int]) -> _Picker:
    """Picks one element for each wanted field: the first leaf on the first path that has one, else _NOTHING."""
    at = (next((at for path in paths for at in places.get(path, []) if not sizes[at]), -1) for paths in wanted.values())
    return cast(_Picker, itemgetter(*at))  # an itemgetter of several places gives a tuple
