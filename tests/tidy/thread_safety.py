"""Clang's thread-safety analysis of all sources that use base/mutex.h.

Usage: thread_safety.py BUILD

BUILD is a build folder with compile_commands.json and the generated headers. The last line is
"N passed, N failed", counting source files. The first thing checked is that the analysis works: a
function that touches guarded data without the lock must be refused.
"""

import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

sys.dont_write_bytecode = True

from source_tree import ROOT, real_tree  # noqa: E402  (bytecode is switched off first)

CLANG = ["clang++-16", "-fsyntax-only", "-Wno-everything", "-Wthread-safety", "-Werror"]
MUTEX = "base/mutex.h"

BROKEN = """
#include "base/mutex.h"
struct Counter {
  void Increment() { ++count; }
  flotilla::Mutex mu;
  int count ABSL_GUARDED_BY(mu) = 0;
};
"""


def users_of_mutex(tree):
    """Paths of all .cc files that include the mutex, directly or through our own headers."""
    reaches = {MUTEX}
    while True:
        more = {file.path for file in tree.cpp if file.path not in reaches
                and any(include in reaches for _, include in file.includes)}
        if not more:
            return sorted(path for path in reaches if path.endswith(".cc"))
        reaches |= more


def front_end_flags(command):
    """Of a compiler's command line, what decides how the source reads."""
    words = shlex.split(command)
    flags = []
    for i, word in enumerate(words):
        if word.startswith(("-I", "-D", "-std=")):
            flags.append(word)
        elif word == "-isystem":
            flags += [word, words[i + 1]]
    return flags


def analyse(command, source_text=None):
    result = subprocess.run(command, cwd=ROOT, input=source_text, capture_output=True, text=True,
                            check=False)
    return result.returncode == 0, result.stderr


def analyse_file(entry):
    ok, messages = analyse(CLANG + front_end_flags(entry["command"]) + [entry["file"]])
    if not ok:
        print(messages, flush=True)
    return ok


def main(build_folder):
    entries = json.loads((pathlib.Path(build_folder) / "compile_commands.json").read_text())
    wanted = {str(ROOT / path) for path in users_of_mutex(real_tree())}
    entries = list({entry["file"]: entry for entry in entries if entry["file"] in wanted}.values())

    accepted, messages = analyse(CLANG + ["-std=c++20", f"-I{ROOT}", "-xc++", "-"], BROKEN)
    results = [not accepted and "requires holding mutex" in messages]
    if not results[0]:
        print("FAILED: the analysis overlooks an access without the lock\n" + messages)
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        results += pool.map(analyse_file, entries)
    print(f"{sum(results)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
