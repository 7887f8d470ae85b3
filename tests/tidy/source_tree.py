"""The source tree as the checks see it: texts by path, and C++ with comments told from code."""

import collections
import functools
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Order matters: what begins first wins, and a raw string is not an identifier and a string.
_TOKEN = re.compile(
    r"""(?P<comment>//(?:\\\n|[^\n])*|/\*.*?\*/)
      | (?P<raw>\b(?:u8|[uUL])?R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)")
      | (?P<include>(?<=\#include\ )(?:"[^"\n]*"|<[^>\n]*>))
      | (?P<string>"(?:\\.|[^"\\\n])*")
      | (?P<number>\b[0-9][0-9a-zA-Z_.]*(?:'[0-9a-zA-Z]+)+)
      | (?P<character>'(?:\\.|[^'\\\n])*')
    """,
    re.DOTALL | re.VERBOSE,
)

Finding = collections.namedtuple("Finding", "path line message")


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def split_comments(text):
    """Returns (code, comments), both as long as `text`, each with the other blanked out.

    The contents of strings and characters are blanked in the code; their quotes stay. Include
    paths stay whole.
    """

    def code(match):
        token = match.group(0)
        if match.lastgroup in ("include", "number"):
            return token
        if match.group("comment"):
            return _blank(token)
        return token[0] + _blank(token[1:-1]) + token[-1]

    def comments(text):
        position = 0
        for match in _TOKEN.finditer(text):
            if match.group("comment"):
                yield _blank(text[position:match.start()])
                yield match.group(0)
                position = match.end()
        yield _blank(text[position:])

    return _TOKEN.sub(code, text), "".join(comments(text))


class SourceFile:
    """One text file. Paths are relative to the top of the tree, with slashes."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.folder = path.split("/")[0] if "/" in path else ""
        self.lines = text.split("\n")

    @property
    def is_header(self):
        return self.path.endswith(".h")

    @property
    def is_cpp(self):
        return self.path.endswith((".h", ".cc"))

    @property
    def is_python(self):
        return self.path.endswith(".py") or bool(re.match(r"#!.*python", self.text))

    @functools.cached_property
    def _split(self):
        return split_comments(self.text)

    @property
    def code(self):
        return self._split[0]

    @property
    def comments(self):
        return self._split[1]

    @functools.cached_property
    def includes(self):
        """Pairs (line number, included path) of the #include lines."""
        found = re.finditer(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">]', self.text, re.MULTILINE)
        return [(self.line_of(match.start()), match.group(1)) for match in found]

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def finding(self, line, message):
        return Finding(self.path, line, message)

    def matches_in_code(self, pattern):
        """Pairs (line number, match) for a compiled pattern, comments and strings left out."""
        return [(self.line_of(m.start()), m) for m in pattern.finditer(self.code)]


class SourceTree:
    """A set of source files; the real tree, or a small one that a self-test makes up."""

    def __init__(self, texts):
        self.files = [SourceFile(path, text) for path, text in sorted(texts.items())]
        self.by_path = {file.path: file for file in self.files}

    @property
    def cpp(self):
        return [file for file in self.files if file.is_cpp]

    def in_folders(self, *folders):
        return [file for file in self.cpp if file.folder in folders]


def real_tree():
    """Everything that git tracks or would track, as far as it is text."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = {}
    for path in filter(None, listing.split("\0")):
        try:
            texts[path] = (ROOT / path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
    return SourceTree(texts)
