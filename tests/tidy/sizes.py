"""Limits on files, functions and lines. They only ever fall."""

import ast
import re

from check import Check

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100

SCRIPT = re.compile(r"#!.*\b(bash|sh|python3?)\b")
NAMED_SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")


def is_program(file):
    return (file.is_cpp or file.is_python or bool(SCRIPT.match(file.text))
            or file.path.endswith((".proto", ".cmake", "CMakeLists.txt")))


def find_long_lines(tree):
    for file in filter(is_program, tree.files):
        for number, line in enumerate(file.lines, start=1):
            if len(line) > COLUMNS_MAX:
                yield file.finding(number, f"{len(line)} columns; the limit is {COLUMNS_MAX}")


def find_long_files(tree):
    for file in filter(is_program, tree.files):
        length = len(file.text.splitlines())
        if length > FILE_LINES_MAX:
            yield file.finding(length, f"{length} lines; the limit is {FILE_LINES_MAX}")


def is_scope(head):
    """Whether a '{' behind this text opens a namespace or a type."""
    return bool(NAMED_SCOPE.search(head)) and not re.search(r"\)[^()]*$", head)


def without_directives(code):
    """Blanks preprocessor lines: a macro's body may hold half a block."""
    return re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), code,
                  flags=re.MULTILINE)


def cpp_functions(file):
    """Pairs (first line, last line) of the outermost blocks that are no namespace and no type.

    Such a block is a function's body, or an initializer, to which the same limit applies.
    """
    code = without_directives(file.code)
    scopes_open = 0
    depth = 0  # of braces inside the outermost block
    head_start = block_start = 0
    is_table = False  # which is as long as what it lists
    for match in re.finditer(r"[{};]", code):
        symbol, offset = match.group(0), match.start()
        if symbol == "{" and depth == 0:
            head = code[head_start:offset]
            if is_scope(head):
                scopes_open += 1
            else:
                depth = 1
                block_start = head_start + len(head) - len(head.lstrip())
                is_table = head.rstrip().endswith("=")
        elif symbol == "{":
            depth += 1
        elif symbol == "}" and depth > 0:
            depth -= 1
            if depth == 0 and not is_table:
                yield file.line_of(block_start), file.line_of(offset)
        elif symbol == "}":
            scopes_open -= 1
        if depth == 0:
            head_start = offset + 1


def python_functions(file):
    for node in ast.walk(ast.parse(file.text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno


def find_long_functions(tree):
    for file in tree.files:
        if not file.is_cpp and not file.is_python:
            continue
        functions = cpp_functions(file) if file.is_cpp else python_functions(file)
        for first, last in functions:
            length = last - first + 1
            if length > FUNCTION_LINES_MAX:
                yield file.finding(first, f"a function of {length} lines; the limit is "
                                          f"{FUNCTION_LINES_MAX}")


_BODY = "  Step();\n" * FUNCTION_LINES_MAX
_HALF = "  Step();\n" * (FUNCTION_LINES_MAX // 2)

CHECKS = [
    Check(
        "no line is too long",
        find_long_lines,
        bad=[{"raft/a.h": "// " + "x" * 98 + "\n"}, {"scripts/a": "#!/bin/bash\n" + "x" * 101}],
        good=[{"raft/a.h": "x" * 100 + "\n"}, {"docs/a.md": "x" * 500}],
    ),
    Check(
        "no file is too long",
        find_long_files,
        bad=[{"raft/a.cc": "\n" * (FILE_LINES_MAX + 1)}, {"chaos/a.py": "\n" * 601}],
        good=[{"raft/a.cc": "\n" * FILE_LINES_MAX}],
    ),
    Check(
        "no function is too long",
        find_long_functions,
        bad=[
            {"raft/a.cc": f"namespace flotilla {{\nvoid F(int a) {{\n{_BODY}}}\n}}\n"},
            {"raft/a.h": f"class A : public B {{\n  A() : b_{{1}}, c_(2) {{\n{_BODY}}}\n}};\n"},
            {"raft/a.cc": f"void F() {{\n  auto f = [&] {{\n{_HALF}}};\n"
                          f"  if (x) {{\n{_HALF}}}\n}}\n"},
            {"raft/a.cc": f"struct B F(struct A a) {{\n{_BODY}}}\n"},
            {"tests/a.cc": f"TEST(A, B) {{\n  const char* s = \"}}\"; // }}\n{_BODY}}}\n"},
            {"chaos/a.py": "def f():\n" + "  step()\n" * FUNCTION_LINES_MAX},
        ],
        good=[
            {"raft/a.cc": f"void F() {{\n{_HALF}}}\nvoid G() {{\n{_HALF}}}\n"},
            {"raft/a.h": f"namespace a {{\nclass A {{\n{_BODY}}};\n"
                         f"enum class B {{\n{_HALF}}};\n}}\n"},
            {"raft/a.cc": "#define OPEN if (x) {\n"
                          f"void F() {{\n{_HALF}}}\nvoid G() {{\n{_HALF}}}\n"},
        ],
    ),
]
