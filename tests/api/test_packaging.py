"""What is shipped: the wheel's files."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def package_data():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    setuptools = project["tool"]["setuptools"]
    return setuptools["packages"], setuptools["package-data"]


def named_by(patterns, packages):
    folders = [ROOT / package.replace(".", "/") for package in packages]
    return {file for folder in folders for pattern in patterns for file in folder.glob(pattern)}


def test_every_pattern_of_the_wheel_names_files_that_exist():
    packages, data = package_data()
    for package, patterns in data.items():
        assert package == "*" or package in packages
        for pattern in patterns:
            assert named_by([pattern], packages if package == "*" else [package]), f"{package}: {pattern}"


def test_the_wheel_holds_every_file_that_lies_beside_a_module():
    packages, data = package_data()
    held = set().union(*(named_by(names, packages if key == "*" else [key]) for key, names in data.items()))
    beside = {file for package in packages for file in (ROOT / package.replace(".", "/")).iterdir() if file.is_file()}
    assert not {file for file in beside - held if file.suffix != ".py"}
