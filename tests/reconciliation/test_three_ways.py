"""Notice, statement and books together: each of the seven states, and no key lost."""

from datetime import date

import pandas as pd

from reconciliation.matching import ITEM_COLUMNS
from reconciliation.statement import COLUMNS, frame
from reconciliation.three_ways import STATES, three_ways
from tests.reconciliation.by_hand import Row, item, line, references


def side(rows: list[Row]) -> pd.DataFrame:
    names = [*ITEM_COLUMNS, "due"]
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype="int64" if name == "amount" else "str") for name in names}
    )


def test_each_state_is_told_and_no_key_is_lost() -> None:
    lines = [line(f"L{at}", 100, remark=remark, number=at) for at, remark in enumerate(["R1", "R2", "R3", "货款"])]
    told = {"due": "2026-10-09"}
    notified = [item(f"N{at}", 100, reference=f"R{at}", **told) for at in (1, 3, 4)]
    notified += [item("N5", 100, reference="R5", serial="B5", due="2026-10-12"), item("N6", 7, reference="R6", **told)]
    items = [item(f"I{at}", 100, reference=f"R{at}", due="") for at in (1, 2, 4, 7)]

    found = three_ways(
        side(notified),
        frame({name: [row[name] for row in lines] for name in COLUMNS}),
        side(items),
        references=references,
        through=date(2026, 10, 10),
    )
    rows = set(found.rows.itertuples(index=False, name=None))
    assert rows == {
        ("N1", "L0", "I1", "whole"),
        ("", "L1", "I2", "not_notified"),
        ("N3", "L2", "", "not_in_books"),
        ("", "L3", "", "only_on_statement"),
        ("N4", "", "I4", "overdue"),
        ("N5", "", "", "awaited"),
        ("N6", "", "", "overdue"),
        ("", "", "I7", "only_in_books"),
    }
    assert {state for *_, state in rows} == set(STATES)
