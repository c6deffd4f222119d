"""A bank's table as statements: one for each account and currency in it, by the words of the bank's profile."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reconciliation import columns, control, stated
from reconciliation.cells import amounts, exact, moments, plain, reversed_by_word
from reconciliation.columns import Texts
from reconciliation.natures import nature
from reconciliation.parting import Parts, part
from reconciliation.profiles import Column, Flagged, Profile, Sided
from reconciliation.stated import Said
from reconciliation.statement import COLUMNS, BadRow, ControlTotalsBroken, NotAStatement, Statement, frame
from reconciliation.tables import Table

_UNPROVEN: Final = "文件中既没有余额也没有合计，笔数和金额无法由文件自身核对"


def read(table: Table, profile: Profile, header_row: int) -> list[Statement]:
    """The statements of a table whose header stands on header_row (1-based), keys still empty.

    Raises BadRow naming row and cell, ControlTotalsBroken when what the file states of itself differs, NotAStatement
    when it has neither lines nor balances.
    """
    parts = part(table, profile, header_row)
    told = stated.said(parts.around, (*stated.always(), *profile.stated))
    if parts.lines.empty:
        statements = [_without_lines(told, profile)]
    else:
        accounts, currencies = _accounts(parts.lines, profile, told), _currencies(parts.lines, profile)
        statements = [
            _statement(str(account), str(currency), lines, profile=profile, lost=parts.lost)
            for (account, currency), lines in parts.lines.groupby([accounts, currencies], sort=False)
        ]
    stated.borne_out(told, statements, aside=len(parts.aside))
    _totals(parts, profile, {each.currency for each in statements})
    return [_noted(_balanced(each, told, statements), told, parts, profile) for each in statements]


def _without_lines(told: Mapping[str, Said], profile: Profile) -> Statement:
    """A day on which nothing happened: a statement only where the file states both balances."""
    if not {"opening", "closing"} <= told.keys():
        raise NotAStatement(
            "the file has a header and no lines, and it does not state both balances; an empty day cannot be told "
            "from a cut file, ask the bank for a statement with balances",
            "文件只有表头，没有流水，也没有写明期初和期末余额；无法区分当日无交易与文件被截断，请导出带余额的对账单",
        )
    rule = profile.currency
    word = told["currency"].text if "currency" in told else ""
    currency = rule.names.get(word, "") if rule.column else rule.always
    if not currency:
        raise NotAStatement(
            f"the file has no lines and does not say its currency; known: {'、'.join(rule.names)}",
            f"文件没有流水，也没有写明币种；可识别：{'、'.join(rule.names)}",
        )
    return Statement(
        account=told["account"].text if "account" in told else "",
        currency=currency,
        opening=None,
        closing=None,
        begins=None,
        ends=None,
        identifier="",
        format=profile.name,
        lines=frame({name: [] for name in COLUMNS}),
    )


def _balanced(statement: Statement, told: Mapping[str, Said], statements: Sequence[Statement]) -> Statement:
    """The statement with the balances and the period that the file states; `control.check` holds them to its lines."""

    def balance(name: str, running: int | None) -> int | None:
        return told[name].amount(stated.alone(told[name], statements).currency) if name in told else running

    return replace(
        statement,
        opening=balance("opening", statement.opening),
        closing=balance("closing", statement.closing),
        begins=told["begins"].day() if "begins" in told else statement.begins,
        ends=told["ends"].day() if "ends" in told else statement.ends,
    )


def _noted(statement: Statement, told: Mapping[str, Said], parts: Parts, profile: Profile) -> Statement:
    sums = profile.balance or any(each.sums for each in profile.trailers)
    proven = sums or {"lines", "credit", "debit", "closing"} & told.keys()
    counts = [(rule, int(parts.aside[rule.column].isin(rule.cells).sum())) for rule in profile.aside]
    aside = [
        f"“{rule.column}”为{'、'.join(rule.cells)}的 {count} 行不是账户流水，未计入" for rule, count in counts if count
    ]
    return replace(statement, notes=(*(() if proven else (_UNPROVEN,)), *aside, *statement.notes))


def _currencies(cells: pd.DataFrame, profile: Profile) -> pd.Series:
    rule = profile.currency
    if not rule.column:
        return pd.Series(rule.always, index=cells.index, dtype="str")
    words = columns.column(plain(cells[rule.column]), cells.index)
    if not (strange := words[~words.isin(list(rule.names))]).empty:
        word, allowed = strange.iloc[0], "、".join(rule.names)
        raise _bad(
            int(strange.index[0]),
            f"{rule.column} is {word!r}; known: {allowed}",
            f"“{rule.column}”为“{word}”；可识别：{allowed}",
        )
    return words.map(rule.names)


def _accounts(cells: pd.DataFrame, profile: Profile, told: Mapping[str, Said]) -> pd.Series:
    """The own account of each line: its column, else what the file states, else ""."""
    rule = profile.account
    if not rule.column:
        return pd.Series(told["account"].text if "account" in told else "", index=cells.index, dtype="str")
    numbers = columns.column(_texts(cells, rule.column, profile), cells.index)
    if not (empty := numbers[numbers == ""]).empty:
        where = " / ".join(profile.columns["account"])
        raise _bad(int(empty.index[0]), f"{where} is empty", f"“{where}”为空")
    return "****" + numbers if rule.tail else numbers


def _totals(parts: Parts, profile: Profile, currencies: set[str]) -> None:
    """Every column total that the file states, against its lines."""
    for trailer in profile.trailers:
        first = parts.trailers.iloc[:, 0]
        for row, told in parts.trailers[first.str.startswith(trailer.begins)].iterrows() if len(first) else ():
            for column in trailer.sums:
                if len(currencies) > 1:
                    raise ControlTotalsBroken(
                        f"{trailer.begins} cannot be checked over several currencies; export each by itself",
                        f"文件含多个币种，“{trailer.begins}”无法核对；请按币种分别导出",
                    )
                currency = next(iter(currencies))
                one = pd.Series([told[column]], index=[row], dtype="str", name=column)
                control.agrees(
                    f"{trailer.begins}, {column}",
                    f"{trailer.begins}“{column}”",
                    stated=sum(exact(one, currency).values.tolist()),
                    found=sum(exact(parts.lines[column], currency).values.tolist()),
                    currency=currency,
                )


def _statement(account: str, currency: str, cells: pd.DataFrame, *, profile: Profile, lost: list[int]) -> Statement:
    lines = control.chronological(frame(_columns(cells, currency, profile)))
    opening, closing = control.ends(lines)
    days = lines["booked_on"].tolist()
    where = "、".join(profile.columns.get("counterparty_account", ()))
    return Statement(
        account=account,
        currency=currency,
        opening=opening,
        closing=closing,
        begins=date.fromisoformat(min(days)),
        ends=date.fromisoformat(max(days)),
        identifier="",
        format=profile.name,
        lines=lines,
        notes=tuple(f"第 {row} 行“{where}”被存成数字，末位已丢失，未采用" for row in lost if row in cells.index),
    )


def _columns(cells: pd.DataFrame, currency: str, profile: Profile) -> dict[str, Collection[object]]:
    booked_on, booked_at = moments(cells, profile.booked)
    amount, negative = amounts(cells, profile.amount, currency)
    summaries, others, serials, names = (
        _texts(cells, column, profile)
        for column in (profile.summary, profile.counterparty_account, profile.serial, profile.counterparty)
    )
    remarks = [_texts(cells, column, profile) for column in profile.remark]
    natures = columns.mapped(summaries, lambda summary: nature(summary=summary))
    texts: dict[str, Texts] = {
        "booked_on": booked_on,
        "booked_at": booked_at,
        "serial": pc.if_else(pc.match_substring_regex(serials, "^0*$"), "", serials),
        "end_to_end": columns.same("", len(cells)),
        "remark": columns.filled(remarks, " ") if remarks else columns.same("", len(cells)),
        "counterparty": names,
        "counterparty_account": others,
        "nature": pc.if_else(pc.equal(others, ""), natures, "transfer"),
    }
    marked = profile.reversal
    marks = columns.among(columns.texts(cells[marked.column]), marked.marks) if marked else False
    return {
        **{name: columns.column(each) for name, each in texts.items()},
        "number": cells.index.to_numpy(),
        "amount": amount,
        "balance": _balances(cells, currency, profile),
        "reversal": negative | marks | reversed_by_word(summaries),
    }


def _balances(cells: pd.DataFrame, currency: str, profile: Profile) -> pd.Series:
    if not profile.balance:
        return pd.Series(pd.NA, index=range(len(cells)), dtype="Int64")
    read = exact(cells[profile.balance], currency)
    return pd.Series(pd.arrays.IntegerArray(read.values, ~read.there))


def _texts(cells: pd.DataFrame, column: Column, profile: Profile) -> Texts:
    """A column's texts; of two sides the one that the direction of each line's money names."""
    rule = profile.amount
    if isinstance(column, Sided) and isinstance(rule, Flagged):
        into = columns.among(columns.texts(cells[rule.flag]), rule.credit)
        return pc.if_else(pa.array(into), plain(cells[column.credit]), plain(cells[column.debit]))
    return plain(cells[column]) if isinstance(column, str) and column else columns.same("", len(cells))


def _bad(row: int, english: str, chinese: str) -> BadRow:
    return BadRow(f"row {row}: {english}", f"第 {row} 行：{chinese}", number=row)
