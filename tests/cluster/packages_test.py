"""The package index becomes one record per package, and nothing is lost on the way."""

import json

from cluster import packages

INDEX = ["Package: a\n", "Version: 1\n", "\n", "Package: b\n", "Description: ü\n", " more\n", "\n"]


def test_every_stanza_is_a_record_under_its_packages_name():
    assert list(packages.parse(INDEX)) == [("a", "Package: a\nVersion: 1\n"),
                                           ("b", "Package: b\nDescription: ü\n more\n")]


def test_the_last_stanza_needs_no_empty_line_behind_it():
    assert list(packages.parse(INDEX[:-1])) == list(packages.parse(INDEX))


def test_extra_empty_lines_make_no_records():
    assert not list(packages.parse(["\n", "\n"]))


def test_rows_survive_json_lines(tmp_path):
    rows = {"a": 'line "1"\nline 2\n', "b": "ü\t\u2028"}
    packages.write_as_json_lines(rows, tmp_path / "rows")
    with open(tmp_path / "rows", encoding="utf-8") as lines:
        read = [json.loads(line) for line in lines]
    assert {row["key"]: row["value"] for row in read} == rows
