"""Who may call the API: whoever shows a secret that we share. Compared in constant time, never logged.

- `Authorization: Bearer SECRET`
- `Roomscribe-Random` (32 characters or more, new with each request) and `Roomscribe-Checksum`: the hexadecimal
  HMAC-SHA256, keyed with the secret, of the random followed by the body. So the secret itself does not travel. Who
  reads along can repeat a request once we have forgotten it, or been restarted: against that, only TLS helps.
- AppAPI's four headers, of which `AUTHORIZATION-APP-API` is base64("user:APP_SECRET"); the user may be empty.

Several secrets are good at once, so that they can be changed without a moment in which a caller is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final

#: Reachable without a secret: health for the orchestrator, the description of the API, and pages, which show nothing by
#: themselves.
OPEN_PATHS: Final = frozenset({"/", "/healthz", "/readyz", "/heartbeat", "/openapi.json", "/reference"})
OPEN_PREFIXES: Final = ("/pages/", "/demo/")
RANDOM: Final = "Roomscribe-Random"
CHECKSUM: Final = "Roomscribe-Checksum"
MIN_RANDOM: Final = 32  # characters
MAX_RANDOM: Final = 255
MAX_SEEN: Final = 10_000  # randoms of requests that were taken, and are not taken again; the oldest is forgotten


def is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)


class Auth:
    """`secrets` are for callers of every kind, `app_secret` is the one that AppAPI gave the app `app_id`."""

    def __init__(self, *, secrets: Iterable[str] = (), app_secret: str = "", app_id: str = "") -> None:
        self._secrets = tuple(_bytes(each) for each in secrets if each)
        self._app_secret = _bytes(app_secret)
        self._app_id = _bytes(app_id)
        self._seen: OrderedDict[bytes, None] = OrderedDict()  # ≤ MAX_SEEN

    @property
    def required(self) -> bool:
        """Without any secret, everybody who reaches us may call."""
        return bool(self._secrets or self._app_secret)

    def replace(self, secrets: Iterable[str]) -> bool:
        """From now on, these are good, and no others. False: nothing was changed, for everybody could call then."""
        found = tuple(_bytes(each) for each in secrets if each)
        if self.required and not found and not self._app_secret:
            return False
        self._secrets = found
        return True

    def caller(self, headers: Mapping[str, str], body: bytes) -> str:
        """Who shows a secret with this request: a name for each; empty: nobody."""
        return self._bearer(headers) or self._app_api(headers) or self._signed(headers, body)

    def _bearer(self, headers: Mapping[str, str]) -> str:
        scheme, _, shown = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return ""
        matching = [hmac.compare_digest(_bytes(shown.strip()), each) for each in self._secrets]  # all of them, always
        return f"secret {matching.index(True) + 1}" if any(matching) else ""

    def _app_api(self, headers: Mapping[str, str]) -> str:
        if not all(headers.get(each) for each in ("AA-VERSION", "EX-APP-ID", "EX-APP-VERSION")):
            return ""
        try:
            shown = base64.b64decode(headers.get("AUTHORIZATION-APP-API", ""), validate=True)
        except ValueError:  # not base64, or not even ASCII
            return ""
        _, colon, secret = shown.partition(b":")
        right = hmac.compare_digest(secret, self._app_secret)
        ours = hmac.compare_digest(_bytes(headers["EX-APP-ID"]), self._app_id)
        return "AppAPI" if self._app_secret and colon and right and ours else ""

    def _signed(self, headers: Mapping[str, str], body: bytes) -> str:
        random, shown = _bytes(headers.get(RANDOM, "")), _bytes(headers.get(CHECKSUM, "").lower())
        if not MIN_RANDOM <= len(random) <= MAX_RANDOM or not shown:
            return ""
        right = [hmac.new(each, random + body, hashlib.sha256).hexdigest().encode() for each in self._secrets]
        matching = [hmac.compare_digest(shown, each) for each in right]
        if not any(matching) or random in self._seen:
            return ""
        self._seen[random] = None
        if len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)
        return f"secret {matching.index(True) + 1}"


def _bytes(text: str) -> bytes:
    """As they came: aiohttp, like the environment, keeps bytes that are not UTF-8 as lone surrogates."""
    return text.encode("utf-8", "surrogateescape")
