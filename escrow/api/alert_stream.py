"""Alerts as server-sent events (HTML, 9.2): every step in the order of its commit, read from the books."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.concurrency import run_in_threadpool

from escrow.api.asking import Look, looking
from escrow.api.description import ALERTS, file, may_refuse
from escrow.api.shapes import BadCursor
from escrow.monitoring import steps

routes = APIRouter(tags=[ALERTS])

EVENTS: Final = "text/event-stream"

_LOOK_EVERY: Final = 1
"""Seconds between looks into the outbox while nothing happens."""

_SAY_SOMETHING: Final = 15
"""Seconds of silence after which a comment is sent, so that nobody between takes the connection for dead."""

_RECONNECT: Final = 2_000  # milliseconds
_AT_ONCE: Final = 100
_PLACE: Final = re.compile("([0-9]{1,18})-([0-9]{1,18})")


@routes.get(
    "/alerts/stream",
    response_class=StreamingResponse,
    responses=may_refuse(BadCursor) | file(EVENTS, "Events: id, event (alert.open …), data (JSON)"),
    summary="Alerts as they move 预警实时推送",
)
async def stream(
    look: Annotated[Look, Depends(looking("bureau", "auditor"))],
    last_event_id: Annotated[str | None, Header(max_length=40, description="Go on behind this event.")] = None,
    after: Annotated[
        str | None, Query(max_length=40, description="The same; 0-0 for everything from the start.")
    ] = None,
    seconds: Annotated[int, Query(ge=1, le=3600, description="How long the stream stays open.")] = 300,
) -> StreamingResponse:
    """Every step of every alert. Without a place to go on from: those that come from now on. The stream ends by itself
    after some time; who comes back with the id of the last event that arrived misses none and gets none twice."""
    given = last_event_id or after
    place = _place(given) if given else await run_in_threadpool(look, steps.newest)
    events = _events(look, place, seconds)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type=EVENTS, headers=headers)


async def _events(look: Look, place: tuple[int, int], seconds: int) -> AsyncIterator[bytes]:
    clock = asyncio.get_running_loop().time
    ends = clock() + seconds
    spoken = clock()
    yield f"retry: {_RECONNECT}\n\n".encode()
    while clock() < ends:
        at = place
        found = await run_in_threadpool(look, lambda db: steps.after(db, at, limit=_AT_ONCE))  # noqa: B023  called at once
        for each in found:
            place, spoken = _place(each.place), clock()
            data = json.dumps(each.event, ensure_ascii=False)
            yield format_sse_event(id=each.place, event=each.event["type"], data_str=data)
        if len(found) == _AT_ONCE:
            continue
        if clock() - spoken >= _SAY_SOMETHING:
            spoken = clock()
            yield format_sse_event(comment="still here")
        await asyncio.sleep(_LOOK_EVERY)


def _place(text: str) -> tuple[int, int]:
    found = _PLACE.fullmatch(text)
    if found is None:
        raise BadCursor
    return int(found[1]), int(found[2])
