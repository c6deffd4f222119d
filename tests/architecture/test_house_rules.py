"""House rules that no tool of others checks: exact money, no clock of one's own, no commit inside a wing."""

import ast
import re
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from tests.architecture.sources import PACKAGES, modules

ENTRANCES: Final = dict.fromkeys(
    (
        *("escrow/__main__.py", "escrow/cli.py", "escrow/app.py", "escrow/settings.py", "escrow/db.py"),
        *("escrow/commands/keys.py", "escrow/commands/bank_day.py", "escrow/commands/terminal.py"),
        *("escrow/commands/bank.py", "escrow/commands/bills.py", "escrow/commands/posters.py"),
    ),
    "where the outside comes in: the clock is read here and passed on, and waiting times are counted in seconds",
)
NO_MONEY: Final = {
    "escrow/bank/sandbox/dials.py": "the chances that a payment meets a fault; no amount is near",
    "reconciliation/workbook.py": "Excel keeps every number as a float: each becomes its exact text, or is refused",
}

WINGS: Final = (
    *("ledger", "escrow/registry", "escrow/enrolment", "escrow/teaching", "escrow/payouts"),
    *("escrow/settlement", "escrow/monitoring", "escrow/oversight"),
)

Check = Callable[[str], list[str]]

_CLOCKS: Final = {"now", "utcnow", "today"}
_TIMES: Final = {"time", "time_ns", "localtime", "gmtime", "ctime"}
_SQL_CLOCK: Final = re.compile(
    r"\bCURRENT_(TIMESTAMP|DATE|TIME)\b|\bnow\(\)|\b(datetime|date|unixepoch)\('now'", re.IGNORECASE
)
_FLOAT_NAMES: Final = {"float", "Float", "Double", "REAL", "Numeric"}
"""Of Python and of SQLAlchemy. Numeric among them: SQLite keeps it as a float."""
_FLOAT_TEXT: Final = re.compile(r"float(16|32|64)|double precision", re.IGNORECASE)


def floats(source: str) -> list[str]:
    """Where binary fractions could touch money: the type, a literal, a column of it, a division by a number."""
    return _found(source, _is_float)


def clocks(source: str) -> list[str]:
    """Where the time of day is read instead of passed in, from Python or from the database."""
    return _found(source, _reads_clock)


def commits(source: str) -> list[str]:
    """Where a transaction is ended or begun. It belongs to the entrance: one request, one transaction."""
    return _found(source, _is_commit)


@pytest.mark.parametrize(
    ("check", "places", "allowed"),
    [
        pytest.param(floats, PACKAGES, ENTRANCES | NO_MONEY, id="no float comes near money"),
        pytest.param(clocks, PACKAGES, ENTRANCES, id="now is an argument"),
        pytest.param(commits, WINGS, {}, id="no wing commits"),
    ],
)
def test_the_house_keeps_its_rules(check: Check, places: tuple[str, ...], allowed: dict[str, str]) -> None:
    broken = [f"{name}, {line}" for name, source in modules(*places) if name not in allowed for line in check(source)]
    assert not broken, "\n".join(broken)


def test_every_exception_is_still_needed() -> None:
    still = {name for name, source in modules(*PACKAGES) if name in NO_MONEY and floats(source)}
    assert set(NO_MONEY) - still == set()


@pytest.mark.parametrize(
    "source",
    [
        "share = float(total)",
        "rate = 0.05",
        "def price(yuan: float) -> int: ...",
        "amounts = map(float, cells)",
        "yuan = minor / 100",
        "frame.astype('float64')",
        "type = 'DOUBLE PRECISION'",
        "Column('amount', Numeric(12, 2))",
        "Column('amount', sa.Float)",
    ],
)
def test_a_float_is_seen(source: str) -> None:
    assert floats(source) == [f"line 1: {source}"]


@pytest.mark.parametrize(
    "source", ["share = minor // 100", "file = folder / name", "'''never a float: 0.1 is none'''", "a = '1280.00'"]
)
def test_exact_arithmetic_is_no_float(source: str) -> None:
    assert floats(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "at = datetime.now(UTC)",
        "at = datetime.datetime.utcnow()",
        "day = date.today()",
        "made: datetime = field(default_factory=datetime.now)",
        "at = pd.Timestamp.now(tz=ZONE)",
        "seconds = time.time()",
        "from time import time",
        "Column('at', server_default=func.now())",
        "db.execute(text('SELECT CURRENT_TIMESTAMP'))",
        "db.execute(\"INSERT INTO t VALUES (datetime('now'))\")",
    ],
)
def test_a_clock_of_ones_own_is_seen(source: str) -> None:
    assert clocks(source) == [f"line 1: {source}"]


@pytest.mark.parametrize(
    "source", ["due = now + day", "at = command.now", "started = time.monotonic()", "'''Never datetime('now').'''"]
)
def test_a_time_that_was_passed_in_is_no_clock(source: str) -> None:
    assert clocks(source) == []


@pytest.mark.parametrize("source", ["db.commit()", "with engine.begin() as db: ...", "db.execute(text('COMMIT'))"])
def test_a_commit_is_seen(source: str) -> None:
    assert commits(source) == [f"line 1: {source}"]


@pytest.mark.parametrize("source", ["with db.begin_nested(): ...", "lesson.begin()", "commit = 1"])
def test_a_savepoint_is_no_commit(source: str) -> None:
    assert commits(source) == []


def _found(source: str, is_broken_by: Callable[[ast.AST], bool]) -> list[str]:
    """The lines that break a rule, docstrings and comments left out."""
    lines = source.splitlines()
    numbers = {node.lineno for node in _code(ast.parse(source)) if is_broken_by(node)}
    return [f"line {number}: {lines[number - 1].strip()}" for number in sorted(numbers)]


def _code(tree: ast.AST) -> Iterator[ast.expr | ast.stmt | ast.alias]:
    """Every expression and statement except strings that stand alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.expr | ast.stmt | ast.alias):
            yield node
        yield from _code(node)


def _is_float(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=float()):
            return True
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in _FLOAT_NAMES
        case ast.Constant(value=str(text)):
            return _FLOAT_TEXT.fullmatch(text) is not None
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            return any(isinstance(side, ast.Constant) and isinstance(side.value, int) for side in (left, right))
    return False


def _reads_clock(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr=name)) if name in _CLOCKS:
            return True
        case ast.Attribute(attr="now", value=ast.Name(id="datetime" | "func") | ast.Attribute(attr="datetime")):
            return True
        case ast.Attribute(attr=name, value=ast.Name(id="time")) if name in _TIMES:
            return True
        case ast.ImportFrom(module="time", names=names):
            return any(name.name in _TIMES for name in names)
        case ast.Constant(value=str(text)):
            return _SQL_CLOCK.search(text) is not None
    return False


def _is_commit(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="commit")):
            return True
        case ast.With(items=items):
            return any(_is_call_of(item.context_expr, "begin") for item in items)
        case ast.Constant(value=str(text)):
            return text.strip().upper() == "COMMIT"
    return False


def _is_call_of(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name
