"""Rows of the table of settings: what holds for each."""

from __future__ import annotations

from pathlib import Path

from api.settings import PREFIX
from api.settings_table import TABLE


def test_every_default_is_within_its_own_range():
    for setting in TABLE:
        if not setting.required:
            setting.parse(setting.default)


def test_every_setting_has_one_row_in_the_table():
    names = [setting.name for setting in TABLE]
    assert len(set(names)) == len(names)


def test_what_sounds_secret_is_one_and_may_lie_in_a_file():
    words = ("SECRET", "KEY", "TOKEN", "PASSWORD")
    assert all(setting.secret for setting in TABLE if any(word in setting.name for word in words))


def test_the_readme_has_every_setting():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert not [setting.name for setting in TABLE if f"`{PREFIX}{setting.name}`" not in readme]
