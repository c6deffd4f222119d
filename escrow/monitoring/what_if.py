"""What if: a draft of the rules over every contract on record, beside the rules in force. Nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import Connection, true

from escrow.enrolment import contract_columns, screening
from escrow.enrolment.contract_columns import Columns, day_of
from escrow.refusals import Invalid
from escrow.registry import institutions
from escrow.rules.finding import Finding
from escrow.rules.jurisdictions import JURISDICTION_FILE
from escrow.rules.rulebook import Rulebook
from escrow.spreadsheets import Cell
from ledger.money import Money

HEADINGS: Final = (
    *("结果 outcome", "机构 institution", "机构编号 institution id", "合同 contract", "科目 subject"),
    *("签订日 signed on", "规则 rule", "现行版本 version now", "草案版本 version drafted"),
    *("上限 limit", "实际 found", "合同金额 price CNY", "超额 over CNY"),
)


class NoPlaceForDraft(Invalid):
    """Nobody can tell which jurisdiction the draft {file} is for. Put it into a folder named like that of the
    jurisdiction ({folders}), or name the jurisdiction by its code."""

    zh = "无法判断草案 {file} 适用于哪个辖区：请将其放入以辖区命名的文件夹（{folders}），或指明辖区代码。"


class NoDraft(Invalid):
    """There is no draft of a rule at {file}: a draft is a YAML file named like its parameter."""

    zh = "{file} 处没有规则草案：草案应为以参数命名的 YAML 文件。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A contract that a draft would flag or free under one rule, and its price in fen."""

    outcome: Literal["flagged", "freed"]
    contract_id: int
    institution_id: int
    institution: str
    subject: str
    signed_on: date
    price: int
    before: Finding | None
    after: Finding | None

    @property
    def finding(self) -> Finding:
        """The finding that comes or goes."""
        found = self.after or self.before
        if found is None:
            raise AssertionError("a difference has a finding on one of its sides")
        return found

    @property
    def over(self) -> int | None:
        """By how many fen the limit is passed; None of a rule that isn't about money."""
        evidence = self.finding.evidence
        found, allowed = evidence.get("minor_found"), evidence.get("minor_allowed")
        return found - allowed if isinstance(found, int) and isinstance(allowed, int) else None

    @property
    def row(self) -> list[Cell]:
        """As a line under HEADINGS."""
        versions = [None if each is None else each.rule.version for each in (self.before, self.after)]
        return [
            *(self.outcome, self.institution, str(self.institution_id), str(self.contract_id), self.subject),
            *(self.signed_on, self.finding.rule.name, *versions, self.finding.limit, self.finding.found),
            *(Money(self.price), None if self.over is None else Money(self.over)),
        ]


def drafted(standing: Rulebook, place: Path, *, jurisdiction: str | None = None) -> Rulebook:
    """The rulebook with the drafts of a file, or of a folder of them, in place of its own versions.

    A draft is for the jurisdiction whose folder's name its own folder has, unless one is named.
    Raises NoDraft, NoPlaceForDraft, BadRuleFile, UnknownJurisdiction.
    """
    files = sorted(place.rglob("*.yaml")) if place.is_dir() else [place]
    files = [file for file in files if file.name != JURISDICTION_FILE and file.is_file()]
    if not files:
        raise NoDraft(file=place)
    codes = {each.folder: each.code for each in standing.jurisdictions.values()}
    book = standing
    for file in files:
        code = jurisdiction or codes.get(file.resolve().parent.name)
        if code is None:
            raise NoPlaceForDraft(file=file, folders=", ".join(sorted(codes)))
        book = book.with_draft(file, jurisdiction=code)
    return book


def what_if(db: Connection, *, standing: Rulebook, draft: Rulebook) -> list[Difference]:
    """Which contracts the draft would flag or free, and under which rule; in the order of their courses.

    Every contract on record is looked at as it stands: an ended one at its own full size, an open one beside the open
    ones of its course before it.
    """
    columns = contract_columns.read(db, true())
    before, after = (_by_contract(columns, book) for book in (standing, draft))
    place = {int(number): at for at, number in enumerate(columns.id)}
    names = {each.id: each.name for each in institutions.everyone(db)}
    changed = sorted(before.keys() ^ after.keys(), key=lambda key: (place[key[0]], key[1]))
    return [
        Difference(
            outcome="flagged" if (contract_id, rule) in after else "freed",
            contract_id=contract_id,
            institution_id=int(columns.institution[place[contract_id]]),
            institution=names[int(columns.institution[place[contract_id]])],
            subject=columns.subjects[columns.subject[place[contract_id]]],
            signed_on=day_of(columns.signed[place[contract_id]]),
            price=int(columns.price[place[contract_id]]),
            before=before.get((contract_id, rule)),
            after=after.get((contract_id, rule)),
        )
        for contract_id, rule in changed
    ]


def summed(differences: Sequence[Difference], outcome: str) -> tuple[int, Money]:
    """How many contracts come out so, each once, and what they cost together."""
    prices = {each.contract_id: each.price for each in differences if each.outcome == outcome}
    return len(prices), Money(sum(prices.values()))


def _by_contract(columns: Columns, rulebook: Rulebook) -> dict[tuple[int, str], Finding]:
    return {(each.contract_id, each.finding.rule.name): each.finding for each in screening.findings(columns, rulebook)}
