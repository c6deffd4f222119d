"""The command line's doors: they say what is inside, and nobody waits for what stands behind the others."""

import subprocess
import sys

import pytest

from escrow.commands.doors import DOORS, Door
from tests.escrow.running import ROOT

_LOADED = """
import sys
from escrow.cli import main
try:
    main({arguments})
except SystemExit:
    pass
print([each for each in ("pandas", "sqlalchemy", "alembic", "uvicorn", "lxml", "typst") if each in sys.modules])
"""


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_a_door_says_what_the_command_behind_it_says(door: Door) -> None:
    assert " ".join(str(door.inside().help).split()) == door.help


def test_there_is_one_door_to_each_command() -> None:
    assert len({door.name for door in DOORS}) == len({door.place for door in DOORS}) == len(DOORS)


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        (["--help"], "[]"),
        (["nothing-of-the-kind"], "[]"),
        (["db", "--help"], "['sqlalchemy', 'alembic']"),
        (["keys", "--help"], "['sqlalchemy', 'alembic']"),
    ],
)
def test_a_command_brings_what_it_needs_and_nothing_of_the_others(arguments: list[str], loaded: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _LOADED.format(arguments=arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run.stdout.splitlines()[-1] == loaded
