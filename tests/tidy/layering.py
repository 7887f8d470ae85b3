"""Which folder may include which (docs/architecture.md)."""

import re

from check import Check

# A folder may include itself and what is listed. "proto" stands for all generated headers.
ARROWS = {
    "base": {},
    "raft": {"base"},
    "storage": {"base", "raft"},
    "sharding": {"base"},
    "kv": {"base", "raft", "sharding", "storage"},
    "node": {"base", "raft", "sharding", "storage", "kv"},
    "server": {"base", "raft", "sharding", "storage", "kv", "node", "proto"},
    "client": {"base", "sharding", "proto"},
    "bench": {"base", "raft", "sharding", "storage", "kv", "node", "server", "client", "proto"},
}
FOLDERS = set(ARROWS) | {"proto", "tests"}

# Files inside a folder that may include more than their folder: a prefix of the path, and what.
SUB_AREAS = {
    # Prints a node's write-ahead log; part of the CLI because that is where operators look.
    "client/cli/debug_": {"storage", "raft", "kv"},
}

# What users of the installed package compile: the standard library and each other, nothing else.
PUBLIC_HEADERS = "client/include/"
STANDARD_HEADER = re.compile(r"^[a-z_]+$")

GENERATED = re.compile(r"\.pb\.h$")
# Of gRPC and protobuf only the shells know.
WIRE_LIBRARIES = re.compile(r"^(grpc|grpcpp|google/protobuf)/")
WIRE_FOLDERS = {"server", "client", "bench", "tests"}


def target_folder(include):
    if GENERATED.search(include):
        return "proto"
    folder = include.split("/")[0]
    return folder if "/" in include and folder in FOLDERS else None


def find_forbidden_arrows(tree):
    for file in tree.in_folders(*ARROWS):
        allowed = {file.folder} | set(ARROWS[file.folder])
        for prefix, more in SUB_AREAS.items():
            if file.path.startswith(prefix):
                allowed |= more
        for line, include in file.includes:
            target = target_folder(include)
            if target and target not in allowed:
                yield file.finding(line, f"{file.folder}/ must not include {target}/: {include}")


def find_wire_libraries(tree):
    for file in tree.cpp:
        for line, include in file.includes:
            if WIRE_LIBRARIES.match(include) and file.folder not in WIRE_FOLDERS:
                yield file.finding(line, f"only server/ and client/ speak gRPC: {include}")


def find_generated_in_headers(tree):
    for file in tree.cpp:
        for line, include in file.includes:
            if file.is_header and GENERATED.search(include):
                yield file.finding(
                    line, f"generated headers cost every includer a second: {include}")


def find_public_dependencies(tree):
    for file in tree.cpp:
        for line, include in file.includes if file.path.startswith(PUBLIC_HEADERS) else ():
            if not STANDARD_HEADER.match(include) and not include.startswith("flotilla/"):
                yield file.finding(line, f"users cannot include {include}")


CHECKS = [
    Check(
        "folders include only what the arrows allow",
        find_forbidden_arrows,
        bad=[
            {"raft/a.cc": '#include "storage/log.h"\n'},
            {"base/a.h": '#include "raft/types.h"\n'},
            {"server/a.cc": '#include "client/client.h"\n'},
            {"client/a.cc": '#include "kv/command.h"\n'},
            {"kv/a.cc": '#include "flotilla/v1/kv.pb.h"\n'},
            {"node/a.cc": '#include "tests/support/fake.h"\n'},
            {"node/a.cc": '  #  include   "server/main.h"\n'},
        ],
        good=[
            {"raft/a.cc": '#include "base/ids.h"\n#include "raft/types.h"\n#include <vector>\n'},
            {"tests/raft/a.cc": '#include "server/main.h"\n'},
            {"raft/a.cc": '// As #include "storage/log.h" would.\n'},
            {"server/a.cc": '#include "flotilla/v1/kv.grpc.pb.h"\n'},
        ],
    ),
    Check(
        "only the shells include gRPC and protobuf",
        find_wire_libraries,
        bad=[
            {"node/a.cc": "#include <grpcpp/grpcpp.h>\n"},
            {"kv/a.cc": '#include "google/protobuf/message.h"\n'},
        ],
        good=[{"server/a.cc": "#include <grpcpp/grpcpp.h>\n"}],
    ),
    Check(
        "no header includes a generated header",
        find_generated_in_headers,
        bad=[{"server/a.h": '#include "flotilla/v1/kv.pb.h"\n'}],
        good=[{"server/a.cc": '#include "flotilla/v1/kv.pb.h"\n'}],
    ),
    Check(
        "the client's public headers need the standard library only",
        find_public_dependencies,
        bad=[
            {"client/include/flotilla/a.h": '#include "base/ids.h"\n'},
            {"client/include/flotilla/a.h": '#include "absl/status/status.h"\n'},
            {"client/include/flotilla/a.h": "#include <grpcpp/grpcpp.h>\n"},
        ],
        good=[
            {"client/include/flotilla/a.h": '#include <vector>\n#include "flotilla/b.h"\n'},
            {"client/a.h": '#include "base/ids.h"\n'},
        ],
    ),
]
