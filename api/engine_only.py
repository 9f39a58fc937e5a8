"""Settings for commands that join no room: of all settings, only those of recognition matter to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .settings.load import Settings, load

#: Fixed, so that neither a missing setting of the service nor a wrong one, nor a secret file that only the service may
#: read, is in the way.
NO_ROOM: Final = {
    "ROOMSCRIBE_HPB_URL": "ws://127.0.0.1:9",
    "ROOMSCRIBE_HPB_SECRET": "unused",
    "ROOMSCRIBE_HPB_SECRET_FILE": "",
    "ROOMSCRIBE_NEXTCLOUD_URL": "http://127.0.0.1:9",
    "ROOMSCRIBE_HTTP_HOST": "127.0.0.1",
    "ROOMSCRIBE_HTTP_PORT": "0",
    "ROOMSCRIBE_HTTP_SECRET": "",
    "ROOMSCRIBE_HTTP_SECRET_FILE": "",
    "ROOMSCRIBE_APP_SECRET": "",
    "ROOMSCRIBE_APP_SECRET_FILE": "",
    "ROOMSCRIBE_ICE_ADDRESSES": "auto",
}


def load_engine_only(*, model: str = "") -> Settings:
    """The settings, without a room. `model`, if it is given, decodes, on this machine, instead of ROOMSCRIBE_MODEL or a
    recognition server. Raises `SettingsError`.
    """
    settings = load(fixed=NO_ROOM)
    if not model:
        return settings
    engine = replace(settings.engine, model=replace(settings.engine.model, model=model), remote=None)
    return replace(settings, engine=engine)
