"""Doors: a command is brought in when somebody asks for it, so that nobody waits for what the others are made of."""

from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group


class Door(TyperGroup):
    """Stands for a command in the list of all: its name, its sentence, and where it is.

    `place` is `module:name` of a Typer application. With `alone` the one command in it is meant, else a group.
    """

    def __init__(self, name: str, place: str, help: str, *, alone: bool = False) -> None:  # noqa: A002  Click's word
        super().__init__(name=name, help=help)
        self.place: Final = place
        self.alone: Final = alone

    def inside(self) -> Any:
        """The command itself."""
        module, name = self.place.split(":")
        application: typer.Typer = getattr(import_module(module), name)
        return get_command(application) if self.alone else get_group(application)

    def make_context(self, *named: Any, **more: Any) -> Any:
        """Go through: what runs is what is inside."""
        return self.inside().make_context(*named, **more)


DOORS: Final = (
    Door(
        "demo",
        "escrow.commands.county:commands",
        "A small county lives through three months and prints what happened.",
        alone=True,
    ),
    Door("serve", "escrow.commands.service:commands", "The service, until it is stopped.", alone=True),
    Door("statement", "escrow.commands.statements:commands", "The bank's statements 对账单."),
    Door(
        "reconcile",
        "escrow.commands.statements:reconciling",
        "Match the bank's lines of an account, book what they prove, list the rest, and prove the cash.",
        alone=True,
    ),
    Door("breaks", "escrow.commands.bank_day:break_commands", "What bank and books do not agree on 未决差异."),
    Door("day", "escrow.commands.bank_day:day_commands", "A day of an account, proved and signed off 日终."),
    Door("matches", "escrow.commands.match_work:commands", "Matches as people decide them 勾对."),
    Door("bank", "escrow.commands.bank:commands", "The supervising bank 监管银行."),
    Door(
        "silence",
        "escrow.commands.watch:confirming",
        "Confirm the lessons whose guardians have let the rule's working days pass; once a day.",
        alone=True,
    ),
    Door("rules", "escrow.commands.rules:rule_commands", "The rulebook 规则库: the law as data."),
    Door(
        "monitor",
        "escrow.commands.watch:monitoring",
        "Hold the fee rules against every open contract and watch for evasions; print and keep what is found.",
        alone=True,
    ),
    Door("alerts", "escrow.commands.alerts:commands", "Alerts 预警."),
    Door("ledger", "escrow.commands.ledger:ledger_commands", "The books 账簿."),
    Door(
        "audit",
        "escrow.commands.auditing:auditing",
        "Recompute every invariant from the transfers; exit status 1 and the first breach when one fails.",
        alone=True,
    ),
    Door(
        "poster",
        "escrow.commands.posters:commands",
        "Write the poster that an institution hangs up: one A4 page, its code opens the institution's page.",
        alone=True,
    ),
    Door("keys", "escrow.commands.keys:key_commands", "Keys of callers, of banks and of wallets."),
    Door("merchants", "escrow.commands.keys:merchant_commands", "Merchants of wallets 商户号, and their accounts."),
    Door("db", "escrow.commands.schema:commands", "The database."),
)


class House(TyperGroup):
    """All doors, in their order."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands.update({str(door.name): door for door in DOORS})
