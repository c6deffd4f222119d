"""How much of a request is read: more would be kept in memory or on disk before anybody looks at it."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOO_LARGE: Final = 413


class BodyLimit:
    """Stops reading a body at so many bytes, by its announced length or by what has come.

    The web framework's own limit answers in plain text and hides our refusal; this one lets it be a problem.
    """

    def __init__(self, app: ASGIApp, *, usual: int, larger: Mapping[str, int]) -> None:
        self._app = app
        self._usual = usual
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._larger.get(scope["path"], self._usual)
        announced = Headers(scope=scope).get("content-length", "")
        came = limit + 1 if _longer(announced, limit) else 0

        async def counted() -> Message:
            nonlocal came
            message = await receive() if came <= limit else {}
            came += len(message.get("body", b""))
            if came > limit:
                raise HTTPException(TOO_LARGE)
            return message

        await self._app(scope, counted, send)


def _longer(announced: str, limit: int) -> bool:
    """Whether a Content-Length is over the limit; the server has seen that it is a number."""
    return announced.isdecimal() and (len(announced) > len(str(limit)) or int(announced) > limit)
