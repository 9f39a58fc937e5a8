"""`roomscribe soak`: does it stay flat, and do captions survive? Ends with a status that a machine can read."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from api import environment
from api.logs.setup import set_up_logging
from api.terminal import fail, until_signalled
from soak.clip import BadManifest
from soak.crew import first_of
from soak.faults.catalogue import NoSuchFault, chosen
from soak.report.page import page
from soak.service.plant import PLANTS
from soak.service.process import ServiceFailed
from soak.stack import Missing, StackFailed
from soak.stack.namespace import NoNamespace, media_address, run_inside
from soak.world.mouth import MAX_MOUTHS
from soak.world.place import HOST, PortTaken
from soak.world.profile import Goal, Profile, UnknownProfile, find, find_churn

from .journal import NAME as JOURNAL
from .journal import BadJournal, Story, read
from .options import Attach, Options
from .progress import Progress
from .result import PASSED
from .runner import soak as run_soak
from .stage import NotReady

HOUR_S: Final = 3600.0
REPORT_JSON: Final = "report.json"
REPORT_HTML: Final = "report.html"
KNOWN: Final = (ServiceFailed, NotReady, StackFailed, Missing, NoNamespace, BadManifest, BadJournal, PortTaken)
#: What may be said anew when a run goes on. Everything else is as it began.
ANEW: Final = frozenset({"resume", "url", "secret", "signaling_port", "internal_secret", "as_json"})
SECRETS: Final = frozenset({"--secret", "--internal-secret"})
HIDDEN: Final = "…"
GIVEN: Final = "COMMANDLINE"  # the source of an option, as the parser names it


def soak(
    context: typer.Context,
    profile: Annotated[str, typer.Option(help="smoke, week, overload, chaos or live.")] = "smoke",
    hours: Annotated[float, typer.Option(min=0, max=1000, help="How long; 0: as the profile says.")] = 0.0,
    rooms: Annotated[int, typer.Option(min=0, max=100, help="Rooms at a time; 0: as the profile says.")] = 0,
    speakers: Annotated[int, typer.Option(min=0, max=200, help="Speakers in each; 0: as the profile says.")] = 0,
    talking: Annotated[float, typer.Option(min=0, max=1, help="Share of them that talk; 0: as the profile says.")] = 0,
    churn: Annotated[str, typer.Option(help="none, calm, lively or fast: how people come and go.")] = "",
    faults: Annotated[str, typer.Option(help="none, gentle, all, or names with commas between them.")] = "",
    real: Annotated[bool, typer.Option("--real", help="On the real HPB and Janus, in a network namespace.")] = False,
    recogniser: Annotated[str, typer.Option(help="model or stand-in; empty: as the profile says.")] = "",
    heap: Annotated[bool | None, typer.Option("--heap/--no-heap", help="Trace Python's heap; it takes memory.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is left to chance.")] = 1,
    out: Annotated[Path | None, typer.Option(help="A new folder for journal, log and report.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    url: Annotated[str, typer.Option(help="A roomscribe that runs already, instead of one of our own.")] = "",
    secret: Annotated[str, typer.Option(envvar="ROOMSCRIBE_HTTP_SECRET", help="With --url: its HTTP secret.")] = "",
    signaling_port: Annotated[
        int, typer.Option(min=0, max=65535, help="With --url: the port where it expects the signaling server.")
    ] = 0,
    internal_secret: Annotated[
        str, typer.Option(envvar="ROOMSCRIBE_HPB_SECRET", help="With --url: the HPB secret that it was given.")
    ] = "",
    plant: Annotated[str, typer.Option(hidden=True)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on the last line.")] = False,
) -> None:
    """Rooms full of synthetic people, for minutes or for days; then a verdict: flat, leak, or unknown.

    Ends with 0: flat, and all promises kept; 1: a leak, or a broken promise; 2: it could not run; 3: it cannot be told.
    """
    set_up_logging("ERROR")
    console = Console(stderr=True, highlight=False, markup=False)
    try:
        if plant and plant not in PLANTS:
            fail(f"--plant: {plant!r} is not known; use one of {', '.join(PLANTS)}")
        story = None
        if resume is not None:
            _check_resumed(context)
            story = read(resume)
            options = _as_before(story, resume)
            if options.attached != bool(url):
                fail(f"--resume: that run was {'' if options.attached else 'not '}one with --url; so must this one be")
        else:
            shaped = _shaped(find(profile), hours, rooms, speakers, talking, churn, faults, recogniser, heap, real)
            if url:
                _check_attached(real, plant)
                if not recogniser:  # its recogniser is the model, whatever the profile would have taken
                    shaped = replace(shaped, stand_in=False, short=False)
            options = Options(
                profile=shaped,
                command=_command(sys.argv[1:]),
                seed=seed,
                real_stack=real,
                plant=plant,
                attached=bool(url),
            )
        attach = _attach(url, secret, signaling_port, internal_secret)
        if options.real_stack and not media_address():
            run_inside([sys.executable, *sys.argv])
        folder = resume if resume is not None else _new_folder(out, profile)  # last: it is made once
        report = asyncio.run(_run(options, folder, console, story, attach))
    except (UnknownProfile, NoSuchFault, *KNOWN) as error:
        fail(f"the soak cannot run: {error}")
    except ExceptionGroup as group:
        known, unknown = group.split(KNOWN)
        if unknown is not None or known is None:
            raise
        fail(f"the soak cannot run: {first_of(known)}")
    console.print(f"{report['verdict']}: {' '.join(report['reasons'])}")
    for each in report["promises"]:
        sign = {True: "kept", False: "BROKEN", None: "cannot tell"}[each["kept"]]
        console.print(f"{sign:>11}  {each['fault']}: {each['measured']}")
    console.print(f"The report is in {folder / REPORT_HTML}")
    if as_json:
        sys.stdout.write(json.dumps(report) + "\n")
    if report["status"] != PASSED:
        raise typer.Exit(report["status"])


async def _run(
    options: Options, folder: Path, console: Console, story: Story | None, attach: Attach | None
) -> dict[str, Any]:
    with until_signalled() as stop, Progress(options.profile, console) as progress:
        report = await run_soak(options, folder, environment(), stop, story=story, attach=attach, watch=progress)
    told = read(folder)
    (folder / REPORT_JSON).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (folder / REPORT_HTML).write_text(page(report, told.samples, told.bands), encoding="utf-8")
    return report


def _shaped(
    profile: Profile,
    hours: float,
    rooms: int,
    speakers: int,
    talking: float,
    churn: str,
    faults: str,
    recogniser: str,
    heap: bool | None,
    real: bool,
) -> Profile:
    """The profile, with what was asked for otherwise. Raises `UnknownProfile`, `NoSuchFault`."""
    if hours:
        goal = profile.goal if hours * HOUR_S >= profile.seconds else Goal()  # in less time, less gets done
        profile = replace(profile, seconds=hours * HOUR_S, load_s=min(profile.load_s, hours * HOUR_S), goal=goal)
    if rooms or speakers or talking:
        profile = replace(
            profile,
            rooms=rooms or profile.rooms,
            speakers=speakers or profile.speakers,
            talking=talking or profile.talking,
        )
    if profile.rooms * profile.speakers > MAX_MOUTHS:
        fail(f"--rooms, --speakers: {profile.rooms} × {profile.speakers} are too many; at most {MAX_MOUTHS} can speak")
    if heap is not None:
        profile = replace(profile, trace_heap=heap)
    if churn:
        profile = replace(profile, churn=find_churn(churn))
    if faults:
        profile = replace(profile, faults=faults)
    if recogniser:
        if recogniser not in ("model", "stand-in"):
            fail(f"--recogniser: {recogniser!r} is not known; use model or stand-in")
        profile = replace(profile, stand_in=recogniser == "stand-in", short=recogniser == "stand-in")
    chosen(profile.faults, real_stack=real)
    return profile


def _as_before(story: Story, folder: Path) -> Options:
    try:
        return Options.read(story.options)
    except (KeyError, TypeError) as error:
        raise BadJournal(f"{folder / JOURNAL}: has options of another version ({error}); begin a new run") from error


def _new_folder(out: Path | None, profile: str) -> Path:
    folder = out or Path(f"soak-{profile}-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        fail(f"--out: {folder} is there already; name a new folder, or go on with --resume {folder}")
    except OSError as error:
        fail(f"--out: {folder} cannot be made ({error.strerror})")
    return folder


def _attach(url: str, secret: str, signaling_port: int, internal_secret: str) -> Attach | None:
    if not url:
        return None
    if not signaling_port or not internal_secret:
        there = f"http://{HOST}:{signaling_port or 'PORT'}"
        fail(
            "--url: also give --signaling-port PORT and --internal-secret SECRET, and start that roomscribe with "
            f"ROOMSCRIBE_HPB_URL={there} ROOMSCRIBE_NEXTCLOUD_URL={there} ROOMSCRIBE_HPB_SECRET=SECRET "
            f"ROOMSCRIBE_ICE_ADDRESSES={HOST} ROOMSCRIBE_LEAVE_AFTER_S=1 ROOMSCRIBE_RATE_LIMIT=10000"
        )
    return Attach(url=url, secret=secret, signaling_port=signaling_port, internal_secret=internal_secret)


def _check_resumed(context: typer.Context) -> None:
    given = []
    for each in context.command.params:
        source = context.get_parameter_source(each.name or "")
        if each.name not in ANEW and source is not None and source.name == GIVEN:
            given.append(each.opts[0])
    if given:
        fail(f"--resume: the run goes on as it began; leave out {', '.join(given)}")


def _check_attached(real: bool, plant: str) -> None:
    if real:
        fail("--url: does not go with --real: HPB and Janus would be in a network of their own")
    if plant:
        fail("--url: does not go with --plant: a leak can only be put into a service that we start")


def _command(arguments: Sequence[str]) -> str:
    """As it was given, for the report: which is shown to people, so without secrets."""
    shown = ["roomscribe"]
    for each in arguments:
        name, is_one, _ = each.partition("=")
        if shown[-1] in SECRETS:
            shown.append(HIDDEN)
        else:
            shown.append(f"{name}={HIDDEN}" if is_one and name in SECRETS else each)
    return shlex.join(shown)
