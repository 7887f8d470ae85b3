# How everything in the tree is compiled: language, warnings, sanitizers, compiler cache, linker.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# The client is a shared library made of the static ones.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
add_compile_options(-fno-semantic-interposition)

# Installed programs find our library beside them, wherever the prefix is.
include(GNUInstallDirs)
set(CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")

# -g1 keeps function names and lines for stack traces at a third of the object size of -g.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

# A field that a designated initializer leaves out has its default: that is what they are for.
add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wno-missing-field-initializers)
# GCC 12 sees uninitialised values in every StatusOr that it has inlined far enough.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  add_compile_options(-Wno-maybe-uninitialized)
endif()

set(FLOTILLA_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them (empty: none)")
if(FLOTILLA_SANITIZE)
  add_compile_options(-fsanitize=${FLOTILLA_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FLOTILLA_SANITIZE})
endif()

# Paths in assertions and debug information are relative to the source tree, however the compiler
# was handed them: absolute by CMake, relative to the build tree by ccache.
file(RELATIVE_PATH source_from_build ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=${source_from_build}=)

# Work trees at different paths share one cache: ccache sees only paths relative to the tree.
find_program(FLOTILLA_CCACHE ccache)
if(FLOTILLA_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros ${FLOTILLA_CCACHE})
endif()

find_program(FLOTILLA_MOLD mold)
if(FLOTILLA_MOLD)
  # Without pages of their own, a segment that is made read-only after relocation may begin a few
  # bytes before the page that it is in, and the program cannot be loaded: mold 1.10 puts .tbss in
  # front of it without aligning it.
  add_link_options(-fuse-ld=mold -Wl,-z,separate-loadable-segments)
endif()
