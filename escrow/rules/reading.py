"""From an entry of a rule file to the value it means, by the parameter's kind; what is outside its kind is refused."""

import re
from collections.abc import Callable
from datetime import time
from fractions import Fraction
from typing import Final, cast, get_args

from escrow.rules.parameters import Kind, Parameter
from escrow.rules.strict_yaml import Table
from escrow.rules.values import FLOOR_BASES, Floor, PayTerm, Renewal, Rounding, Value, Window

_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_RATIO: Final = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
_LONGEST_MONTH: Final = 31


def value_of(version: Table, parameter: Parameter) -> Value:
    """What stands under `value`. Raises BadRuleFile when it is not of the parameter's kind."""
    return _READERS[parameter.kind](version, parameter)


def _integer(version: Table, parameter: Parameter) -> int:
    return _whole(version, "value", parameter.least, parameter.most)


def _whole(table: Table, key: str, least: int = 0, most: int | None = None) -> int:
    number = table.integer(key)
    if number < least or (most is not None and number > most):
        range_of = f"{least} or more" if most is None else f"from {least} to {most}"
        raise table.refusal(f"{key} is {number}; it must be {range_of}", key)
    return number


def _choice(version: Table, parameter: Parameter) -> str:
    return version.choice("value", parameter.choices)


def _flag(version: Table, _: Parameter) -> bool:
    return version.choice("value", ("yes", "no")) == "yes"


def _clock(version: Table, _: Parameter) -> time:
    text = version.text("value")
    if _CLOCK.fullmatch(text) is None:
        raise version.refusal(f'value is {text!r}; a time is written "20:30"', "value")
    return time.fromisoformat(text)


def _ratio(version: Table, _: Parameter) -> Fraction:
    return _exact(version, "value")


def _exact(table: Table, key: str) -> Fraction:
    """A ratio, quoted so that no float ever stands between the file and the fraction."""
    text = table.text(key)
    if _RATIO.fullmatch(text) is None:
        raise table.refusal(f'{key} is {text!r}; a ratio is written "0.20", in quotes', key)
    return Fraction(text)


def _window(version: Table, _: Parameter) -> Window:
    table = version.table("value")
    table.only("first", "last")
    window = Window(first=table.integer("first"), last=table.integer("last"))
    if not 1 <= window.first <= window.last <= _LONGEST_MONTH:
        reason = f"a window runs forward inside a month; found {window.first} to {window.last}"
        raise table.refusal(reason, "first")
    return window


def _renewal(version: Table, _: Parameter) -> Renewal:
    table = version.table("value")
    table.only("lessons_left", "months_before_start")
    return Renewal(lessons_left=_whole(table, "lessons_left"), months_before_start=_whole(table, "months_before_start"))


def _pay_term(version: Table, _: Parameter) -> PayTerm:
    table = version.table("value")
    table.only("before_start", "after_start")
    return PayTerm(before_start=_whole(table, "before_start"), after_start=_whole(table, "after_start"))


def _floor(version: Table, _: Parameter) -> Floor:
    table = version.table("value")
    table.only("share", "base", "months", "rounding")
    base = table.choice("base", FLOOR_BASES)
    if base == "charging_cycle" and "months" in table.entries:
        raise table.refusal("a charging cycle has its own length; take months away", "months")
    return Floor(
        share=_exact(table, "share"),
        base=base,
        months=None if base == "charging_cycle" else _whole(table, "months", 1),
        rounding=cast("Rounding", table.choice("rounding", get_args(Rounding))),
    )


_READERS: Final[dict[Kind, Callable[[Table, Parameter], Value]]] = {
    "integer": _integer,
    "choice": _choice,
    "flag": _flag,
    "local_time": _clock,
    "ratio": _ratio,
    "window": _window,
    "renewal": _renewal,
    "pay_term": _pay_term,
    "floor": _floor,
}
