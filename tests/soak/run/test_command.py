"""`roomscribe soak` as it is typed: what it refuses, and what it writes and ends with. Runs are told, not run."""

from __future__ import annotations

import json
import sys

import pytest
from typer.testing import CliRunner

from api.cli import build
from soak.run import command
from soak.run.journal import NAME, Journal, read
from soak.run.options import Attach, Options
from soak.run.result import BROKEN, PASSED, UNKNOWN, result
from soak.service.process import ServiceFailed
from soak.stack.namespace import NoNamespace
from soak.world.profile import CHURN, PROFILES
from tests.soak.report.test_page import Page
from tests.soak.verdict.runs import Run

ATTACHED = ("--url", "http://127.0.0.1:8080", "--signaling-port", "9000", "--internal-secret", "hunter2")


@pytest.fixture(autouse=True)
def calm(monkeypatch):
    """Logging stays that of the tests, and no secret of whoever runs them counts."""
    monkeypatch.setattr(command, "set_up_logging", lambda level: None)
    monkeypatch.setattr(command, "media_address", lambda: "")
    for name in ("ROOMSCRIBE_HTTP_SECRET", "ROOMSCRIBE_HPB_SECRET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def runs(monkeypatch):
    """A run that has ended, of each that is asked for: 30 rests, as they are wanted."""
    asked = []

    async def run(options, folder, environment, stop, *, story=None, attach=None, watch=None):
        asked.append((options, folder, story, attach))
        with Journal(folder) as journal:
            if story is None:
                journal.begin(options.as_json())
            for each in runs.samples:
                journal.sample(each)
            journal.tally(0, {"expected": 9, "received": 9, "marked": 0, "silent": runs.silent, "repeated": 0})
        return result(options, read(folder))

    monkeypatch.setattr(command, "run_soak", run)
    runs = type("Runs", (), {"asked": asked, "samples": Run(rests=30).samples(), "silent": 0})()
    for each in runs.samples:
        each.values.update({name: float(value) for name, value in each.values.items()})
    return runs


def soak(*arguments, monkeypatch=None):
    if monkeypatch is not None:
        monkeypatch.setattr(sys, "argv", ["/usr/bin/roomscribe", "soak", *arguments])
    return CliRunner().invoke(build(names=["soak"]), ["soak", *arguments])


# What it refuses


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--profile", "wek"), "--profile: 'wek' is not known; use one of smoke, week"),
        (("--churn", "wild"), "--churn: 'wild' is not known; use one of none, calm"),
        (("--faults", "socket_cut,flood"), "no fault 'flood'. Known are engine_killed"),
        (("--faults", "hpb_killed"), "hpb_killed needs the real signaling server"),
        (("--plant", "weed"), "--plant: 'weed' is not known; use one of peer, utterance, labels"),
        (("--recogniser", "oracle"), "--recogniser: 'oracle' is not known; use model or stand-in"),
        (("--rooms", "100", "--speakers", "200"), "--rooms, --speakers: 100 × 200 are too many"),
        (("--url", "http://127.0.0.1:1"), "--url: also give --signaling-port"),
        (ATTACHED[:4], "--internal-secret"),
        ((*ATTACHED, "--real"), "--url: does not go with --real"),
        ((*ATTACHED, "--plant", "peer"), "--url: does not go with --plant"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_option_s_name_before_anything_is_made(
    tmp_path, runs, arguments, reason
):
    told = soak("--out", str(tmp_path / "new"), *arguments)
    assert told.exit_code == 2
    assert reason in " ".join(told.stderr.split())
    assert not (tmp_path / "new").exists()
    assert not runs.asked


@pytest.mark.parametrize(
    "arguments", [("--hours", "-1"), ("--rooms", "many"), ("--talking", "2"), ("--weather", "fine")]
)
def test_what_is_no_such_number_or_option_is_refused(runs, arguments):
    told = soak(*arguments)
    assert (told.exit_code, not runs.asked) == (2, True)
    assert arguments[0] in told.stderr


def test_a_folder_that_is_there_is_not_written_into(tmp_path, runs):
    told = soak("--out", str(tmp_path))
    assert told.exit_code == 2
    assert "--out" in told.stderr
    assert "--resume" in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path, runs):
    (tmp_path / "file").touch()
    told = soak("--out", str(tmp_path / "file" / "new"))
    assert (told.exit_code, "--out" in told.stderr) == (2, True)


def test_a_folder_without_a_journal_cannot_be_resumed(tmp_path, runs):
    told = soak("--resume", str(tmp_path))
    assert told.exit_code == 2
    assert "--resume takes the folder of a run" in " ".join(told.stderr.split())


def test_a_journal_with_options_of_another_version_cannot_be_resumed(tmp_path, runs):
    with Journal(tmp_path) as journal:
        journal.begin({"profile": {"name": "smoke"}})
    told = soak("--resume", str(tmp_path))
    assert told.exit_code == 2
    assert NAME in "".join(told.stderr.split())
    assert "begin a new run" in " ".join(told.stderr.split())


@pytest.mark.parametrize(
    "raised",
    [
        ServiceFailed("the service ended at once: no model"),
        ExceptionGroup("together", [ExceptionGroup("inside", [ServiceFailed("the service ended at once: no model")])]),
    ],
)
def test_what_kept_it_from_running_is_told_without_a_traceback(tmp_path, monkeypatch, raised):
    async def run(*_, **__):
        raise raised

    monkeypatch.setattr(command, "run_soak", run)
    told = soak("--out", str(tmp_path / "new"))
    assert told.exit_code == 2
    assert "the soak cannot run: the service ended at once: no model" in " ".join(told.stderr.split())


def test_a_mistake_of_our_own_is_not_hidden(tmp_path, monkeypatch):
    async def run(*_, **__):
        raise ExceptionGroup("together", [ServiceFailed("gone"), KeyError("mistake")])

    monkeypatch.setattr(command, "run_soak", run)
    assert isinstance(soak("--out", str(tmp_path / "new")).exception, ExceptionGroup)


def test_without_a_namespace_there_is_no_real_stack_and_no_folder(tmp_path, monkeypatch, runs):
    def cannot(_):
        raise NoNamespace("no network namespace can be made here")

    monkeypatch.setattr(command, "run_inside", cannot)
    told = soak("--real", "--out", str(tmp_path / "new"))
    assert (told.exit_code, "no network namespace" in told.stderr) == (2, True)
    assert not (tmp_path / "new").exists(), "whoever becomes the same command in a namespace makes it"


# What it asks for


def test_without_options_it_is_the_smoke_with_the_stand_in(tmp_path, runs):
    soak("--out", str(tmp_path / "new"))
    [(options, folder, story, attach)] = runs.asked
    assert options.profile == PROFILES["smoke"]
    assert (options.seed, options.real_stack, options.plant) == (1, False, "")
    assert (folder, story, attach) == (tmp_path / "new", None, None)


def test_options_change_the_profile(tmp_path, runs):
    soak(
        *("--profile", "week", "--hours", "0.01", "--rooms", "2", "--speakers", "3", "--talking", "0.5"),
        *("--churn", "calm", "--faults", "gentle", "--recogniser", "model", "--seed", "7", "--plant", "peer"),
        *("--out", str(tmp_path / "new")),
    )
    [(options, *_)] = runs.asked
    profile = options.profile
    assert (profile.name, profile.rooms, profile.speakers, profile.talking) == ("week", 2, 3, 0.5)
    assert profile.seconds == profile.load_s == 36.0
    assert (profile.churn, profile.faults) == (CHURN["calm"], "gentle")
    assert (profile.stand_in, profile.short) == (False, False)
    assert (options.seed, options.plant) == (7, "peer")


def test_a_service_that_runs_already_is_attached_to(tmp_path, runs):
    soak(*ATTACHED, "--secret", "sesame", "--out", str(tmp_path / "new"))
    [(options, _, _, attach)] = runs.asked
    assert attach == Attach(
        url="http://127.0.0.1:8080", secret="sesame", signaling_port=9000, internal_secret="hunter2"
    )
    assert not options.profile.stand_in


def test_the_command_of_the_report_has_no_secret_in_it(tmp_path, runs, monkeypatch):
    soak(*ATTACHED, "--secret=sesame", "--out", str(tmp_path / "new"), monkeypatch=monkeypatch)
    [(options, *_)] = runs.asked
    assert options.command.startswith("roomscribe soak --url http://127.0.0.1:8080 ")
    assert "hunter2" not in options.command
    assert "sesame" not in options.command


def test_a_run_goes_on_as_it_began(tmp_path, runs):
    options = Options(profile=PROFILES["live"], command="roomscribe soak --profile live", seed=5)
    with Journal(tmp_path) as journal:
        journal.begin(options.as_json())
        journal.sample(runs.samples[0])
    soak("--resume", str(tmp_path))
    [(resumed, folder, story, _)] = runs.asked
    assert (resumed, folder) == (options, tmp_path)
    assert story.samples == runs.samples[:1]


def test_what_a_run_began_with_cannot_be_changed_when_it_goes_on(tmp_path, runs):
    told = soak("--resume", str(tmp_path), "--profile", "week", "--seed", "2")
    assert told.exit_code == 2
    assert "leave out --profile, --seed" in " ".join(told.stderr.split())


# What it ends with


def test_the_last_line_is_one_object_and_the_reports_are_in_the_folder(tmp_path, runs):
    told = soak("--json", "--out", str(tmp_path / "new"))
    assert told.exit_code == PASSED
    report = json.loads(told.stdout.splitlines()[-1])
    assert report["verdict"] == "flat"
    assert json.loads((tmp_path / "new" / "report.json").read_text()) == report
    assert report["reasons"][0] in Page((tmp_path / "new" / "report.html").read_text()).text


def test_people_are_told_the_verdict_the_promises_and_where_the_report_is(tmp_path, runs):
    runs.silent = 1
    told = soak("--out", str(tmp_path / "new"))
    text = " ".join(told.stderr.split())
    assert told.exit_code == BROKEN
    assert told.stdout == ""
    assert "flat: Resident memory" in text
    assert "BROKEN captions: 9 expected" in text
    assert "kept service: it did" in text
    assert "report.html" in "".join(told.stderr.split())


def test_a_run_that_cannot_tell_ends_with_a_status_of_its_own(tmp_path, runs):
    runs.samples = runs.samples[:9]
    assert soak("--out", str(tmp_path / "new")).exit_code == UNKNOWN
