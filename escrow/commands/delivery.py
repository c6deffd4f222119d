"""`escrow alerts deliver …`: who is told of alerts, and what is on its way to them."""

from typing import Annotated, Final

import typer

from escrow import db as database
from escrow.commands.terminal import CannotGoOn, caller, now, the_database
from escrow.delivery.post_office import PostOffice
from escrow.monitoring import outbox, subscribers
from escrow.monitoring.outbox import Delivery
from escrow.monitoring.subscribers import Channel, Subscriber
from escrow.settings import Settings

commands = typer.Typer()

_SEVERITIES: Final = ("notice", "serious", "grave")


@commands.command()
def subscribe(
    webhook: Annotated[str | None, typer.Option(help="A URL: https, or http to this machine.")] = None,
    email: Annotated[str | None, typer.Option(help="An e-mail address.")] = None,
    least: Annotated[str, typer.Option(help=f"Only what is at least so severe: {', '.join(_SEVERITIES)}.")] = "notice",
) -> None:
    """Tell somebody of every step of every alert. A webhook's secret is shown this once."""
    if (webhook is None) == (email is None):
        raise CannotGoOn("say either --webhook URL or --email ADDRESS")
    if least not in _SEVERITIES:
        raise typer.BadParameter(f"{least} is no severity; they are {', '.join(_SEVERITIES)}")
    channel: Channel = "email" if webhook is None else "webhook"
    secret = None if webhook is None else subscribers.fresh_secret()
    with the_database(Settings()) as engine, database.transaction(engine) as db:
        added = subscribers.subscribe(
            db,
            channel=channel,
            address=webhook or email or "",
            secret=secret,
            least=least,  # type: ignore[arg-type]  # looked at above
            by=caller(),
            now=now(),
        )
    typer.echo(_subscriber(added))
    if secret is not None:
        typer.echo(f"secret: {secret}")


@commands.command()
def unsubscribe(subscriber: Annotated[int, typer.Argument(metavar="ID", help="The subscriber's id.")]) -> None:
    """Tell a subscriber nothing more."""
    with the_database(Settings()) as engine, database.transaction(engine) as db:
        ended = subscribers.end(db, subscriber, by=caller(), now=now())
    typer.echo(f"{_subscriber(ended)}: ended")


@commands.command("subscribers")
def list_subscribers() -> None:
    """Who is told of alerts."""
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        found = subscribers.everyone(db)
    for each in found:
        typer.echo(_subscriber(each))
    typer.echo(f"subscribers: {len(found)}")


@commands.command()
def deliver() -> None:
    """Deliver what is due now; the service does so by itself while it runs."""
    with the_database(Settings()) as engine:
        office = PostOffice.of(engine, Settings(), clock=now)
        tried = 0
        while sent := office.deliver():
            tried += sent
        with database.snapshot(engine) as db:
            left = outbox.counts(db)
    waiting, dead = (sum(many for (_, state), many in left.items() if state == of) for of in ("waiting", "dead"))
    typer.echo(f"tried {tried}; waiting {waiting}; dead {dead}")
    if office.mail_server is None and ("email", "waiting") in left:
        typer.echo("e-mail waits: no mail server is set (ESCROW_SMTP_URL)")


@commands.command("dead-letters")
def dead_letters() -> None:
    """What could not be delivered after days of trying; redeliver it by hand once the receiver is well."""
    after, shown = 0, 0
    with the_database(Settings()) as engine, database.snapshot(engine) as db:
        while found := outbox.page(db, state="dead", after=after):
            for each in found:
                typer.echo(_delivery(each))
            after, shown = found[-1].id, shown + len(found)
    typer.echo(f"dead letters: {shown}")


@commands.command()
def redeliver(delivery: Annotated[int, typer.Argument(metavar="ID", help="The delivery's id.")]) -> None:
    """Try a dead letter again; what waits behind it follows."""
    with the_database(Settings()) as engine, database.transaction(engine) as db:
        typer.echo(_delivery(outbox.redeliver(db, delivery, by=caller(), now=now())))


def _subscriber(each: Subscriber) -> str:
    return f"{each.id} {each.channel} {each.address}, from {each.least} on, added by {each.added_by}"


def _delivery(each: Delivery) -> str:
    told = f"step {each.step_id} of alert {each.alert_id} to subscriber {each.subscriber_id}"
    return f"{each.id} {each.state}: {told}; {each.attempts} attempts; {each.failure or 'no failure'}"
