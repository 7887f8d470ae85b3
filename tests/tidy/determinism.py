"""Code that decides anything reaches the world only through the ports of base/.

The simulator runs that code from a seed. One call to the real clock, a thread or a file, or one
walk over a container whose order changes from run to run, and a seed no longer replays.
"""

import re

from check import Check

# A folder or file is pure unless a prefix here says that it is a shell.
SHELLS = (
    "base/check.",  # aborts the process
    "base/mutex.h",
    "base/posix_",
    "bench/",
    "client/cli/",
    "client/cli_",
    "client/grpc_",
    "client/threads_",
    "server/",
    "storage/leveldb_",  # LevelDB has threads of its own
    "tests/",
)

WORLD = {
    "threads": re.compile(
        r"std::(thread|jthread|async|mutex|timed_mutex|recursive_mutex|shared_mutex|lock_guard"
        r"|unique_lock|scoped_lock|condition_variable\w*|promise|this_thread)\b"
        r"|\bthread_local\b"),
    "clocks": re.compile(
        r"\b(steady_clock|system_clock|high_resolution_clock|clock_gettime|gettimeofday|localtime"
        r"|gmtime)\b|\babsl::(Now|GetCurrentTimeNanos|SleepFor)\b"
        r"|(?<![\w.>])time\s*\(\s*(nullptr|NULL|0|&)"),
    "sleeping": re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep)\b|(?<![\w.>:])sleep\s*\("),
    "randomness": re.compile(
        r"\b(random_device|mt19937(_64)?|default_random_engine|\w+_distribution|drand48)\b"
        r"|\bgetrandom\b|(?<![\w.>])s?rand\s*\("),
    "files": re.compile(
        r"(?<![\w>])::(open|read|write|close|rename|unlink|mkdir|stat|pread|pwrite|fsync|fdatasync)"
        r"\s*\(|\bf(open|read|write|close|sync)\s*\(|\bstd::(i|o)?fstream\b|\bstd::filesystem\b"),
    "environment": re.compile(r"\b(secure_)?getenv\b"),
}
WORLD_HEADERS = re.compile(
    r"^(thread|mutex|shared_mutex|condition_variable|future|semaphore|stop_token|latch|barrier"
    r"|fstream|filesystem|random|ctime|time\.h|unistd\.h|fcntl\.h|pthread\.h|sys/.*|netinet/.*"
    r"|absl/(synchronization|random|time/clock)\b.*|base/(mutex|posix_\w+)\.h)$")

ABSL_LOCKS = re.compile(r"\babsl::(Mutex\w*|CondVar|Notification|BlockingCounter)\b")
SLEEP_IN_TESTS = ("tests/integration/", "tests/tidy/")

UNORDERED = re.compile(
    r"\b(?:std::unordered_(?:multi)?(?:map|set)|absl::(?:flat|node)_hash_(?:map|set))\s*<")
EXCUSE = "order does not escape"
# How far above a loop the excuse may stand.
EXCUSE_LINES = 3


def is_pure(file):
    return file.is_cpp and not file.path.startswith(SHELLS)


def find_world(tree):
    for file in filter(is_pure, tree.files):
        for line, include in file.includes:
            if WORLD_HEADERS.match(include):
                yield file.finding(line, f"<{include}> belongs in a shell: use a port of base/")
        for kind, pattern in WORLD.items():
            for line, match in file.matches_in_code(pattern):
                yield file.finding(line, f"{match.group(0).strip()}: {kind} come through a port")


def find_absl_locks(tree):
    for file in tree.cpp:
        for line, match in file.matches_in_code(ABSL_LOCKS):
            yield file.finding(line, f"{match.group(0)}: use base/mutex.h, which TSan understands")


def find_sleeping_tests(tree):
    for file in tree.in_folders("tests"):
        if not file.path.startswith(SLEEP_IN_TESTS):
            for line, match in file.matches_in_code(WORLD["sleeping"]):
                yield file.finding(line, f"{match.group(0)}: tests wait for events, never for time")


def end_of_template(code, start):
    """The offset behind the '>' that closes the '<' just before `start`."""
    depth = 1
    for offset in range(start, len(code)):
        depth += {"<": 1, ">": -1}.get(code[offset], 0)
        if depth == 0:
            return offset + 1
    return len(code)


def unordered_names(file):
    """Names of variables, members and aliases with an unordered container as their type."""
    for match in UNORDERED.finditer(file.code):
        behind = file.code[end_of_template(file.code, match.end()):]
        name = re.match(r"[\s&*]*(\w+)", behind)
        if name:
            yield name.group(1)


def find_unordered_walks(tree):
    pure = [file for file in tree.files if is_pure(file)]
    names_of = {file.path: set(unordered_names(file)) for file in pure}
    for file in pure:
        # A member is declared in the header beside the source.
        names = names_of[file.path] | names_of.get(file.path.replace(".cc", ".h"), set())
        if not names:
            continue
        any_name = "|".join(sorted(names))
        walk = re.compile(
            rf"\bfor\s*\([^;)]*:\s*[\w.>()-]*?\b(?:{any_name})\s*\)"
            rf"|\b(?:{any_name})\s*(?:\.|->)\s*c?begin\s*\(")
        for line, match in file.matches_in_code(walk):
            above = "\n".join(file.lines[max(0, line - 1 - EXCUSE_LINES):line])
            if EXCUSE not in above:
                yield file.finding(
                    line, f"{match.group(0)}: order differs between runs; use an ordered "
                    f"container, sort, or say why the '{EXCUSE}'")


CHECKS = [
    Check(
        "deciding code reaches the world only through ports",
        find_world,
        bad=[
            {"raft/a.cc": "std::mutex mu;\n"},
            {"raft/a.cc": "#include <thread>\n"},
            {"node/a.cc": '#include "base/mutex.h"\n'},
            {"kv/a.cc": "auto t = std::chrono::steady_clock::now();\n"},
            {"kv/a.cc": "int64_t now = time(nullptr);\n"},
            {"storage/a.cc": "int fd = ::open(path, 0);\n"},
            {"storage/a.cc": "#include <fstream>\n"},
            {"sharding/a.cc": "int i = rand();\n"},
            {"base/random.cc": "std::random_device device;\n"},
            {"client/router.cc": "std::thread t;\n"},
            {"node/a.h": 'const char* s = "a // b"; std::mutex mu;\n'},
        ],
        good=[
            {"server/a.cc": "#include <thread>\nstd::thread t;\n"},
            {"base/posix_clock.cc": "auto t = std::chrono::steady_clock::now();\n"},
            {"raft/a.cc": "// Never std::mutex here.\nint operand(int);\nint time_;\n"},
            {"raft/a.cc": 'Log("std::thread");\nauto status = file->Open(path);\n'},
            {"node/a.cc": "file.open(p); clock.time(); a::open(p);\n"},
        ],
    ),
    Check(
        "locks are those of base/mutex.h",
        find_absl_locks,
        bad=[{"server/a.h": "absl::Mutex mu;\n"}, {"tests/a.cc": "absl::Notification done;\n"}],
        good=[{"server/a.h": "Mutex mu;  // never absl::Mutex\n"}],
    ),
    Check(
        "tests never sleep",
        find_sleeping_tests,
        bad=[{"tests/raft/a_test.cc": "std::this_thread::sleep_for(1ms);\n"}],
        good=[
            {"tests/integration/a_test.cc": "std::this_thread::sleep_for(1ms);\n"},
            {"tests/raft/a_test.cc": "int sleep_for_ms;\n"},
        ],
    ),
    Check(
        "no walk over an unordered container whose order could escape",
        find_unordered_walks,
        bad=[
            {"kv/a.h": "absl::flat_hash_map<int, std::vector<int>> rows_;\n",
             "kv/a.cc": "for (const auto& [k, v] : rows_) Emit(k);\n"},
            {"node/a.cc": "std::unordered_set<int> s;\nauto it = s.begin();\n"},
            {"node/a.cc": "void F(const std::unordered_map<int, int>& m) {\n"
                          "  for (auto& x : m) G(x);\n}\n"},
        ],
        good=[
            {"kv/a.cc": "std::map<int, int> rows;\nfor (auto& r : rows) Emit(r);\n"},
            {"kv/a.cc": "absl::flat_hash_map<int, int> rows_;\nrows_.find(1);\n"},
            {"kv/a.cc": "std::unordered_map<int, int> m;\n// A sum: order does not escape.\n"
                        "for (auto& x : m) sum += x;\n"},
            {"server/a.cc": "std::unordered_map<int, int> m;\nfor (auto& x : m) sum += x;\n"},
        ],
    ),
]
