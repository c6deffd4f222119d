"""The ages of open breaks as a picture (账龄图): one bar for each age, as long as its money, coloured by how grave."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final
from xml.sax.saxutils import escape

from escrow.settlement.break_kinds import SEVERITY_IN_CHINESE, Severity
from escrow.settlement.break_report import Entry, aged
from ledger.money import Money

WIDTH: Final = 760
_LEFT, _BAR, _ROW, _TOP = 110, 400, 44, 96
"""Where bars begin, how long the longest is, how high a row, and where the first one stands."""

_COLOURS: Final[dict[Severity, str]] = {"high": "#b3261e", "medium": "#b26a00", "low": "#4a6076"}
"""Each keeps 4.5 : 1 against white (WCAG 2.2, 1.4.3), and they differ in lightness for who sees no colours."""

_FONTS: Final = "'Noto Sans SC', 'Noto Sans CJK SC', 'Source Han Sans SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"


def picture(entries: Sequence[Entry], *, on: date) -> str:
    """The SVG, with the figures as text beside the bars and a description for who hears it read."""
    ages = aged(entries)
    most = max((sum(amount for _, amount in of_age.values()) for of_age in ages.values()), default=0)
    height = _TOP + _ROW * len(ages) + 24
    total = Money(sum(abs(each.amount) for each in entries))
    title = f"未决差异账龄（{on.isoformat()}）"
    told = f"共 {len(entries)} 项，金额合计 {_yuan(total)} 元"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-labelledby="ageing-title ageing-told" font-family="{_FONTS}">',
        f'<title id="ageing-title">{escape(title)}</title><desc id="ageing-told">{escape(_described(entries))}</desc>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(24, 34, title, size=20, weight="bold"),
        _text(24, 60, told),
        *_legend(),
    ]
    for number, (name, of_age) in enumerate(ages.items()):
        parts += _bar(_TOP + _ROW * number, name, of_age, most)
    return "\n".join([*parts, "</svg>"])


def _bar(top: int, name: str, of_age: dict[Severity, tuple[int, int]], most: int) -> Iterator[str]:
    yield _text(_LEFT - 12, top + 22, name, anchor="end")
    yield f'<rect x="{_LEFT}" y="{top + 4}" width="1" height="28" fill="#8a8a8a"/>'
    at, count, amount = _LEFT + 1, 0, 0
    for grave, (items, fen) in of_age.items():
        length = fen * _BAR // most if most else 0
        if items:
            length = max(length, 2)  # even a fen is seen
            yield f'<rect x="{at}" y="{top + 4}" width="{length}" height="28" fill="{_COLOURS[grave]}"/>'
        at, count, amount = at + length, count + items, amount + fen
    yield _text(at + 10, top + 22, f"{count} 项　{_yuan(Money(amount))} 元" if count else "无")


def _legend() -> Iterator[str]:
    for number, (grave, colour) in enumerate(_COLOURS.items()):
        at = WIDTH - 250 + 80 * number
        yield f'<rect x="{at}" y="48" width="14" height="14" fill="{colour}"/>'
        yield _text(at + 20, 60, f"{SEVERITY_IN_CHINESE[grave]}级")


def _text(x: int, y: int, told: str, *, size: int = 15, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
        f'fill="#1f1f1f">{escape(told)}</text>'
    )


def _described(entries: Sequence[Entry]) -> str:
    """The same in a sentence."""
    rows = []
    for name, of_age in aged(entries).items():
        count, amount = (sum(each[part] for each in of_age.values()) for part in (0, 1))
        rows.append(f"{name} {count} 项 {_yuan(Money(amount))} 元")
    return "；".join(rows) + "。"


def _yuan(money: Money) -> str:
    return f"{money.decimal:,.2f}"
