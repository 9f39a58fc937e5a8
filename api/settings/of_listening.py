"""Rows of the table of settings: where the API listens. Alone, so that whoever only calls it need not load the rest."""

from __future__ import annotations

from typing import Final

from .aliases import Alias, harp_socket
from .kinds import ListenAddress, Whole
from .setting import Setting

LISTENING: Final = (
    Setting(
        name="HTTP_HOST",
        default="127.0.0.1",
        meaning="address the API listens on, or `unix:/path` of a socket; `0.0.0.0` is every IPv4 address",
        reason="until somebody decides otherwise, only programs on this machine can call",
        parse=ListenAddress(),
        aliases=(
            Alias(name="HP_SHARED_KEY", translate=harp_socket, app_api=True),
            Alias(name="APP_HOST", app_api=True),
        ),
    ),
    Setting(
        name="HTTP_PORT",
        default="23000",
        meaning="port the API listens on; 0: a free one",
        reason="the default is the one that Nextcloud's own captions app has; another if it is taken",
        parse=Whole(low=0, high=65535),
        aliases=(Alias(name="APP_PORT", app_api=True),),
    ),
)
