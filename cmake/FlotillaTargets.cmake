# One function per kind of target. Sources are listed one by one: a file that nobody lists is
# found by tests/tidy.

include(GoogleTest)

# What clang needs before it can read the sources without building them (scripts/lint).
add_custom_target(generated_headers)

# flotilla_library(<folder> [SOURCES <.cc>...] HEADERS <.h>...
#                  [DEPS <target>...] [PRIVATE_DEPS <target>...])
#
# The library of a folder: target flotilla_<folder>, alias flotilla::<folder>, included as
# "<folder>/header.h". DEPS are what its headers include, PRIVATE_DEPS what only its sources do.
# Every header must compile alone: target all_verify_interface_header_sets checks it.
function(flotilla_library folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;HEADERS;DEPS;PRIVATE_DEPS")
  _flotilla_check_arguments(flotilla_library)

  set(target flotilla_${folder})
  if(arg_SOURCES)
    set(scope PUBLIC)
    add_library(${target} STATIC ${arg_SOURCES})
    target_link_libraries(${target} PRIVATE ${arg_PRIVATE_DEPS})
  else()
    set(scope INTERFACE)
    add_library(${target} INTERFACE)
  endif()
  add_library(flotilla::${folder} ALIAS ${target})
  target_sources(${target} ${scope}
    FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${arg_HEADERS})
  target_link_libraries(${target} ${scope} ${arg_DEPS})
endfunction()

# flotilla_executable(<name> SOURCES <.cc>... [DEPS <target>...] [INSTALL])
#
# A program, build/<preset>/bin/<name>. With INSTALL it belongs to the package, and to the image
# (component "programs").
function(flotilla_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "INSTALL" "" "SOURCES;DEPS")
  _flotilla_check_arguments(flotilla_executable)
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${arg_DEPS})
  if(arg_INSTALL)
    install(TARGETS ${name} RUNTIME COMPONENT programs)
  endif()
endfunction()

# flotilla_test(<folder> SOURCES <.cc>... [DEPS <target>...] [LABEL unit|simulation|integration])
#
# All tests of a folder in one binary, <folder>_test, with GoogleTest's main. Each TEST is a ctest
# case <folder>/Suite.Name with the label (default: unit).
function(flotilla_test folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "SOURCES;DEPS")
  _flotilla_check_arguments(flotilla_test)
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  add_executable(${folder}_test ${arg_SOURCES})
  target_link_libraries(${folder}_test PRIVATE ${arg_DEPS} flotilla::test_main)
  # All binaries of one label: what a sanitizer build needs is not everything.
  if(NOT TARGET flotilla_${arg_LABEL}_tests)
    add_custom_target(flotilla_${arg_LABEL}_tests)
  endif()
  add_dependencies(flotilla_${arg_LABEL}_tests ${folder}_test)
  gtest_discover_tests(${folder}_test
    TEST_PREFIX ${folder}/
    DISCOVERY_MODE PRE_TEST
    WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}
    PROPERTIES LABELS ${arg_LABEL})
endfunction()

# flotilla_proto(<name> PROTOS <path>... [GRPC] [DEPS <target>...] [IMPORT_ROOT <folder>])
#
# The messages (with GRPC also the services) of some .proto files: target flotilla_proto_<name>,
# alias flotilla::proto_<name>. Paths are relative to IMPORT_ROOT (default: proto/) and the headers
# are included by the same path: "flotilla/v1/kv.pb.h". DEPS are the flotilla::proto_* targets whose
# files these import.
function(flotilla_proto name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "GRPC" "IMPORT_ROOT" "PROTOS;DEPS")
  _flotilla_check_arguments(flotilla_proto)
  if(NOT arg_IMPORT_ROOT)
    set(arg_IMPORT_ROOT ${PROJECT_SOURCE_DIR}/proto)
  endif()
  set(generated_root ${PROJECT_BINARY_DIR}/generated)

  set(suffixes .pb.cc .pb.h)
  set(grpc_flags "")
  if(arg_GRPC)
    list(PREPEND suffixes .grpc.pb.cc .grpc.pb.h)  # in the order of protoc's dependency file
    set(grpc_flags --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>
                   --grpc_out=${generated_root})
  endif()

  set(generated "")
  foreach(proto IN LISTS arg_PROTOS)
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    cmake_path(GET stem PARENT_PATH folder)
    file(MAKE_DIRECTORY ${generated_root}/${folder})
    list(TRANSFORM suffixes PREPEND ${generated_root}/${stem} OUTPUT_VARIABLE outputs)
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND protobuf::protoc
              --proto_path=${arg_IMPORT_ROOT} --proto_path=${PROJECT_SOURCE_DIR}/proto
              --cpp_out=${generated_root} ${grpc_flags}
              --dependency_out=${generated_root}/${stem}.d ${proto}
      DEPENDS ${arg_IMPORT_ROOT}/${proto}
      DEPFILE ${generated_root}/${stem}.d
      COMMENT "Generating ${proto}"
      VERBATIM)
    list(APPEND generated ${outputs})
  endforeach()

  set(target flotilla_proto_${name})
  add_custom_target(${target}_generated DEPENDS ${generated})
  add_dependencies(generated_headers ${target}_generated)

  add_library(${target} STATIC ${generated})
  add_library(flotilla::proto_${name} ALIAS ${target})
  target_include_directories(${target} SYSTEM PUBLIC $<BUILD_INTERFACE:${generated_root}>)
  # Not our code: no warnings, no checks of its arithmetic; -O1 halves the time it takes to compile.
  target_compile_options(${target} PRIVATE -w -O1)
  if(FLOTILLA_SANITIZE MATCHES undefined)
    target_compile_options(${target} PRIVATE -fno-sanitize=undefined)
  endif()
  target_link_libraries(${target} PUBLIC protobuf::libprotobuf ${arg_DEPS})
  if(arg_GRPC)
    target_link_libraries(${target} PUBLIC gRPC::grpc++)
  endif()
endfunction()

# A misspelt keyword would otherwise be taken for nothing.
macro(_flotilla_check_arguments function)
  if(arg_UNPARSED_ARGUMENTS OR arg_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "${function}: unexpected ${arg_UNPARSED_ARGUMENTS} "
                        "${arg_KEYWORDS_MISSING_VALUES}")
  endif()
endmacro()
