"""Why a file fits one profile and not the others: each of its tables against all of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciliation import html_table, mt940_fields, workbook
from reconciliation.decoding import decodings
from reconciliation.layouts import Comparison, comparisons
from reconciliation.tables import tops


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """One table of a file, "" where the file is no workbook, with every profile, the nearest first."""

    name: str
    against: list[Comparison]


def sheets(data: bytes) -> list[Sheet]:
    """The file's tables. None for camt, MT940 and what is no table. Raises NotAStatement, TooLarge, BadRow."""
    if data.startswith((workbook.ZIP, workbook.OLE)):
        return [Sheet(name=each.sheet, against=comparisons(each.top)) for each in workbook.tables(data)]
    found = list(_readings(data))
    return [max(found, key=lambda each: each.against[0].nearness)] if found else []


def _readings(data: bytes) -> Iterator[Sheet]:
    """The text under each encoding and delimiter that it can have."""
    for text in decodings(data):
        if html_table.recognised(text):
            yield Sheet(name="", against=comparisons(html_table.table(text).top))
            return
        if text.lstrip()[:1] == "<" or mt940_fields.recognised(text):
            return
        for _, top in tops(text):
            yield Sheet(name="", against=comparisons(top))
