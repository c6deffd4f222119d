"""The post office at work: out of the outbox under a lease, on its way, and back into the books what became of it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

import httpx2
from sqlalchemy import Engine

from escrow.db import snapshot, transaction
from escrow.delivery import mail, webhook
from escrow.delivery.mail import MailServer
from escrow.delivery.not_taken import NotTaken
from escrow.monitoring import outbox, subscribers
from escrow.monitoring.outbox import Parcel
from escrow.monitoring.steps import Step
from escrow.monitoring.subscribers import Channel, Subscriber
from escrow.settings import Settings

_AT_ONCE: Final[dict[Channel, int]] = {"webhook": 32, "email": 200}
"""Parcels taken out together: webhooks go side by side, what is for one mailbox goes as one letter."""

_AT_ONE_DOOR: Final = 4
"""Webhooks under way to one receiver: a small server has a short queue."""

_LONGEST: Final = timedelta(minutes=2)
"""What a sender may take, with all that the network can do to it. It does not begin with less left of its lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostOffice:
    """Delivers what the outbox of this database holds. Any number of them may work at once; `mail_server` None: e-mail
    waits. `base_url` is what links in letters begin with; `patience`: seconds that one webhook may take."""

    engine: Engine
    clock: Callable[[], datetime]
    mail_server: MailServer | None
    base_url: str
    patience: int = webhook.SECONDS

    @classmethod
    def of(cls, engine: Engine, settings: Settings, *, clock: Callable[[], datetime]) -> Self:
        """The post office of a deployment."""
        return cls(engine=engine, clock=clock, mail_server=MailServer.of(settings), base_url=settings.base_url)

    @property
    def channels(self) -> list[Channel]:
        """What this one can deliver by."""
        return ["webhook"] if self.mail_server is None else ["webhook", "email"]

    def deliver(self) -> int:
        """Send what is due now, one round of it; how many deliveries were tried, 0 when nothing is due."""
        with snapshot(self.engine) as db:  # the frequent case, nothing to do, keeps no writer waiting
            if not outbox.is_due(db, channels=self.channels, now=self.clock()):
                return 0
        with transaction(self.engine) as db:
            parcels = [
                parcel
                for channel in self.channels
                for parcel in outbox.take_out(db, channels=[channel], limit=_AT_ONCE[channel], now=self.clock())
            ]
            to = subscribers.by_id(db, sorted({each.delivery.subscriber_id for each in parcels}))
        asyncio.run(self._send_all(parcels, to))
        return len(parcels)

    async def _send_all(self, parcels: Sequence[Parcel], to: dict[int, Subscriber]) -> None:
        letters: defaultdict[int, list[Parcel]] = defaultdict(list)
        bags: list[list[Parcel]] = []
        for each in parcels:
            if to[each.delivery.subscriber_id].channel == "email":
                letters[each.delivery.subscriber_id].append(each)
            else:
                bags.append([each])
        doors = {each: asyncio.Semaphore(_AT_ONE_DOOR) for each in to}
        async with webhook.client() as speaking:
            sent = [
                self._send(speaking, bag, to[_whose(bag)], doors[_whose(bag)]) for bag in (*bags, *letters.values())
            ]
            ended = await asyncio.gather(*sent, return_exceptions=True)
        # One that went wrong by a fault of ours keeps no other back; its lease ends, and it is tried again.
        for each_end in ended:
            if isinstance(each_end, BaseException):
                raise each_end

    async def _send(
        self, speaking: httpx2.AsyncClient, bag: Sequence[Parcel], to: Subscriber, door: asyncio.Semaphore
    ) -> None:
        async with door:
            now = self.clock()
            if now + _LONGEST >= bag[0].delivery.due_at:
                return  # we were held up so long that somebody else may have it by now
            failure = await self._failure(speaking, [each.step for each in bag], to, at=now)
        await asyncio.to_thread(self._record, bag, failure)

    async def _failure(
        self, speaking: httpx2.AsyncClient, steps: Sequence[Step], to: Subscriber, *, at: datetime
    ) -> str | None:
        """Send it; why it did not arrive, or None."""
        try:
            if to.channel == "webhook":
                await webhook.send(speaking, steps[0], to, at=at, seconds=self.patience)
            elif self.mail_server is not None:
                letter = (self.mail_server, steps, to.address)
                await asyncio.to_thread(mail.send, *letter, base_url=self.base_url, at=at)
        except NotTaken as why:
            return str(why)
        return None

    def _record(self, bag: Sequence[Parcel], failure: str | None) -> None:
        deliveries = [each.delivery for each in bag]
        with transaction(self.engine) as db:
            if failure is None:
                outbox.delivered(db, deliveries, now=self.clock())
            else:
                outbox.failed(db, deliveries, failure, now=self.clock())


def _whose(bag: Sequence[Parcel]) -> int:
    return bag[0].delivery.subscriber_id
