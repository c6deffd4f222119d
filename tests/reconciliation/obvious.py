"""Matching written the slow, obvious way: one line against one item at a time. The set-based one must agree with it."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from reconciliation.sides import References

Row = dict[str, Any]


@dataclass
class Ledger:
    """What has been settled: (line key, item key, rule), (line key, item key, kind), (line key, rule, other key)."""

    lines: list[Row]
    items: list[Row]
    matches: list[tuple[str, str, str]] = field(default_factory=list)
    breaks: list[tuple[str, str, str]] = field(default_factory=list)
    explained: list[tuple[str, str, str]] = field(default_factory=list)

    def open_lines(self) -> list[Row]:
        settled = {line for line, _, _ in self.matches + self.breaks + self.explained}
        return [line for line in self.lines if line["key"] not in settled]

    def open_items(self) -> list[Row]:
        settled = {item for _, item, _ in self.matches}
        settled |= {item for _, item, kind in self.breaks if kind != "reversed"}
        return [item for item in self.items if item["key"] not in settled]

    def matched_items(self) -> list[Row]:
        return [item for item in self.items if item["key"] in {each for _, each, _ in self.matches}]


def match(lines: list[Row], items: list[Row], references: References, days: int) -> Ledger:
    expected = {item["reference"] for item in items} - {""}
    ledger = Ledger(
        sorted(lines, key=lambda row: (row["booked_on"], row["booked_at"], row["number"], row["key"])),
        sorted(items, key=lambda row: (row["on"], row["key"])),
    )
    for line in ledger.lines:
        found = references([line["remark"]])[0]
        if line["end_to_end"] in expected:
            found = [line["end_to_end"]]
        ours = [each for each in dict.fromkeys(found) if each in expected]
        line |= {"names_any": bool(found), "ours": ours, "reference": ours[0] if len(ours) == 1 else ""}

    taken_back(ledger)
    for by in (["serial", "reference"], ["serial"]):
        identical(ledger, "serial", by)
    doubled(ledger, "serial")
    turned(ledger, "serial")
    differing(ledger, "serial")
    identical(ledger, "reference", ["reference"])
    doubled(ledger, "reference")
    turned(ledger, "reference")
    differing(ledger, "reference")
    ledger.breaks += [(line["key"], "", "ambiguous") for line in ledger.open_lines() if len(line["ours"]) > 1]
    by_payer(ledger, "payer_account", "counterparty_account", days)
    by_payer(ledger, "payer_name", "counterparty", days)
    ledger.explained += [(line["key"], line["nature"], "") for line in ledger.open_lines() if line["nature"] == "fee"]
    ledger.breaks += [(line["key"], "", "not_in_books") for line in ledger.open_lines()]
    undone = {key for key, rule, _ in ledger.explained if rule == "reversal"}
    booked = [line for line in ledger.lines if line["key"] in undone and not line["reversal"]]
    for item in ledger.open_items():
        back = any(same(line, item, "serial") or same(line, item, "reference") for line in booked)
        ledger.breaks.append(("", item["key"], "reversed" if back else "not_on_statement"))
    return ledger


def same(one: Row, other: Row, column: str) -> bool:
    return bool(one[column]) and "*" not in one[column] and one[column] == other[column]


def taken_back(ledger: Ledger) -> None:
    """Each reversal, oldest first, with the latest line before it that it can undo."""
    for by in ("serial", "reference", "counterparty_account"):
        for line in [each for each in ledger.open_lines() if each["reversal"]]:
            before = ledger.open_lines()
            before = before[: before.index(line)]
            fitting = [
                each
                for each in before
                if not each["reversal"] and same(each, line, by) and each["amount"] == -line["amount"]
            ]
            if fitting and (len(fitting) == 1 or by != "counterparty_account"):
                ledger.explained.append((line["key"], "reversal", fitting[-1]["key"]))
                ledger.explained.append((fitting[-1]["key"], "reversal", line["key"]))
    for line in [each for each in ledger.open_lines() if each["reversal"]]:
        named = [item for by in ("serial", "reference") for item in ledger.items if same(line, item, by)]
        ledger.breaks.append((line["key"], named[0]["key"] if named else "", "reversed"))


def turned(ledger: Ledger, by: str) -> None:
    for line in ledger.open_lines():
        met = [item for item in ledger.matched_items() if same(line, item, by)][:1]
        if met and (met[0]["amount"] > 0) != (line["amount"] > 0):
            kind = "bounced" if line["amount"] > 0 else "opposite_direction"
            ledger.breaks.append((line["key"], met[0]["key"], kind))


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
    still_open, found = ledger.open_items(), []
    for line in ledger.open_lines():
        same = [item for item in still_open if line[by] and line[by] == item[by]]
        same.sort(key=lambda item: (item["amount"] > 0) != (line["amount"] > 0))
        if same:
            item = same[0]
            if (item["amount"] > 0) != (line["amount"] > 0):
                kind = "opposite_direction"
            else:
                kind = "under" if abs(line["amount"]) < abs(item["amount"]) else "over"
            found.append((line["key"], item["key"], kind))
    short = [item for _, item, kind in found if kind == "under"]
    ledger.breaks += [
        (line, item, "partial" if kind == "under" and short.count(item) > 1 else kind) for line, item, kind in found
    ]


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
