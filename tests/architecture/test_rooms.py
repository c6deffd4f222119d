"""Small rooms: no module over 300 lines, no function over 40, outside the tests."""

import ast
from typing import Final

from tests.architecture.sources import modules

MODULE_LINES: Final = 300
FUNCTION_LINES: Final = 40

LISTS: Final = "escrow/migrations/versions/"
"""Migrations are no rooms: each is a list of tables as they were on its day, written once and never changed."""

LARGER: Final[dict[str, str]] = {}
"""Rooms that may be larger, each with its reason: "escrow/rules/table.py" or "escrow/rules/table.py: read"."""


def long_module(source: str) -> int | None:
    """How many lines the module has, when they are too many."""
    lines = len(source.splitlines())
    return lines if lines > MODULE_LINES else None


def long_functions(source: str) -> dict[str, int]:
    """The functions and methods that are too long, each with its number of lines, docstring included."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                found[node.name] = lines
    return found


def test_every_room_is_small_and_every_exception_is_still_one() -> None:
    found: dict[str, int] = {}
    for name, source in modules("escrow", "ledger", "qrpay", "reconciliation", "docs"):
        if name.startswith(LISTS):
            continue
        found |= {f"{name}: {function}": lines for function, lines in long_functions(source).items()}
        if lines := long_module(source):
            found[name] = lines

    too_large = [f"{room}: {lines} lines" for room, lines in found.items() if room not in LARGER]
    assert not too_large, "\n".join(too_large)
    assert set(LARGER) - set(found) == set()


def test_a_function_of_forty_lines_passes_and_one_more_is_too_long() -> None:
    def source(lines: int) -> str:
        return "class A:\n    async def read(self):\n" + "        pass\n" * (lines - 1)

    assert long_functions(source(FUNCTION_LINES)) == {}
    assert long_functions(source(FUNCTION_LINES + 1)) == {"read": 41}


def test_a_module_of_three_hundred_lines_passes_and_one_more_is_too_long() -> None:
    assert long_module("\n" * MODULE_LINES) is None
    assert long_module("\n" * (MODULE_LINES + 1)) == 301
