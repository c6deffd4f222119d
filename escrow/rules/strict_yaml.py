"""YAML as the law needs it: nothing guessed from an unquoted value, no key twice, every value with its line."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, TypeAlias

import yaml

_LOADER: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""The parser in C is ten times as fast; both speak of lines alike. Nothing of them but the parse is used."""

Value: TypeAlias = "str | int | Table | tuple[Value, ...]"

_WHOLE_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_READ_AS: Final = {
    "float": "a binary fraction",
    "timestamp": "a date",
    "bool": "true or false",
    "null": "nothing at all",
    "int": "another number than it shows",
    "merge": "a merge of other keys",
}
"""What YAML 1.1 would silently make of an unquoted value, by the tag it resolves to."""


class BadRuleFile(ValueError):
    """A file of the rulebook cannot be used. Carries the file, the line (from 1) and the reason."""

    def __init__(self, file: Path, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Table:
    """A mapping in a file: its entries, and the line on which each stands."""

    file: Path
    line: int
    entries: Mapping[str, Value]
    lines: Mapping[str, int]

    def refusal(self, reason: str, key: str | None = None) -> BadRuleFile:
        """The refusal of this table, or of one of its keys, for `reason`; to be raised by the caller."""
        return BadRuleFile(self.file, self.lines.get(key or "", self.line), reason)

    def only(self, *allowed: str) -> None:
        """Refuse a key that nobody would read: a misspelt `last_day` must not become a rule without an end."""
        for key in self.entries:
            if key not in allowed:
                raise self.refusal(f"unknown key {key!r}; allowed here: {', '.join(allowed)}", key)

    def text(self, key: str) -> str:
        """The text under `key`, stripped. Raises BadRuleFile when it is missing, empty or not text."""
        value = self._required(key)
        if not isinstance(value, str) or not value.strip():
            raise self.refusal(f"{key} must be a text that is not empty", key)
        return value.strip()

    def maybe_text(self, key: str) -> str | None:
        """The text under `key`, or None where the key is absent."""
        return self.text(key) if key in self.entries else None

    def choice(self, key: str, allowed: Sequence[str]) -> str:
        """The text under `key`, which must be one of `allowed`."""
        value = self.text(key)
        if value not in allowed:
            raise self.refusal(f"{key} is {value!r}; allowed: {', '.join(allowed)}", key)
        return value

    def maybe_choice(self, key: str, allowed: Sequence[str]) -> str | None:
        """The text under `key`, one of `allowed`, or None where the key is absent."""
        return self.choice(key, allowed) if key in self.entries else None

    def integer(self, key: str) -> int:
        """The whole number under `key`."""
        value = self._required(key)
        if not isinstance(value, int):
            raise self.refusal(f"{key} must be a whole number without quotes", key)
        return value

    def day(self, key: str) -> date:
        """The calendar day under `key`, written "2025-01-01"."""
        text = self.text(key)
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = None
        if day is None or day.isoformat() != text:
            raise self.refusal(f'{key} is {text!r}; a day is written "2025-01-01"', key)
        return day

    def maybe_day(self, key: str) -> date | None:
        """The calendar day under `key`, or None where the key is absent."""
        return self.day(key) if key in self.entries else None

    def table(self, key: str) -> "Table":
        """The mapping under `key`."""
        value = self._required(key)
        if not isinstance(value, Table):
            raise self.refusal(f"{key} must be a mapping of keys and values", key)
        return value

    def tables(self, key: str) -> tuple["Table", ...]:
        """The list of mappings under `key`; an empty list is refused."""
        value = self._required(key)
        if not isinstance(value, tuple) or not value:
            raise self.refusal(f"{key} must be a list with at least one entry", key)
        found = tuple(entry for entry in value if isinstance(entry, Table))
        if len(found) != len(value):
            raise self.refusal(f"every entry of {key} must be a mapping of keys and values", key)
        return found

    def _required(self, key: str) -> Value:
        if key not in self.entries:
            raise self.refusal(f"{key} is missing")
        return self.entries[key]


def read(file: Path) -> Table:
    """Read one file whose content is a mapping. Raises BadRuleFile with the line of the first fault."""
    try:
        text = file.read_text(encoding="utf-8")
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                reason = f"*{event.anchor} repeats what stands elsewhere; write every value where it is meant"
                raise BadRuleFile(file, _line(event), reason)
        root = yaml.compose(text, Loader=_LOADER)
    except UnicodeDecodeError as error:
        raise BadRuleFile(file, 1, f"the file is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadRuleFile(file, line, f"this is not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise BadRuleFile(file, 1, f"this is not YAML: {error}") from error
    if not isinstance(root, yaml.MappingNode):
        raise BadRuleFile(file, 1, "the file must hold a mapping of keys and values")
    return _table(root, file)


def _value(node: yaml.Node, file: Path) -> Value:
    if isinstance(node, yaml.MappingNode):
        return _table(node, file)
    if isinstance(node, yaml.SequenceNode):
        return tuple(_value(entry, file) for entry in node.value)
    return _scalar(node, file)


def _table(node: yaml.MappingNode, file: Path) -> Table:
    entries: dict[str, Value] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = _line(key_node)
        key = _scalar(key_node, file) if isinstance(key_node, yaml.ScalarNode) else None
        if not isinstance(key, str):
            raise BadRuleFile(file, line, "a key must be a plain word")
        if key in entries:
            raise BadRuleFile(file, line, f"{key} stands here twice (first on line {lines[key]}); keep one")
        entries[key] = _value(value_node, file)
        lines[key] = line
    return Table(file=file, line=_line(node), entries=entries, lines=lines)


def _scalar(node: yaml.Node, file: Path) -> str | int:
    """A quoted value is its text; an unquoted one is a plain decimal whole number or a plain word, or refused."""
    text: str = node.value
    kind = node.tag.rpartition(":")[2]
    if kind == "str":
        return text
    if kind == "int" and _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    silently = _READ_AS.get(kind, f"something of its own ({node.tag})")
    reason = f'{text!r} without quotes would be read as {silently}; write "{text}" in quotes'
    raise BadRuleFile(file, _line(node), reason)


def _line(part: yaml.Node | yaml.Event) -> int:
    return part.start_mark.line + 1 if part.start_mark else 1
