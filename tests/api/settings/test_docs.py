"""The page about all settings says what the code says."""

from __future__ import annotations

from pathlib import Path

from api.settings.docs import page
from api.settings.table import GROUPS, TABLE

FILE = Path(__file__).parents[3] / "docs" / "settings.md"


def test_the_page_is_what_the_code_says():
    assert FILE.read_text(encoding="utf-8") == page(), "docs/settings.md is not what the code says: run `make docs`"


def test_the_page_has_every_group_setting_range_and_other_name():
    text = page()
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}

    assert [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")][:-1] == list(GROUPS)
    assert list(rows) == [setting.own for setting in TABLE]
    for setting in TABLE:
        assert f"| {setting.range} |" in rows[setting.own]
        assert all(f"`{alias.name}`" in rows[setting.own] for alias in setting.aliases)
        assert ("`…_FILE`" in rows[setting.own]) is setting.secret


def test_every_row_has_the_columns_of_its_table():
    assert {line.count("|") for line in page().splitlines() if line.startswith("|")} == {6}


def test_the_pages_that_it_leads_to_exist():
    for line in page().splitlines():
        for link in line.split("](")[1:]:
            assert (FILE.parent / link.partition(")")[0]).is_file()
