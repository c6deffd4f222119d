"""Alerts from a terminal: `escrow alerts …`. Whoever sits there acts for the bureau."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from sqlalchemy import Connection

from escrow import db as database
from escrow.commands import delivery
from escrow.commands.terminal import CannotGoOn, caller, now, the_database
from escrow.monitoring import alerts, handling, listing, notices, steps
from escrow.monitoring.alerts import Alert
from escrow.monitoring.listing import Wanted
from escrow.monitoring.states import IN_CHINESE
from escrow.rules.months import SHANGHAI
from escrow.rules.rulebook import Rulebook
from escrow.settings import Settings
from escrow.spreadsheets import csv_of, xlsx_of

commands = typer.Typer(help="Alerts 预警.", no_args_is_help=True)
commands.add_typer(delivery.commands)

STATES: Final = ("open", "acknowledged", "investigating", "rectification_ordered", "escalated", "resolved", "dismissed")

Number = Annotated[int, typer.Argument(metavar="ID", help="The alert's id.")]
Reason = Annotated[str, typer.Option("--reason", help="For the others to read.")]
InState = Annotated[list[str] | None, typer.Option("--state", help=f"One of {', '.join(STATES)}; may come again.")]
OfInstitution = Annotated[int | None, typer.Option("--institution", help="About this institution.")]
OfRule = Annotated[str | None, typer.Option("--rule", help="Of this rule, such as prepayment.max_lessons.")]
Overdue = Annotated[bool, typer.Option("--overdue", help="Only open ones whose day to act by is over.")]
Out = Annotated[Path, typer.Option("--out", help="The file to write.")]


@commands.command("list")
def list_alerts(
    state: InState = None, institution: OfInstitution = None, rule: OfRule = None, *, overdue: Overdue = False
) -> None:
    """Alerts in the order they were opened, one a line."""
    wanted = _wanted(state, institution, rule, overdue=overdue)
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        after, shown = 0, 0
        while found := listing.page(db, wanted, after=after):
            for each in found:
                typer.echo(_line(each))
            after, shown = found[-1].id, shown + len(found)
    typer.echo(f"alerts: {shown}")


@commands.command()
def show(alert_id: Number) -> None:
    """One alert with its rule, its evidence and its whole history."""
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        alert = alerts.get(db, alert_id)
        family = [alert, *alerts.earlier(db, alert)]
        history = steps.history(db, [each.id for each in family])
        sightings = alerts.sightings(db, alert_id)
    citation = " ".join(alert.citation[part] for part in ("title", "number", "source") if alert.citation[part])
    typer.echo(f"{_line(alert)}\n  {alert.zh}\n  {alert.en}\n  {citation}")
    typer.echo(f"  evidence: {dict(alert.evidence)}")
    for each in sightings:
        typer.echo(f"  seen {_moment(each.at)}: {each.found_text}, limit {each.limit_text}, {each.version}")
    for step in history:
        why = f": {step.reason}" if step.reason else ""
        facts = f" {step.facts}" if step.facts else ""
        typer.echo(f"  {step.alert_id} {_moment(step.at)} {step.move} by {step.by} → {step.alert['state']}{why}{facts}")
    typer.echo(f"  possible now: {', '.join(alert.standing.possible) or 'nothing'}")


@commands.command()
def export(
    out: Out,
    state: InState = None,
    institution: OfInstitution = None,
    rule: OfRule = None,
    *,
    overdue: Overdue = False,
) -> None:
    """Write the list as a table for Excel or WPS: .xlsx or .csv, as the file is named."""
    wanted = _wanted(state, institution, rule, overdue=overdue)
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        rows = list(listing.rows(db, wanted))
    match out.suffix.lower():
        case ".csv":
            out.write_bytes(csv_of(listing.COLUMNS, rows))
        case ".xlsx":
            out.write_bytes(xlsx_of(listing.SHEET, listing.COLUMNS, rows, at=now()))
        case _:
            raise CannotGoOn(f"{out} is named neither .xlsx nor .csv, which say what is written")
    typer.echo(f"{out}: {len(rows)} alerts")


@commands.command()
def notice(alert_id: Number, out: Out) -> None:
    """Write the newest notice to rectify (限期整改通知书) of an alert as PDF, as it was sent out."""
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        sent = notices.latest(db, alert_id)
    out.write_bytes(sent.pdf)
    typer.echo(f"{out}: {sent.number}, deadline {sent.deadline}, sha256 {sent.sha256}")


@commands.command()
def acknowledge(alert_id: Number) -> None:
    """Take an alert."""
    _act(lambda db: handling.acknowledge(db, alert_id, by=caller(), now=now()))


@commands.command()
def investigate(alert_id: Number) -> None:
    """Look into an alert."""
    _act(lambda db: handling.investigate(db, alert_id, by=caller(), now=now()))


@commands.command()
def order(
    alert_id: Number,
    deadline: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day to put it right.")],
    measure: Annotated[list[str], typer.Option("--measure", help="What must be done; may come more than once.")],
) -> None:
    """Order the institution to rectify: a notice is printed and kept, see `escrow alerts notice`."""
    settings, rulebook = Settings(), Rulebook.load()

    def do(db: Connection) -> Alert:
        return notices.order(
            db,
            alert_id,
            measures=measure,
            deadline=deadline.date(),
            rulebook=rulebook,
            bureau=settings.bureau_name,
            by=caller(),
            now=now(),
        )

    _act(do)


@commands.command()
def escalate(
    alert_id: Number, to: Annotated[str, typer.Option("--to", help="The authority that is to act.")], reason: Reason
) -> None:
    """Let another authority act; the alert stays open until it has."""
    _act(lambda db: handling.escalate(db, alert_id, to=to, reason=reason, by=caller(), now=now()))


@commands.command()
def assign(alert_id: Number, owner: Annotated[str, typer.Option("--to", help="Whose it becomes.")]) -> None:
    """Hand an alert over to somebody else."""
    _act(lambda db: handling.hand_over(db, alert_id, owner=owner, by=caller(), now=now()))


@commands.command()
def resolve(alert_id: Number, reason: Reason) -> None:
    """What it told of has been put right."""
    _act(lambda db: handling.resolve(db, alert_id, reason=reason, by=caller(), now=now()))


@commands.command()
def dismiss(
    alert_id: Number,
    reason: Reason,
    quiet_until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Until this day the same figures open no new alert."),
    ] = None,
) -> None:
    """Propose that it tells of nothing wrong; somebody else must agree."""
    day = None if quiet_until is None else quiet_until.date()
    _act(lambda db: handling.propose_dismissal(db, alert_id, reason=reason, quiet_until=day, by=caller(), now=now()))


@commands.command("approve-dismissal")
def approve_dismissal(alert_id: Number) -> None:
    """Agree to a dismissal that somebody else proposed."""
    _act(lambda db: handling.approve_dismissal(db, alert_id, by=caller(), now=now()))


@commands.command("reject-dismissal")
def reject_dismissal(alert_id: Number, reason: Reason) -> None:
    """Do not agree to a dismissal, or take one's own proposal back."""
    _act(lambda db: handling.reject_dismissal(db, alert_id, reason=reason, by=caller(), now=now()))


def _wanted(state: list[str] | None, institution: int | None, rule: str | None, *, overdue: bool) -> Wanted:
    if unknown := [each for each in state or () if each not in STATES]:
        raise typer.BadParameter(f"{unknown[0]} is no state of an alert; they are {', '.join(STATES)}")
    today: date | None = now().astimezone(SHANGHAI).date() if overdue else None
    return Wanted(states=state or (), institution_id=institution, rule=rule, overdue_on=today)  # type: ignore[arg-type]  # looked at above


def _act(do: Callable[[Connection], Alert]) -> None:
    with the_database(Settings()) as engine, database.transaction(engine) as db:
        typer.echo(_line(do(db)))


def _line(alert: Alert) -> str:
    state = f"{alert.state} {IN_CHINESE[alert.state]}"
    of = f"institution {alert.institution_id}" if alert.institution_id else "no institution"
    owner = f", {alert.owner}" if alert.owner else ""
    found = f"{alert.version}: {alert.found_text}, limit {alert.limit_text}; seen {alert.seen} times"
    return f"{alert.id} [{alert.severity}] {state} ({of}, due {alert.due_on}{owner}) {found}"


def _moment(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
