"""A webhook (Standard Webhooks 1.0.0): one signed POST within a time, and of the answer nothing but its status."""

import asyncio
import json
import ssl
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Final

import httpx2

from escrow.delivery.not_taken import NotTaken
from escrow.monitoring.steps import Step
from escrow.monitoring.subscribers import Subscriber
from qrpay.webhooks import sign

SECONDS: Final = 15
"""All that one delivery may take where nothing else is said, however slowly the receiver answers: far below the
outbox's lease."""

_TO_CONNECT: Final = 5


def client() -> httpx2.AsyncClient:
    """What speaks to receivers: it follows no redirect, and no proxy that the environment names."""
    timeout = httpx2.Timeout(SECONDS, connect=_TO_CONNECT)
    return httpx2.AsyncClient(follow_redirects=False, timeout=timeout, trust_env=False, verify=_authorities())


async def send(
    speaking: httpx2.AsyncClient, step: Step, to: Subscriber, *, at: datetime, seconds: int = SECONDS
) -> None:
    """Send a step to a subscriber within this time. Its webhook-id is the same at every repeat. Raises NotTaken."""
    body = json.dumps(step.event, ensure_ascii=False, separators=(",", ":")).encode()
    headers = sign(body, id=f"alert-step_{step.id}", at=at, key=to.key)
    headers |= {"content-type": "application/json", "user-agent": "tuition-escrow"}
    try:
        # The body of the answer is never read: it could be endless, and says nothing that counts.
        async with (
            asyncio.timeout(seconds),
            speaking.stream("POST", to.address, content=body, headers=headers) as answer,
        ):
            status = answer.status_code
    except TimeoutError:
        raise NotTaken(f"no answer within {seconds} seconds") from None
    except httpx2.HTTPError as error:
        raise NotTaken(f"{type(error).__name__}: {error}") from error
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise NotTaken(f"answered {status}")


@cache
def _authorities() -> ssl.SSLContext:
    """The certificate authorities that this machine trusts, a bureau's own among them."""
    return ssl.create_default_context()
