"""Runs the parts of a test suite, times each, and counts the single tests.

The last line is "N passed, N failed, N skipped". The exit code is 0 only when something passed and
nothing failed; a part that breaks before it can count is a failure.

FLOTILLA_SIM_SEEDS says how many seeds the simulator draws.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOBS = str(len(os.sched_getaffinity(0)))
FAILURE_CHARACTERS_MAX = 4000


@dataclasses.dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Counts(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
        )

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def run(command, **kwargs):
    """Runs a command in the source tree with its output passed on; returns its exit code."""
    print("+", *command, flush=True)
    return subprocess.run(command, cwd=ROOT, check=False, **kwargs).returncode


def print_failures(root):
    for case in root.iter("testcase"):
        if case.get("status") == "fail" or case.find("error") is not None:
            output = case.findtext("system-out") or ""
            print(f"FAILED: {case.get('name')}\n{output[-FAILURE_CHARACTERS_MAX:]}", flush=True)


def counts_from_junit(report, exit_code):
    """What a JUnit file says; a missing file or an unexplained exit code is a failure."""
    total = Counts()
    if report.exists():
        root = ElementTree.parse(report).getroot()
        print_failures(root)
        for suite in [root] if root.tag == "testsuite" else root.iter("testsuite"):
            number = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors")}
            skipped = int(suite.get("skipped", 0)) + int(suite.get("disabled", 0))
            failed = number["failures"] + number["errors"]
            total += Counts(number["tests"] - failed - skipped, failed, skipped)
    if exit_code != 0 and total.failed == 0:
        total.failed = 1
    return total


def counts_from_last_line(command):
    """Runs a command that ends with a line of counts, as this program does."""
    print("+", *command, flush=True)
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(result.stdout, end="", flush=True)
    lines = result.stdout.strip().splitlines()
    numbers = dict((name, int(n)) for n, name in re.findall(
        r"(\d+) (passed|failed|skipped)", lines[-1] if lines else ""))
    counts = Counts(**numbers)
    if (result.returncode != 0 or not numbers) and counts.failed == 0:
        counts.failed = 1
    return counts


class Suite:
    """One build and the tests that run on it."""

    def __init__(self, preset, parts, scratch):
        self.preset = preset
        self.parts = parts
        self.build_folder = ROOT / "build" / preset
        self.scratch = scratch

    def build(self):
        """Compiles everything, in one suite also every header alone."""
        if self.preset == "release":
            targets = ["all", "all_verify_interface_header_sets"]
        else:
            # What goes through whole processes runs in the integration tests of the release build.
            targets = [f"flotilla_{label}_tests" for label in self.parts
                       if label in ("unit", "grpc", "simulation")]
        configured = run(["cmake", "--preset", self.preset], stdout=subprocess.DEVNULL) == 0
        built = configured and 0 == run(
            ["ninja", "-C", str(self.build_folder), "-j", JOBS, "-k", "0", "--quiet", *targets])
        return Counts(failed=0 if built else 1)

    def ctest(self, label):
        report = self.scratch / f"{label}.xml"
        exit_code = run(["ctest", "--preset", self.preset, "-L", f"^{label}$", "-j", JOBS,
                         "--no-tests=ignore", "--quiet", "--output-junit", str(report)])
        return counts_from_junit(report, exit_code)

    def unit(self):
        return self.ctest("unit")

    def grpc(self):
        return self.ctest("grpc")

    def simulation(self):
        return self.ctest("simulation")

    def integration(self):
        return self.ctest("integration")

    def style(self):
        return counts_from_last_line(["/usr/bin/python3", "tests/tidy/run_tidy.py"])

    def thread_safety(self):
        return counts_from_last_line(
            ["/usr/bin/python3", "tests/tidy/thread_safety.py", str(self.build_folder)])

    def python(self):
        if not list((ROOT / "tests").rglob("*_test.py")):
            return Counts()
        report = self.scratch / "pytest.xml"
        environment = dict(os.environ, FLOTILLA_BUILD_DIR=str(self.build_folder),
                           PYTHONDONTWRITEBYTECODE="1")
        exit_code = run(["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                         "-o", "python_files=*_test.py", f"--junitxml={report}",
                         # These are ctest cases, with options of their own.
                         "--ignore=tests/integration", "tests"],
                        env=environment)
        return counts_from_junit(report, exit_code)

    def outside(self):
        """A project outside of this one builds against the installed package."""
        passed = run(["scripts/consumer-test", str(self.build_folder)]) == 0
        return Counts(passed=1) if passed else Counts(failed=1)


SUITES = {
    "test": dict(
        preset="release",
        parts=["build", "style", "unit", "grpc", "thread_safety", "simulation", "integration",
               "python", "outside"],
        environment={"FLOTILLA_SIM_SEEDS": "1000"},
    ),
    "test-asan": dict(
        preset="asan",
        parts=["build", "unit", "grpc", "simulation"],
        environment={
            "FLOTILLA_SIM_SEEDS": "100",
            "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        },
    ),
    "test-tsan": dict(
        preset="tsan",
        # gRPC is not built with the sanitizer, and none of its hand-overs would be seen.
        parts=["build", "unit", "simulation"],
        environment={
            "FLOTILLA_SIM_SEEDS": "20",
            "TSAN_OPTIONS": f"halt_on_error=1:second_deadlock_stack=1:"
                            f"suppressions={ROOT}/tests/tsan_suppressions.txt",
        },
    ),
}
NEEDS_NO_BUILD = {"build", "style"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suite", choices=SUITES)
    chosen = SUITES[parser.parse_args().suite]
    for name, value in chosen["environment"].items():
        os.environ.setdefault(name, value)

    scratch = pathlib.Path(tempfile.mkdtemp(prefix="flotilla-suite."))
    suite = Suite(chosen["preset"], chosen["parts"], scratch)
    total, rows, built = Counts(), [], False
    for part in chosen["parts"]:
        print(f"\n== {part.replace('_', ' ')}", flush=True)
        start = time.monotonic()
        if built or part in NEEDS_NO_BUILD:
            counts = getattr(suite, part)()
            seconds = f"{time.monotonic() - start:6.0f} s"
        else:
            counts, seconds = Counts(), "not run: the build failed"
        built = built or (part == "build" and counts.failed == 0)
        total += counts
        rows.append(f"{part.replace('_', ' '):14} {seconds:>8}   {counts}")
    shutil.rmtree(scratch)

    print("", *rows, total, sep="\n")
    return 0 if total.passed > 0 and total.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
