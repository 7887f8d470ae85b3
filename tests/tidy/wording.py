"""Words that have no place in the tree: leftovers, empty names, traces of one machine."""

import os
import pathlib
import re

from check import Check

# Spelt in pieces, or these lines would be findings themselves.
LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}*-])/(?:work|farm|root|home/\w+)/|[\"'\s=]/tmp/\w")
EMPTY_NAME = re.compile(r"(^|/|_)(util|utils|common|misc|helpers?)([_./]|$)")
# A line that compiles if the slashes go. Examples in header comments are indented by three or more.
COMMENTED_OUT = re.compile(
    r"^\s*// ?(?! )(?:[\w:<>*&,\s.\[\]()\"'=+!|-]*(?:\w\(.*\)|[\w\]]\s*[-+|]?=\s*[^=].*);"
    r"|(?:if|for|while|switch)\s*\(.*\)\s*\{|\}\s*else\s*\{|\}|return\b.*;|#include\b.*)\s*$",
    re.MULTILINE)
THROW = re.compile(r"\bthrow\b")
# So that the check can be seen to work on a machine without any mirror.
EXAMPLE_HOST = "mirror." "invalid"
REGISTRY_VARIABLES = ("GOPROXY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "NPM_CONFIG_REGISTRY")


def find_leftovers(tree):
    for file in tree.files:
        for number, line in enumerate(file.lines, start=1):
            if LEFTOVER.search(line):
                yield file.finding(number, "finish it, or open an issue: " + line.strip())


def find_machine_paths(tree):
    for file in tree.files:
        for number, line in enumerate(file.lines, start=1):
            if MACHINE_PATH.search(line):
                yield file.finding(number, "a path of one machine: " + line.strip())


def find_empty_names(tree):
    for file in tree.files:
        if EMPTY_NAME.search(file.path):
            yield file.finding(1, "the name says nothing: name the file for its job")


def find_commented_out_code(tree):
    for file in tree.cpp:
        for match in COMMENTED_OUT.finditer(file.comments):
            line = file.line_of(match.end())
            yield file.finding(line, "code in a comment: " + match.group(0).strip())


def find_exceptions(tree):
    for file in tree.cpp:
        for line, _ in file.matches_in_code(THROW):
            yield file.finding(line, "errors travel as absl::Status, not as exceptions")


def package_hosts():
    """Hosts this machine takes its packages from; the tree must not depend on any of them."""
    configuration = [os.environ.get(name, "") for name in REGISTRY_VARIABLES]
    apt = pathlib.Path("/etc/apt")
    pip = pathlib.Path("/etc/pip.conf")
    for path in [apt / "sources.list", *apt.glob("sources.list.d/*"), pip]:
        if path.is_file():
            configuration.append(path.read_text(encoding="utf-8", errors="replace"))
    settings = re.sub(r"^\s*#.*", "", "\n".join(configuration), flags=re.MULTILINE)
    return {EXAMPLE_HOST, *re.findall(r"https?://(?:[^@/\s]*@)?([\w.-]+)", settings)}


def find_package_hosts(tree):
    hosts = package_hosts()
    for file in tree.files:
        for number, line in enumerate(file.lines, start=1):
            for host in hosts:
                if host in line:
                    yield file.finding(number, f"{host} is this machine's package mirror")


CHECKS = [
    Check(
        "nothing is left to be finished",
        find_leftovers,
        bad=[{"raft/a.cc": "// TO" "DO: later\n"}, {"docs/a.md": "FIX" "ME\n"}],
        good=[{"raft/a.cc": "// Nothing to do here.\n"}],
    ),
    Check(
        "no path belongs to one machine",
        find_machine_paths,
        bad=[{"scripts/a": "cd /wo" "rk/main\n"}, {"tests/a.cc": 'Open("/tm' 'p/x");\n'},
             {"docs/a.md": "in /ro" "ot/x\n"}],
        good=[{"scripts/a": 'lock="${TMPDIR:-/tmp}/x"\ncd "$top/work/x"\n'},
              {"docs/a.md": "framework/x and https://example.org/work/x\n"}],
    ),
    Check(
        "names say what a file is for",
        find_empty_names,
        bad=[{"base/util.h": ""}, {"kv/common/a.cc": ""}, {"raft/test_helpers.h": ""}],
        good=[{"base/coding.h": "", "raft/commonality.h": ""}],
    ),
    Check(
        "no code is commented out",
        find_commented_out_code,
        bad=[
            {"raft/a.cc": "  // Commit(index);\n"},
            {"raft/a.cc": "int x;\n// x += 1;\n"},
            {"raft/a.cc": "  // if (leader_) {\n"},
            {"raft/a.cc": "// return term_;\n"},
            {"raft/a.cc": "int y;  // x = Foo(3);\n"},
        ],
        good=[
            {"raft/a.h": "// Use as in\n//   auto value = client.Get(key);\n"},
            {"raft/a.h": "// Durable after Sync (see Disk); then the\n// next one begins.\n"},
            {"raft/a.cc": "x = Foo(3);\n// as in a = b\n"},
        ],
    ),
    Check(
        "no exceptions are thrown",
        find_exceptions,
        bad=[{"kv/a.cc": "throw std::runtime_error(m);\n"}],
        good=[{"kv/a.cc": "// Does not throw.\nint throwaway;\n"}],
    ),
    Check(
        "no package mirror of this machine is named",
        find_package_hosts,
        bad=[{"docs/a.md": EXAMPLE_HOST}],
        good=[{"docs/a.md": "https://example.org\n"}],
    ),
]
