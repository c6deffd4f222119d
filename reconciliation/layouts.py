"""Which bank's layout a table has: its header against every profile's, and what sets it apart from each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from reconciliation.profiles import Profile, heading, known
from reconciliation.statement import UnknownLayout
from reconciliation.tables import HEADER_ROWS

_SHOWN: Final = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A profile against the row of a table that comes nearest to its header.

    `row` is 1-based, `header` that row's names. `missing` are columns of the profile that it lacks, `added` columns
    that it has beside them. `nearness` is the share of names in common, from 0 to 1.
    """

    profile: Profile
    row: int
    header: tuple[str, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    nearness: Fraction

    @property
    def fits(self) -> bool:
        """Whether the row is the profile's header, in whatever order."""
        return not self.missing and not self.added and len(self.header) == len(self.profile.header)

    def __str__(self) -> str:
        if not self.nearness:
            return "no column in common"
        told = [
            f"{word} {'，'.join(name[:_SHOWN] for name in names[:_SHOWN])}"
            for word, names in (("lacks", self.missing), ("has in addition", self.added))
            if names
        ]
        return f"row {self.row}: {'; '.join(told) or 'a column name stands twice'}"


def recognised(top: Sequence[Sequence[str]]) -> tuple[Profile, int] | None:
    """The profile whose header stands in these rows, and the 1-based row it stands on; None when none does."""
    for at, row in enumerate(top, start=1):
        names = _names(row)
        for profile in known():
            if len(names) == len(profile.header) and set(names) == profile.fingerprint:
                return profile, at
    return None


def comparisons(top: Sequence[Sequence[str]]) -> list[Comparison]:
    """Every profile against these rows, the nearest first."""
    rows = [(at, names) for at, names in enumerate(map(_names, top), start=1) if any(names)] or [(1, ())]
    found = [max((_compare(profile, at, row) for at, row in rows), key=_nearness) for profile in known()]
    return sorted(found, key=_nearness, reverse=True)


def nearest(top: Sequence[Sequence[str]]) -> Comparison:
    """The profile that comes nearest. Where none comes near at all, the fullest row stands for the header."""
    best = comparisons(top)[0]
    if best.nearness:
        return best
    return _compare(best.profile, 1, max(map(_names, top), key=_filled, default=()))


def unknown(found: Comparison, *, sheet: str = "") -> UnknownLayout:
    """The refusal of a table that no profile knows: its header, and what sets it apart from the nearest one."""
    header = [name[:_SHOWN] for name in found.header if name][:_SHOWN]
    shown, profile = "，".join(header) or "—", found.profile
    missing, added = ("，".join(name[:_SHOWN] for name in each) or "—" for each in (found.missing, found.added))
    of_sheet, sheet_of = (f" of sheet {sheet}", f"工作表“{sheet}”的") if sheet else ("", "")
    near = found.nearness > 0
    nearest = f"Nearest: {profile.name}; it lacks {missing}; it has in addition {added}." if near else "None is near."
    nearest_chinese = f"最接近：{profile.bank}（{profile.name}），缺少：{missing}；多出：{added}。" if near else ""
    return UnknownLayout(
        f"no bank profile knows the header{of_sheet} (looked for on rows 1 to {HEADER_ROWS}): {shown}. {nearest} "
        f"Export in a known layout ({', '.join(each.name for each in known())}) or add a profile",
        f"无法识别{sheet_of}表头（在第 1 至 {HEADER_ROWS} 行中查找）：{shown}。{nearest_chinese}"
        "请按已知版式导出，或增加银行版式",
        header=shown,
        nearest=profile.name if near else "",
    )


def _names(row: Iterable[str]) -> tuple[str, ...]:
    names = [heading(cell) for cell in row]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _compare(profile: Profile, at: int, names: tuple[str, ...]) -> Comparison:
    there = set(names) - {""}
    return Comparison(
        profile=profile,
        row=at,
        header=names,
        missing=tuple(column for column in profile.header if heading(column) not in there),
        added=tuple(name for name in names if name and name not in profile.fingerprint),
        nearness=Fraction(len(there & profile.fingerprint), len(there | profile.fingerprint)),
    )


def _nearness(found: Comparison) -> Fraction:
    return found.nearness


def _filled(names: tuple[str, ...]) -> int:
    return sum(1 for name in names if name)
