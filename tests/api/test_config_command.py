"""`roomscribe config`, as an operator meets it."""

from __future__ import annotations

import json
import os

import pytest
from typer.testing import CliRunner

from api.config_command import config
from api.settings.docs import page
from api.settings.table import TABLE

GOOD = {
    "ROOMSCRIBE_HPB_URL": "https://ada:hunter2@cloud.example.org/hpb",
    "ROOMSCRIBE_HPB_SECRET": "s3cret",
    "ROOMSCRIBE_NEXTCLOUD_URL": "https://cloud.example.org",
}


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """No setting of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(("ROOMSCRIBE_", "LT_", "APP_")):
            monkeypatch.delenv(name)


def run(*arguments, **environment):
    return CliRunner().invoke(config, arguments, env=environment)


def row(result, name):
    (line,) = [line for line in result.stdout.splitlines() if line.split()[0] == name]
    return line.split(maxsplit=1)[1]


def test_what_is_set_is_shown_with_where_it_comes_from(tmp_path):
    file = tmp_path / "key"
    file.write_text("sk-hunter2")
    more = {"ROOMSCRIBE_ASR_API_KEY_FILE": str(file), "LT_MAX_WORKERS": "3", "ROOMSCRIBE_MODEL": "base"}

    result = run("show", **GOOD, **more)

    assert result.exit_code == 0
    assert row(result, "ROOMSCRIBE_MODEL").split() == ["base", "ROOMSCRIBE_MODEL"]
    assert row(result, "ROOMSCRIBE_WORKERS").split() == ["3", "LT_MAX_WORKERS"]
    assert row(result, "ROOMSCRIBE_THREADS").split() == ["1", "default"]
    assert row(result, "ROOMSCRIBE_CACHE_DIR").split() == ["–", "default"]
    assert row(result, "ROOMSCRIBE_ASR_API_KEY").endswith(f"the file {file} (ROOMSCRIBE_ASR_API_KEY_FILE)")
    assert len(result.stdout.splitlines()) == len(TABLE)


@pytest.mark.parametrize("arguments", [("show",), ("show", "--json"), ("check",), ("check", "--json")])
def test_no_secret_is_shown_not_even_a_wrong_one(arguments):
    secrets = {f"ROOMSCRIBE_{name}": "hunter2" for name in ("HPB_SECRET", "HTTP_SECRET", "APP_SECRET")}
    wrong = {"ROOMSCRIBE_ASR_API_KEY": "hunter2 ü", "ROOMSCRIBE_ASR_URL": "http://box?key=hunter2"}
    tunnel = {"APP_ID": "x", "APP_SECRET": "hunter2", "HP_SHARED_KEY": "hunter2", "LT_INTERNAL_SECRET": "hunter2"}

    result = run(*arguments, **{**GOOD, **secrets, **wrong, **tunnel, "ROOMSCRIBE_HPB_SECERT": "hunter2"})

    assert "hunter2" not in result.output
    assert "ROOMSCRIBE_ASR_API_KEY" in result.output
    assert "ROOMSCRIBE_HPB_SECERT is no setting" in result.output


def test_what_is_missing_or_wrong_is_shown_in_its_place_and_explained_beneath():
    result = run("show", ROOMSCRIBE_WORKERS="many")

    assert row(result, "ROOMSCRIBE_HPB_URL").split(maxsplit=1) == ["–", "not set"]
    assert row(result, "ROOMSCRIBE_WORKERS").startswith("(wrong: see below)")
    assert "wrong: ROOMSCRIBE_WORKERS: expected a whole number from 0 to 64 (decodes), got 'many'" in result.stderr


def test_for_programs_every_setting_is_an_object_with_all_that_is_known_of_it():
    told = json.loads(run("show", "--json", **GOOD).stdout)

    assert [each["name"] for each in told["settings"]] == [setting.own for setting in TABLE]
    entries = {each["name"]: each for each in told["settings"]}
    assert entries["ROOMSCRIBE_DRAIN_TIMEOUT_S"] == {
        "name": "ROOMSCRIBE_DRAIN_TIMEOUT_S",
        "value": "10",
        "source": "default",
        "default": "10",
        "unit": "seconds",
        "range": "a number from 0 to 60 (seconds)",
        "required": False,
        "secret": False,
        "problem": "",
    }
    secret = entries["ROOMSCRIBE_HPB_SECRET"]
    assert (secret["value"], secret["source"]) == (None, "ROOMSCRIBE_HPB_SECRET")
    assert entries["ROOMSCRIBE_HTTP_SECRET"]["value"] == ""
    assert (told["problems"], told["warnings"]) == ([], [])


def test_good_settings_are_called_good():
    result = run("check", **GOOD)

    assert (result.exit_code, result.output) == (0, "the settings are good\n")
    assert json.loads(run("check", "--json", **GOOD).stdout) == {"status": "ok", "problems": [], "warnings": []}


def test_everything_wrong_is_listed_at_once_and_the_exit_status_says_so():
    environment = {"ROOMSCRIBE_HPB_SECERT": "hush", "ROOMSCRIBE_WORKERS": "many", "ROOMSCRIBE_HTTP_HOST": "a b"}

    result = run("check", **environment)
    told = json.loads(run("check", "--json", **environment).stdout)

    assert result.exit_code == 2
    assert "settings that are wrong: 5" in result.stdout
    assert told["status"] == "fail"
    assert [each.split()[0].rstrip(":") for each in told["problems"]] == [
        *GOOD,
        "ROOMSCRIBE_HTTP_HOST",
        "ROOMSCRIBE_WORKERS",
    ]
    assert all(each in result.stderr for each in [*told["problems"], *told["warnings"]])


def test_what_is_wrong_with_several_settings_together_is_found_too():
    result = run("check", **GOOD, ROOMSCRIBE_HTTP_HOST="0.0.0.0")

    assert result.exit_code == 2
    assert "ROOMSCRIBE_HTTP_SECRET is required because ROOMSCRIBE_HTTP_HOST=0.0.0.0" in result.stderr


def test_a_misspelt_name_alone_is_a_warning():
    result = run("check", **GOOD, ROOMSCRIBE_MODLE="base")
    told = json.loads(run("check", "--json", **GOOD, ROOMSCRIBE_MODLE="base").stdout)

    assert result.exit_code == 0
    assert "warning: ROOMSCRIBE_MODLE is no setting" in result.stderr
    assert told["status"] == "warn"


def test_the_page_about_all_settings_is_printed_as_it_is_in_the_docs():
    assert run("docs").stdout == page()
