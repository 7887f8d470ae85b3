"""Layering and style as tests. Usage: run_tidy.py [PATH...] shows only findings below these paths.

Each rule is tested twice: on made-up trees, where it must find what is wrong and nothing else, and
on the real tree. The last line is "N passed, N failed".
"""

import sys

sys.dont_write_bytecode = True

import determinism  # noqa: E402  (bytecode is switched off first)
import house  # noqa: E402
import layering  # noqa: E402
import sizes  # noqa: E402
import source_tree  # noqa: E402
import wording  # noqa: E402

CHECKS = [check for module in (layering, determinism, sizes, wording, house)
          for check in module.CHECKS]


def report(name, complaints):
    for complaint in complaints:
        print(complaint)
    if complaints:
        print(f"FAILED: {name}\n")
    return not complaints


def main(prefixes):
    tree = source_tree.real_tree()
    results = []
    for check in CHECKS:
        results.append(report(f"the check itself: {check.name}", check.self_test()))
        findings = [f"{path}:{line}: {message}" for path, line, message in check.find(tree)
                    if path.startswith(prefixes)]
        results.append(report(check.name, findings))
    print(f"{sum(results)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or ("",)))
