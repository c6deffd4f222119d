"""Matching written the slow, obvious way: one line against one item at a time. The set-based one must agree with it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

Row = dict[str, Any]


@dataclass
class Ledger:
    """What has been settled: (line key, item key, rule) and (line key, item key, kind)."""

    lines: list[Row]
    items: list[Row]
    matches: list[tuple[str, str, str]] = field(default_factory=list)
    breaks: list[tuple[str, str, str]] = field(default_factory=list)

    def open_lines(self) -> list[Row]:
        settled = {line for line, _, _ in self.matches + self.breaks}
        return [line for line in self.lines if line["key"] not in settled]

    def open_items(self) -> list[Row]:
        settled = {item for _, item, _ in self.matches + self.breaks}
        return [item for item in self.items if item["key"] not in settled]

    def matched_items(self) -> list[Row]:
        return [item for item in self.items if item["key"] in {each for _, each, _ in self.matches}]


def match(lines: list[Row], items: list[Row], references: Callable[[str], list[str]], days: int) -> Ledger:
    expected = {item["reference"] for item in items} - {""}
    ledger = Ledger(
        sorted(lines, key=lambda row: (row["booked_on"], row["booked_at"], row["number"], row["key"])),
        sorted(items, key=lambda row: (row["on"], row["key"])),
    )
    for line in ledger.lines:
        found = references(line["remark"])
        if line["end_to_end"] in expected:
            found = [line["end_to_end"]]
        ours = [each for each in dict.fromkeys(found) if each in expected]
        line |= {"names_any": bool(found), "ours": ours, "reference": ours[0] if len(ours) == 1 else ""}

    for by in (["serial", "reference"], ["serial"]):
        identical(ledger, "serial", by)
    doubled(ledger, "serial")
    differing(ledger, "serial")
    identical(ledger, "reference", ["reference"])
    doubled(ledger, "reference")
    differing(ledger, "reference")
    ledger.breaks += [(line["key"], "", "ambiguous") for line in ledger.open_lines() if len(line["ours"]) > 1]
    by_payer(ledger, "payer_account", "counterparty_account", days)
    by_payer(ledger, "payer_name", "counterparty", days)
    ledger.breaks += [(line["key"], "", "not_in_books") for line in ledger.open_lines()]
    ledger.breaks += [("", item["key"], "not_on_statement") for item in ledger.open_items()]
    return ledger


def identical(ledger: Ledger, rule: str, by: list[str]) -> None:
    for line in ledger.open_lines():
        for item in ledger.open_items():
            if line["amount"] == item["amount"] and all(line[name] and line[name] == item[name] for name in by):
                ledger.matches.append((line["key"], item["key"], rule))
                break


def doubled(ledger: Ledger, by: str) -> None:
    for line in ledger.open_lines():
        if by == "serial" and line["names_any"]:
            continue
        for item in ledger.matched_items():
            if line[by] and line[by] == item[by] and line["amount"] == item["amount"]:
                ledger.breaks.append((line["key"], item["key"], "duplicate"))
                break


def differing(ledger: Ledger, by: str) -> None:
    still_open = ledger.open_items()
    for line in ledger.open_lines():
        same = [item for item in still_open if line[by] and line[by] == item[by]]
        same.sort(key=lambda item: (item["amount"] > 0) != (line["amount"] > 0))
        if same:
            item = same[0]
            if (item["amount"] > 0) != (line["amount"] > 0):
                kind = "opposite_direction"
            else:
                kind = "under" if abs(line["amount"]) < abs(item["amount"]) else "over"
            ledger.breaks.append((line["key"], item["key"], kind))


def by_payer(ledger: Ledger, rule: str, column: str, days: int) -> None:
    lines = [line for line in ledger.open_lines() if not line["names_any"] and line[column] and "*" not in line[column]]
    items = [item for item in ledger.open_items() if item[column] and "*" not in item[column]]

    def candidates(line: Row, item: Row) -> bool:
        apart = abs((date.fromisoformat(line["booked_on"]) - date.fromisoformat(item["on"])).days)
        return line["amount"] == item["amount"] and line[column] == item[column] and apart <= days

    for line in lines:
        of_line = [item for item in items if candidates(line, item)]
        if len(of_line) != 1 or len([other for other in lines if candidates(other, of_line[0])]) != 1:
            continue
        item = of_line[0]
        if not contradicted(line, item, "serial") and not contradicted(line, item, "counterparty_account"):
            ledger.matches.append((line["key"], item["key"], rule))


def contradicted(line: Row, item: Row, column: str) -> bool:
    known = [row[column] for row in (line, item) if row[column] and "*" not in row[column]]
    return len(set(known)) > 1
