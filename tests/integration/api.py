"""The public API as Python modules, generated from the .proto files for one run of the tests."""

import importlib
import pathlib
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SYSTEM_PROTOS = pathlib.Path("/usr/share/grpc-proto")


def _compile(root, files, out):
    subprocess.run(
        ["protoc", f"--proto_path={root}", f"--python_out={out}", f"--grpc_out={out}",
         f"--plugin=protoc-gen-grpc={shutil.which('grpc_python_plugin')}",
         *(str(file.relative_to(root)) for file in files)],
        check=True)


def generate(out):
    """Compiles what the tests speak and makes it importable."""
    proto = SOURCE / "proto"
    _compile(proto, sorted((proto / "flotilla/v1").glob("*.proto")), out)
    _compile(SYSTEM_PROTOS, [SYSTEM_PROTOS / "grpc/health/v1/health.proto",
                             SYSTEM_PROTOS / "grpc/reflection/v1alpha/reflection.proto"], out)
    # The installed package "grpc" has the same name as the folder of the health protocol.
    (out / "grpc").rename(out / "grpc_protocols")
    for file in (out / "grpc_protocols").rglob("*.py"):
        file.write_text(file.read_text().replace("from grpc.", "from grpc_protocols."))
    sys.path.insert(0, str(out))


class Modules:
    """The generated modules by short names: api.kv.GetRequest, api.kv_service.KvServiceStub."""

    _PATHS = {
        "kv": "flotilla.v1.kv_pb2",
        "kv_service": "flotilla.v1.kv_service_pb2_grpc",
        "cluster": "flotilla.v1.cluster_pb2",
        "cluster_service": "flotilla.v1.cluster_service_pb2_grpc",
        "error": "flotilla.v1.error_pb2",
        "health": "grpc_protocols.health.v1.health_pb2",
        "health_service": "grpc_protocols.health.v1.health_pb2_grpc",
        "reflection": "grpc_protocols.reflection.v1alpha.reflection_pb2",
        "reflection_service": "grpc_protocols.reflection.v1alpha.reflection_pb2_grpc",
    }

    def __getattr__(self, name):
        return importlib.import_module(self._PATHS[name])


api = Modules()


def error_of(rpc_error):
    """The flotilla.v1.Error in the details of a failed call, or None."""
    for key, value in rpc_error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        # google.rpc.Status, read without its module: field 3 holds the details.
        from google.protobuf import any_pb2
        for number, field in _length_delimited_fields(value):
            if number != 3:
                continue
            detail = any_pb2.Any.FromString(field)
            error = api.error.Error()
            if detail.Is(error.DESCRIPTOR):
                detail.Unpack(error)
                return error
    return None


def _length_delimited_fields(data):
    offset = 0

    def varint():
        nonlocal offset
        value = shift = 0
        while True:
            byte = data[offset]
            offset += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    while offset < len(data):
        tag = varint()
        if tag & 7 == 0:
            varint()
            continue
        size = varint()
        yield tag >> 3, data[offset:offset + size]
        offset += size
