"""A bank's table as statements: one for each account and currency in it, by the words of the bank's profile."""

from datetime import date
from typing import Final

import pandas as pd

from reconciliation import control
from reconciliation.cells import amounts, exact, moments, plain
from reconciliation.natures import nature
from reconciliation.profiles import Profile, heading
from reconciliation.statement import BadRow, ControlTotalsBroken, NotAStatement, Statement, frame
from reconciliation.tables import Table

_UNPROVEN: Final = "文件中既没有余额也没有合计，笔数和金额无法由文件自身核对"


def read(table: Table, profile: Profile, header_row: int) -> list[Statement]:
    """The statements of a table whose header stands on header_row (1-based), keys still empty.

    Raises BadRow naming row and cell, ControlTotalsBroken when a stated total differs, NotAStatement without lines.
    """
    cells, trailers, damaged = _apart(table, profile, header_row)
    for row, column in damaged:
        cells.loc[row, column] = ""  # nobody is identified by a number whose last digits are lost
    currencies = _currencies(cells, profile)
    accounts = _accounts(table, cells, profile, header_row)
    groups = [
        (str(account), str(currency), part)
        for (account, currency), part in cells.groupby([accounts, currencies], sort=False)
    ]
    statements = [
        _statement(account, currency, part, profile=profile, damaged=damaged) for account, currency, part in groups
    ]
    _totals(cells, trailers, profile, {currency for _, currency, _ in groups})
    return statements


def _apart(table: Table, profile: Profile, header_row: int) -> tuple[pd.DataFrame, pd.DataFrame, list[tuple[int, str]]]:
    """Lines and trailer rows, cells stripped, columns named as the profile names them; and the lines' damaged ids."""
    names = {heading(column): column for column in profile.header}
    header = [heading(str(cell)) for cell in table.cells.loc[header_row]]
    below = table.cells.loc[header_row + 1 :].apply(lambda column: column.str.strip())
    below = below[(below != "").any(axis=1)]
    first = below.iloc[:, 0]
    begins = tuple(each.begins for each in profile.trailers)
    closing = first.str.startswith(begins) if begins else pd.Series(data=False, index=first.index, dtype=bool)
    lines, trailers = below[~closing], below[closing]
    _shaped(table, lines, profile, header)
    _ended(lines, trailers, profile)
    columns = [names.get(name, "") for name in header]
    lines, trailers = (part.set_axis(columns, axis=1)[profile.header] for part in (lines, trailers))
    return lines, trailers, _damaged(table, lines, profile, columns)


def _shaped(table: Table, lines: pd.DataFrame, profile: Profile, header: list[str]) -> None:
    """There are lines, and every one has the header's cells: no fewer, and no text beyond them."""
    if lines.empty:
        raise NotAStatement(
            "the file has a header and no lines; an empty day cannot be told from a cut file, "
            "ask the bank for a statement with balances",
            "文件只有表头，没有流水；无法区分当日无交易与文件被截断，请导出带余额的对账单",
        )
    beyond = (lines.loc[:, [at for at, name in enumerate(header) if not name]] != "").any(axis=1)
    if beyond.any():
        raise _bad(int(str(beyond.idxmax())), "there is text to the right of the last column", "最后一列之外还有内容")
    count = len(profile.header)
    for row in lines.index:
        if table.widths[row - 1] < count and not profile.may_end_early:
            found = table.widths[row - 1]
            raise _bad(row, f"{found} cells where the header has {count}", f"只有 {found} 格，表头有 {count} 列")


def _ended(lines: pd.DataFrame, trailers: pd.DataFrame, profile: Profile) -> None:
    """No line stands below the totals, and the totals that the bank always writes are there."""
    if len(trailers) and lines.index[-1] > trailers.index[0]:
        raise _bad(int(lines.index[-1]), "a line below the totals", "合计行之后还有流水")
    for trailer in profile.trailers:
        if trailer.required and not trailers.iloc[:, 0].str.startswith(trailer.begins).any():
            raise ControlTotalsBroken(
                f"the row {trailer.begins} is missing, the file is cut short; export it again",
                f"缺少“{trailer.begins}”行，文件不完整；请重新导出",
            )


def _damaged(table: Table, lines: pd.DataFrame, profile: Profile, columns: list[str]) -> list[tuple[int, str]]:
    """The lines' ids that a spreadsheet kept as numbers and so cut to 15 digits. The own account is refused."""
    ids = {profile.counterparty_account, profile.serial, profile.account.column}
    found = [
        (row, columns[position])
        for row, position in sorted(table.damaged)
        if columns[position] in ids and row in lines.index
    ]
    for row, column in found:
        if column == profile.account.column:
            raise _bad(
                row,
                f"{column} is kept as a number, its last digits are lost; export it as text",
                f"“{column}”被存成数字，末位已丢失；请以文本格式导出",
            )
    return found


def _currencies(cells: pd.DataFrame, profile: Profile) -> pd.Series:
    rule = profile.currency
    if not rule.column:
        return pd.Series(rule.always, index=cells.index, dtype="str")
    words = plain(cells[rule.column])
    if not (strange := words[~words.isin(list(rule.names))]).empty:
        word, allowed = strange.iloc[0], "、".join(rule.names)
        raise _bad(
            int(strange.index[0]),
            f"{rule.column} is {word!r}; known: {allowed}",
            f"“{rule.column}”为“{word}”；可识别：{allowed}",
        )
    return words.map(rule.names)


def _accounts(table: Table, cells: pd.DataFrame, profile: Profile, header_row: int) -> pd.Series:
    """The own account of each line: its column, else the labelled cell above the header, else ""."""
    rule = profile.account
    if rule.column:
        numbers = plain(cells[rule.column])
        if not (empty := numbers[numbers == ""]).empty:
            raise _bad(int(empty.index[0]), f"{rule.column} is empty", f"“{rule.column}”为空")
        return "****" + numbers if rule.tail else numbers
    above = [[str(cell) for cell in row] for row in table.cells.loc[: header_row - 1].itertuples(index=False)]
    return pd.Series(_labelled(above, rule.label) if rule.label else "", index=cells.index, dtype="str")


def _labelled(rows: list[list[str]], label: str) -> str:
    """What stands after "label:" in a cell, or in the cell to its right."""
    for row in rows:
        for cell, following in zip(row, [*row[1:], ""], strict=True):
            name, colon, value = heading(cell).partition(":")
            if name == label and colon:
                return value or following.strip()
    return ""


def _totals(cells: pd.DataFrame, trailers: pd.DataFrame, profile: Profile, currencies: set[str]) -> None:
    """Every column total that the file states, against its lines."""
    for trailer in profile.trailers:
        for row, stated in trailers[trailers.iloc[:, 0].str.startswith(trailer.begins)].iterrows():
            for column in trailer.sums:
                if len(currencies) > 1:
                    raise ControlTotalsBroken(
                        f"{trailer.begins} cannot be checked over several currencies; export each by itself",
                        f"文件含多个币种，“{trailer.begins}”无法核对；请按币种分别导出",
                    )
                currency = next(iter(currencies))
                one = pd.Series([stated[column]], index=[row], dtype="str", name=column)
                control.agrees(
                    f"{trailer.begins}, {column}",
                    f"{trailer.begins}“{column}”",
                    stated=sum(each or 0 for each in exact(one, currency)),
                    found=sum(each or 0 for each in exact(cells[column], currency)),
                    currency=currency,
                )


def _statement(
    account: str, currency: str, cells: pd.DataFrame, *, profile: Profile, damaged: list[tuple[int, str]]
) -> Statement:
    lines = control.chronological(frame(_columns(cells, currency, profile)))
    opening, closing = control.ends(lines)
    days = sorted(lines["booked_on"].tolist())
    proven = profile.balance or any(each.sums for each in profile.trailers)
    lost = [f"第 {row} 行“{column}”被存成数字，末位已丢失，未采用" for row, column in damaged if row in cells.index]
    return Statement(
        account=account,
        currency=currency,
        opening=opening,
        closing=closing,
        begins=date.fromisoformat(days[0]),
        ends=date.fromisoformat(days[-1]),
        identifier="",
        format=profile.name,
        lines=lines,
        notes=(*(() if proven else (_UNPROVEN,)), *lost),
    )


def _columns(cells: pd.DataFrame, currency: str, profile: Profile) -> dict[str, list[object]]:
    blank = pd.Series("", index=cells.index, dtype="str")

    def column(name: str) -> list[str]:
        return (plain(cells[name]) if name else blank).tolist()

    booked_on, booked_at = moments(cells, profile.booked)
    amount, reversal = amounts(cells, profile.amount, currency)
    serial = ["" if not text.strip("0") else text for text in column(profile.serial)]
    accounts = column(profile.counterparty_account)
    balances: list[object] = [None] * len(cells)
    if profile.balance:
        balances = list(exact(cells[profile.balance], currency))
    return {
        "number": list(cells.index),
        "booked_on": list(booked_on),
        "booked_at": list(booked_at),
        "amount": list(amount),
        "balance": balances,
        "serial": list(serial),
        "end_to_end": [""] * len(cells),
        "remark": [" ".join(filter(None, texts)) for texts in zip(*map(column, profile.remark), strict=True)],
        "counterparty": list(column(profile.counterparty)),
        "counterparty_account": list(accounts),
        "reversal": list(reversal),
        "nature": [
            nature(summary=summary, counterparty_account=other)
            for summary, other in zip(column(profile.summary), accounts, strict=True)
        ],
    }


def _bad(row: int, english: str, chinese: str) -> BadRow:
    return BadRow(f"row {row}: {english}", f"第 {row} 行：{chinese}", number=row)
