"""All faults by name, and the profiles that choose among them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from soak.world.network import Conditions

from . import strikes
from .fault import Fault, Limits

RECOVERY_S: Final = 5.0  # to the next caption, once nothing stands in its way
MEDIA_RECOVERY_S: Final = 30.0  # Janus gone is noticed after 10 s without a packet, and HPB has its own pauses
HOUR_S: Final = 3600.0
HPB_DOWN_S: Final = 3.0
BLACKOUT_S: Final = 2.0
BAD_NETWORK_S: Final = 30.0
#: The longest that a hang may go unseen: the watchdog gives slow models more than 20 s, and needs a decode to watch.
HANG_S: Final = 75.0
STOPPED_S: Final = 20.0
SUFFER_S: Final = 120.0  # in profile `chaos`, the others have some ninety captions in this time
OTHERS_SLOWER: Final = 1.2  # times

_UP_AGAIN: Final = Limits(recovery_s=RECOVERY_S, since="return", marked=0)
_MEDIA_UP_AGAIN: Final = Limits(recovery_s=MEDIA_RECOVERY_S, since="return")

_ALL: Final = (
    Fault(
        name="engine_killed",
        promise="The recogniser dies: the next caption comes within 5 s, and no final whose audio was held is lost.",
        limits=Limits(recovery_s=RECOVERY_S, since="strike", marked=0, restarts=1),
        act=strikes.kill_engine,
    ),
    Fault(
        name="engine_hangs",
        promise="The recogniser hangs: the watchdog ends it, captions go on within 5 s of that, and none is lost.",
        limits=Limits(recovery_s=RECOVERY_S, marked=0, restarts=1),
        act=strikes.hang_engine,
        lasts_s=HANG_S,
        least_s=HANG_S,
    ),
    Fault(
        name="hpb_restarted",
        promise="The signaling server is restarted: captions are back within 5 s of its return, and none is lost.",
        limits=_UP_AGAIN,
        act=strikes.restart_hpb(kill=False),
        needs_real_stack=True,
    ),
    Fault(
        name="hpb_killed",
        promise="The signaling server dies, for 3 s: captions are back within 5 s of its return, and none is lost.",
        limits=_UP_AGAIN,
        act=strikes.restart_hpb(kill=True, down_s=HPB_DOWN_S),
        needs_real_stack=True,
    ),
    Fault(
        name="janus_restarted",
        promise="The media server is restarted: captions are back within 30 s of its return.",
        limits=_MEDIA_UP_AGAIN,
        act=strikes.restart_janus(kill=False),
        needs_real_stack=True,
    ),
    Fault(
        name="janus_killed",
        promise="The media server dies: captions are back within 30 s of its return.",
        limits=_MEDIA_UP_AGAIN,
        act=strikes.restart_janus(kill=True),
        needs_real_stack=True,
    ),
    Fault(
        name="socket_cut",
        promise="The signaling connections are reset: captions go on within 5 s, none is lost and none comes twice.",
        limits=Limits(recovery_s=RECOVERY_S, marked=0),
        act=strikes.cut_sockets,
    ),
    Fault(
        name="loss_5",
        promise="5 % of all packets are lost: no caption is.",
        limits=Limits(marked=0),
        act=strikes.network(Conditions(loss=0.05)),
        lasts_s=BAD_NETWORK_S,
    ),
    Fault(
        name="loss_20",
        promise="20 % of all packets are lost: no caption is.",
        limits=Limits(marked=0),
        act=strikes.network(Conditions(loss=0.2)),
        lasts_s=BAD_NETWORK_S,
    ),
    Fault(
        name="jitter_300ms",
        promise="Packets are late by up to 300 ms, and out of order: no caption is lost without a mark.",
        limits=Limits(),
        act=strikes.network(Conditions(jitter_s=0.3)),
        lasts_s=BAD_NETWORK_S,
    ),
    Fault(
        name="blackout_2s",
        promise="Nothing comes through for 2 s: captions go on within 5 s.",
        limits=Limits(recovery_s=RECOVERY_S),
        act=strikes.network(Conditions(blackout=True)),
        lasts_s=BLACKOUT_S,
        least_s=BLACKOUT_S,
    ),
    Fault(
        name="service_stopped",
        promise="The service stands still, as on a suspended machine: afterwards captions go on within 5 s.",
        limits=Limits(recovery_s=RECOVERY_S),
        act=strikes.stop_service,
        lasts_s=STOPPED_S,
    ),
    Fault(
        name="files_limited",
        promise="The service may open no more files: whoever is heard stays heard.",
        limits=Limits(marked=0),
        act=strikes.limit_files,
        lasts_s=15.0,
    ),
    Fault(
        name="disk_full",
        promise="No file may grow, the log included: captions do not mind.",
        limits=Limits(marked=0),
        act=strikes.fill_disk,
        lasts_s=15.0,
    ),
    Fault(
        name="clock_forward",
        promise="The wall clock jumps an hour ahead, and back: captions do not mind.",
        limits=Limits(marked=0),
        act=strikes.clock(HOUR_S),
        lasts_s=15.0,
    ),
    Fault(
        name="clock_back",
        promise="The wall clock jumps an hour back, and ahead again: captions do not mind.",
        limits=Limits(marked=0),
        act=strikes.clock(-HOUR_S),
        lasts_s=15.0,
    ),
    Fault(
        name="one_room_suffers",
        promise="One room's network and people do their worst: no other room's captions get slower by more than 20 %.",
        limits=Limits(others_slower=OTHERS_SLOWER),
        act=strikes.suffer,
        lasts_s=SUFFER_S,
        calm_s=SUFFER_S,
    ),
)

FAULTS: Final[Mapping[str, Fault]] = MappingProxyType({each.name: each for each in _ALL})
NONE: Final = "none"
EVERYTHING: Final = "all"
PROFILES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({NONE: (), "gentle": ("socket_cut", "loss_5")})


class NoSuchFault(ValueError):
    """The message names those that there are."""

    component = "soak.faults"


def chosen(profile: str, *, real_stack: bool) -> tuple[Fault, ...]:
    """The faults of "none", "gentle", "all" (that can be had), or of a list of names with commas between them.

    Raises `NoSuchFault`, also for a name that needs the real signaling server where there is none.
    """
    if profile in PROFILES:
        return tuple(FAULTS[name] for name in PROFILES[profile])
    if profile == EVERYTHING:
        return tuple(fault for fault in _ALL if real_stack or not fault.needs_real_stack)
    names = list(dict.fromkeys(filter(None, (each.strip() for each in profile.split(",")))))
    known = f"Known are {', '.join(FAULTS)}; or one of {', '.join([*PROFILES, EVERYTHING])} alone"
    if not names:
        raise NoSuchFault(f"no fault is named. {known}")
    for name in names:
        if name not in FAULTS:
            raise NoSuchFault(f"there is no fault {name!r}. {known}")
        if FAULTS[name].needs_real_stack and not real_stack:
            raise NoSuchFault(f"{name} needs the real signaling server (HPB and Janus); the embedded one has none")
    return tuple(FAULTS[name] for name in names)
