"""Rows of the table of settings: what holds for each."""

from __future__ import annotations

import re
from pathlib import Path

from api.settings.kinds import Number, Whole
from api.settings.setting import PREFIX
from api.settings.table import GROUPS, TABLE

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def test_every_default_is_within_its_own_range():
    for setting in TABLE:
        if not setting.required:
            setting.parse(setting.default)


def test_every_setting_has_one_row_in_the_table():
    names = [setting.name for setting in TABLE]
    assert len(set(names)) == len(names)
    assert sum(map(len, GROUPS.values())) == len(names)


def test_every_setting_says_what_it_is_why_one_would_change_it_and_what_it_may_be():
    for setting in TABLE:
        assert setting.meaning
        assert setting.reason
        assert setting.range
        assert setting.group in GROUPS
        assert not setting.meaning.endswith(".")
        assert not setting.reason.endswith(".")


def test_every_number_has_a_unit_and_seconds_are_in_the_name():
    for setting in TABLE:
        if isinstance(setting.parse, Number) and setting.name != "HTTP_PORT":
            assert setting.unit
            assert f"({setting.unit})" in setting.range
        if setting.name.endswith("_S"):
            assert setting.unit == "seconds"


def test_the_range_of_a_number_is_what_is_taken():
    for setting in TABLE:
        if isinstance(setting.parse, Whole):
            low, high = re.search(r"from (\d+) to (\d+)", setting.range).groups()
            assert [setting.parse(low), setting.parse(high)] == [int(low), int(high)]


def test_what_sounds_secret_is_one_and_may_lie_in_a_file():
    words = ("SECRET", "KEY", "TOKEN", "PASSWORD")
    for setting in TABLE:
        assert setting.secret == any(word in setting.name for word in words)
        assert setting.secret == (setting.parse.shown("hunter2") == "(not shown)")


def test_no_other_name_stands_for_two_settings():
    names = [alias.name for setting in TABLE for alias in setting.aliases]
    assert len(set(names)) == len(names)
    assert not [name for name in names if name.startswith(PREFIX)]


def test_the_readme_has_what_is_required_and_only_settings_that_there_are():
    known = {setting.own for setting in TABLE}
    known |= {f"{setting.own}_FILE" for setting in TABLE if setting.secret}
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", README))

    assert named <= known
    assert not [setting.own for setting in TABLE if setting.required and f"`{setting.own}`" not in README]


def test_the_readmes_defaults_are_those_of_the_table():
    rows = dict(re.findall(rf"^\| `{PREFIX}([A-Z_]+)` \| `?([^`|]+?)`? \|", README, re.MULTILINE))

    assert rows
    for setting in TABLE:
        if setting.name in rows:
            assert rows[setting.name] == ("required" if setting.required else setting.default or "–")
