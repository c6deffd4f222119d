"""Every number, day, enumerated word and flag of the shipped rules, changed one at a time: does a law case see it?

`python -m tests.escrow.rules.mutating` prints the table and ends with status 1 when a change survives.
"""

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, get_args

import yaml

from escrow.rules import habits, holidays
from escrow.rules.habits import Habits
from escrow.rules.jurisdictions import JURISDICTION_FILE
from escrow.rules.parameters import CATEGORIES, MODES, PARAMETERS
from escrow.rules.rule import Enforcement, Severity, Tag
from escrow.rules.rulebook import SHIPPED, BadRuleFile, Rulebook
from escrow.rules.values import FLOOR_BASES, Rounding
from tests.escrow.rules.law_cases import Case, Law, read_cases

AWAY: Final = ""
"""Instead of a value: its whole line is taken away."""

_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "category": (*CATEGORIES, AWAY),
    "mode": (*MODES, AWAY),
    "tag": get_args(Tag),
    "status": (AWAY,),
    "base": FLOOR_BASES,
    "rounding": get_args(Rounding),
    "enforcement": get_args(Enforcement),
    "parent": ("cn", AWAY),
}
_NO_VALUE: Final = {
    *("parameter", "unit", "watch", "year"),  # one is possible for a file of this name, which loading holds it to
    *("note", "title", "number", "source", "zh", "en", "name", "set_by", "why"),  # words for readers
}


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One value of a shipped file, by its place in the text, and what it is changed to."""

    file: Path
    keys: tuple[str, ...]
    start: int
    end: int
    was: str
    instead: str

    @property
    def told(self) -> str:
        return f"{self.file.parent.name}/{self.file.name} {'.'.join(self.keys)}: {self.was} → {self.instead or 'gone'}"

    def text(self) -> str:
        """The whole file with this one change."""
        text = self.file.read_text(encoding="utf-8")
        if self.instead != AWAY:
            return text[: self.start] + self.instead + text[self.end :]
        begins = text.rindex("\n", 0, self.start) + 1
        return text[:begins] + text[text.index("\n", self.end) + 1 :]


def law_files() -> list[Path]:
    """The law: every rule and jurisdiction, and every year of the calendar."""
    return [*sorted(SHIPPED.glob("*/*.yaml")), *sorted(holidays.SHIPPED.glob("*.yaml"))]


def habit_files() -> list[Path]:
    """What the bureau itself has set to watch for."""
    return sorted(habits.SHIPPED.glob("*.yaml"))


def mutations(files: Sequence[Path]) -> Iterator[Mutation]:
    """Every change of every file."""
    for file in files:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        for keys, node in _scalars(root, ()):
            quoted = 1 if node.style == '"' else 0
            for instead in _instead(file.stem, keys, node.value):
                yield Mutation(
                    file=file,
                    keys=keys,
                    start=node.start_mark.index + quoted,
                    end=node.end_mark.index - quoted,
                    was=node.value,
                    instead=instead,
                )


class Judges:
    """The law cases on the bench, and the shipped files that are changed under their eyes, in a copy."""

    def __init__(self, scratch: Path) -> None:
        self.cases = list(read_cases())
        self.shipped = Law.shipped()
        self._codes = {place.folder: place.code for place in self.shipped.rulebook.jurisdictions.values()}
        self._copy = Path(shutil.copytree(SHIPPED.parent, scratch / "rules"))

    def seen_by(self, mutation: Mutation) -> str | None:
        """Who sees the change: the loader's refusal, or the sentence of a case that fails; None when it survives."""
        file = self._copy / mutation.file.relative_to(SHIPPED.parent)
        file.write_text(mutation.text(), encoding="utf-8")
        try:
            law = self._changed(file)
        except BadRuleFile as refusal:
            return f"refused: {refusal.reason}"
        finally:
            shutil.copy(mutation.file, file)
        likeliest_first = sorted(self.cases, key=lambda case: not case.is_about(mutation.file.stem))
        return next((case.sentence for case in likeliest_first if case.fails(law)), None)

    def failing(self) -> list[Case]:
        """The cases that fail on the files as they are shipped; there must be none, or nothing is shown."""
        return [case for case in self.cases if case.fails(self.shipped)]

    def _changed(self, file: Path) -> Law:
        """The shipped law with one file of the copy in its place: reading all of it each time would take far longer."""
        rulebook = self.shipped.rulebook
        if file.parent.name == habits.SHIPPED.name:
            return replace(self.shipped, habits=Habits.load(file.parent))
        if file.parent.name == holidays.SHIPPED.name:
            return replace(self.shipped, rulebook=replace(rulebook, years=holidays.years_of(file.parent)))
        if file.name in {JURISDICTION_FILE, holidays.CLOSURES_FILE}:
            return replace(self.shipped, rulebook=Rulebook.load(self._copy / SHIPPED.name))
        drafted = rulebook.with_draft(file, jurisdiction=self._codes[file.parent.name])
        return replace(self.shipped, rulebook=drafted)


def _scalars(node: yaml.Node | None, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], yaml.ScalarNode]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(value, (*keys, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value, start=1):
            yield from _scalars(value, (*keys, str(number)))
    elif isinstance(node, yaml.ScalarNode):
        yield keys, node


def _instead(stem: str, keys: tuple[str, ...], text: str) -> list[str]:
    """The neighbours of a number, a day or a time; the other words of an enumeration; nothing for prose."""
    if keys[-1] in _NO_VALUE:
        return []
    return [other for other in _neighbours(stem, keys, text) if other != text]


def _neighbours(stem: str, keys: tuple[str, ...], text: str) -> list[str]:
    if "severity" in keys:
        return list(get_args(Severity))
    if "enforcement_of" in keys:
        return list(get_args(Enforcement))
    if keys[-1] == "decided_by":
        return list(PARAMETERS[stem].decided_by)
    if keys[-1] in _CHOICES:
        return list(_CHOICES[keys[-1]])
    if text in {"yes", "no"}:
        return ["yes", "no"]
    if keys[-1] == "code":
        return _near(text) or [f"{text}x"]
    return _near(text) or list(PARAMETERS[stem].choices)


def _near(text: str) -> list[str]:
    """One more and one less: of a day, a minute of the clock, or the last digit of a number."""
    if len(text) == len("2025-01-01") and text[4:5] == "-":
        return [(date.fromisoformat(text) + timedelta(days=step)).isoformat() for step in (-1, 1)]
    if text[2:3] == ":":
        minutes = int(text[:2]) * 60 + int(text[3:])
        return [f"{(minutes + step) // 60:02d}:{(minutes + step) % 60:02d}" for step in (-1, 1)]
    if text.replace(".", "", 1).isdigit():
        number = Decimal(text)
        step = Decimal(1).scaleb(int(number.as_tuple().exponent))
        return [str(number - step), str(number + step)]
    return []


def say(line: str, *below: str) -> None:
    sys.stdout.write("\n    ".join((line, *below)) + "\n")


def main() -> int:
    """Print what sees each change, and how many there were; 1 when one survives."""
    with tempfile.TemporaryDirectory() as scratch:
        judges = Judges(Path(scratch))
        if failing := judges.failing():
            say("these cases fail on the shipped rules:", *(case.sentence for case in failing))
            return 1
        seen = [(mutation, judges.seen_by(mutation)) for mutation in mutations([*law_files(), *habit_files()])]
    for mutation, by in seen:
        say(mutation.told, by or "SURVIVES")
    survivors = [mutation.told for mutation, by in seen if by is None]
    kinds = Counter("the loader" if by.startswith("refused: ") else "a law case" for _, by in seen if by)
    say(f"changes: {len(seen)}; {', '.join(f'seen by {kind}: {n}' for kind, n in kinds.items())}")
    say(f"survivors: {len(survivors)}", *survivors)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
