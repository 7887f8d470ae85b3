# The libraries the tree is built on. All are packages of Debian 12 (scripts/packages.txt).
#
# Targets to name in DEPS: absl::status absl::statusor absl::strings ..., leveldb::leveldb,
# isal, protobuf::libprotobuf, gRPC::grpc++, CLI11::CLI11, yaml-cpp,
# nlohmann_json::nlohmann_json, PkgConfig::HTTPLIB, PkgConfig::TCMALLOC, benchmark::benchmark,
# GTest::gmock.

find_package(Threads REQUIRED)
find_package(absl REQUIRED CONFIG)
find_package(leveldb REQUIRED CONFIG)
find_package(Protobuf REQUIRED)
find_package(gRPC REQUIRED CONFIG)
find_package(CLI11 REQUIRED CONFIG)
find_package(yaml-cpp REQUIRED CONFIG)
find_package(nlohmann_json REQUIRED CONFIG)
find_package(GTest REQUIRED CONFIG)
find_package(benchmark REQUIRED CONFIG)

# These come without a CMake package. ISA-L is simply named: isal.
find_package(PkgConfig REQUIRED)
pkg_check_modules(ISAL REQUIRED libisal)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
pkg_check_modules(TCMALLOC REQUIRED IMPORTED_TARGET libtcmalloc_minimal)
