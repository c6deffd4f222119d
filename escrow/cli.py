"""The command line: one entrance, behind it a door to each command (escrow.commands.doors)."""

import os
import sys
from collections.abc import Sequence

import typer

from escrow.commands.doors import House

cli = typer.Typer(
    cls=House,
    help="Tuition Escrow 校外培训预收费监管. ESCROW_DATABASE_URL chooses the database; a SQLite file by default.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@cli.callback()
def _a_house() -> None:
    """Without a command there is only the list of them."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. What goes wrong foreseeably is one sentence on the standard error, and exit status 1."""
    try:
        cli(args=arguments)
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python must not complain about it a second time on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        from escrow.commands import terminal  # noqa: PLC0415  it names all that can go wrong

        if not isinstance(error, terminal.foreseen()):
            raise
        print(f"escrow: {terminal.told(error)}", file=sys.stderr)
        sys.exit(terminal.FAILED)
