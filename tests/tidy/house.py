"""Things that belong together: sources and CMake, headers and guards, documents and commands."""

import re

from check import Check

PROJECT_FOLDERS = {"base", "raft", "storage", "sharding", "kv", "node", "server", "client", "bench",
                   "tests"}
SHELL_BLOCK = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CPP_BLOCK = re.compile(r"^```(?:cpp|c\+\+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"\bmake +([\w-]+)|(?<![\w/.])(scripts/[\w-]+)")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def nearest_cmake(tree, path):
    """The CMakeLists.txt in charge of a file, and the file's path as it is written there."""
    parts = path.split("/")
    for depth in range(len(parts) - 1, 0, -1):
        cmake = tree.by_path.get("/".join(parts[:depth] + ["CMakeLists.txt"]))
        if cmake:
            return cmake, "/".join(parts[depth:])
    return None, path


def find_unlisted_sources(tree):
    for file in tree.in_folders(*PROJECT_FOLDERS):
        cmake, name = nearest_cmake(tree, file.path)
        if cmake is None:
            yield file.finding(1, "no CMakeLists.txt above it builds it")
        elif not re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w./-])", cmake.text):
            yield file.finding(1, f"{cmake.path} does not list it")


def find_wrong_guards(tree):
    for file in tree.cpp:
        guard = "FLOTILLA_" + re.sub(r"\W", "_", file.path).upper() + "_"
        wanted = f"#ifndef {guard}\n#define {guard}\n"
        if file.is_header and "#pragma once" not in file.text and wanted not in file.text:
            yield file.finding(1, f"the include guard is {guard}")


def find_missing_file_comments(tree):
    for file in tree.cpp:
        if file.is_header and file.folder != "tests" and not file.text.startswith("//"):
            yield file.finding(1, "a header begins with what it is for")


def find_broken_documents(tree):
    """Links that lead nowhere, and commands in shell blocks that do not exist."""
    makefile = tree.by_path.get("Makefile")
    targets = set(re.findall(r"[\w-]+", makefile.text)) if makefile else set()
    folders = {path.rsplit("/", depth)[0] for path in tree.by_path for depth in range(1, 6)}
    for file in tree.files:
        if not file.path.endswith(".md"):
            continue
        for match in LINK.finditer(file.text):
            if "://" not in match.group(1) and not resolves(tree, folders, file, match.group(1)):
                yield file.finding(file.line_of(match.start()), f"no such file: {match.group(1)}")
        for block in SHELL_BLOCK.finditer(file.text):
            for match in COMMAND.finditer(block.group(1)):
                target, script = match.groups()
                if target and target not in targets or script and script not in tree.by_path:
                    line = file.line_of(block.start(1) + match.start())
                    yield file.finding(line, f"no such command: {match.group(0)}")


def resolves(tree, folders, file, link):
    parts = file.path.split("/")[:-1]
    for part in link.rstrip("/").split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    path = "/".join(parts)
    return path in tree.by_path or path in folders


def find_uncompiled_examples(tree):
    """C++ in documents is quoted from sources that are compiled, or it is wrong some day."""
    sources = [file.text for file in tree.cpp if not file.is_header]
    for file in tree.files:
        for block in CPP_BLOCK.finditer(file.text) if file.path.endswith(".md") else ():
            if not any(block.group(1) in text for text in sources):
                yield file.finding(file.line_of(block.start()), "no source contains this example")


def find_careless_scripts(tree):
    for file in tree.files:
        if re.match(r"#!.*\bbash\b", file.text) and "set -euo pipefail" not in file.text:
            yield file.finding(1, "a script stops at the first error: set -euo pipefail")


_MAKEFILE = {"Makefile": "targets := demo test\n"}

CHECKS = [
    Check(
        "every source is listed in CMake",
        find_unlisted_sources,
        bad=[
            {"raft/a.cc": "", "raft/CMakeLists.txt": "flotilla_library(raft ba.cc a.cc.in)\n"},
            {"raft/a.h": ""},
        ],
        good=[
            {"raft/a.cc": "", "raft/CMakeLists.txt": "flotilla_library(raft SOURCES\n  a.cc)\n"},
            {"tests/kv/a.cc": "", "tests/CMakeLists.txt": "add(kv/a.cc)\n"},
        ],
    ),
    Check(
        "include guards follow the path",
        find_wrong_guards,
        bad=[{"raft/a.h": "#ifndef A_H\n#define A_H\n"}, {"raft/a.h": ""}],
        good=[{"raft/a.h": "#ifndef FLOTILLA_RAFT_A_H_\n#define FLOTILLA_RAFT_A_H_\n"}],
    ),
    Check(
        "headers begin with what they are for",
        find_missing_file_comments,
        bad=[{"raft/a.h": "#ifndef FLOTILLA_RAFT_A_H_\n"}],
        good=[{"raft/a.h": "// The log of one group.\n"}],
    ),
    Check(
        "documents name what exists",
        find_broken_documents,
        bad=[
            {**_MAKEFILE, "README.md": "```sh\nmake dmeo\n```\n"},
            {**_MAKEFILE, "README.md": "```sh\nscripts/none\n```\n"},
            {"docs/a.md": "[b](b.md)\n"},
        ],
        good=[
            {**_MAKEFILE, "README.md": "```sh\nmake demo\n```\n[a](docs/a.md#x) [d](docs)\n",
             "docs/a.md": "[up](../README.md) [out](https://example.org)\n"},
        ],
    ),
    Check(
        "examples in documents are compiled",
        find_uncompiled_examples,
        bad=[{"README.md": "```cpp\nint x;\n```\n", "client/a.cc": "int y;\n"}],
        good=[{"README.md": "```cpp\nint x;\n```\n", "client/a.cc": "// Here.\nint x;\n"}],
    ),
    Check(
        "scripts stop at the first error",
        find_careless_scripts,
        bad=[{"scripts/a": "#!/usr/bin/env bash\nfalse\n"}],
        good=[{"scripts/a": "#!/usr/bin/env bash\nset -euo pipefail\n"}],
    ),
]
