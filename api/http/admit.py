"""What happens to each request before its handler: its body is read, its caller is known, and not too frequent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import ClientError, web
from aiohttp.http_exceptions import HttpProcessingError

from .auth import Auth, is_open
from .limits import RateLimiter, network
from .problems import Handler, later, respond

BODY_TIMEOUT_S: Final = 5.0  # for a body of at most MAX_BODY_BYTES
CALLER: Final = web.RequestKey("caller", str)  # who it is; "" for whom no secret was asked
NO_SECRET: Final = (
    "no secret that this server knows: send `Authorization: Bearer …` with one of ROOMSCRIBE_HTTP_SECRET, or a "
    "checksum made with it (Roomscribe-Random has 32 to 255 characters, stands before the body, and is taken once), or "
    "AppAPI's headers with the secret of this app"
)


def admit(auth: Auth, limiter: RateLimiter, *, refused: Callable[[str], None]) -> Handler:
    """A middleware. `refused` is told why: "auth", "rate", "slow" or "body".

    Who shows a secret is counted by that secret; so strangers cannot use up what the chat server may ask.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            body = await _body(request)
        except web.HTTPException as error:
            refused("slow" if error.status == 408 else "body")
            raise
        caller = auth.caller(request.headers, body)
        wait_s = limiter.take(caller or f"from {network(request.remote or '')}", now=asyncio.get_running_loop().time())
        if wait_s > 0.0:
            refused("rate")
            return later(respond(429, "too many requests: ROOMSCRIBE_RATE_LIMIT is how many a second"), wait_s)
        if auth.required and not caller and not is_open(request.path):
            refused("auth")
            answer = respond(401, NO_SECRET)
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        request[CALLER] = caller
        return await handler(request)

    return check  # type: ignore[return-value]  # aiohttp's middleware takes two arguments


async def _body(request: web.Request) -> bytes:
    """Handlers may read it again: aiohttp keeps it."""
    if not request.body_exists:
        return b""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise web.HTTPUnsupportedMediaType(reason="Content-Encoding: bodies are taken as they are only")
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ClientError, HttpProcessingError, ConnectionError) as error:
        raise web.HTTPBadRequest(reason="the body is not what its headers say") from error
