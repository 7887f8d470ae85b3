# What `cmake --install` puts where: component "client" is the library for programs (headers, shared
# library, CMake package, .pc file), component "programs" the binaries.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

install(TARGETS flotilla_client_shared flotilla_testing
  EXPORT FlotillaTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client
  FILE_SET public_headers DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT client
  FILE_SET testing_headers DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT client)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Flotilla)
install(EXPORT FlotillaTargets
  NAMESPACE flotilla::
  DESTINATION ${package_folder}
  COMPONENT client)
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/FlotillaConfig.cmake.in
  ${PROJECT_BINARY_DIR}/FlotillaConfig.cmake
  INSTALL_DESTINATION ${package_folder})
# Before 1.0 a minor version may break.
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/FlotillaConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)

# Relative, so that the installed tree can be moved.
cmake_path(SET pkgconfig_folder /${CMAKE_INSTALL_LIBDIR}/pkgconfig)
cmake_path(RELATIVE_PATH pkgconfig_folder BASE_DIRECTORY / OUTPUT_VARIABLE relative_folder)
string(REGEX REPLACE "[^/]+" ".." pkgconfig_to_prefix ${relative_folder})
configure_file(
  ${PROJECT_SOURCE_DIR}/cmake/flotilla-client.pc.in
  ${PROJECT_BINARY_DIR}/flotilla-client.pc @ONLY)

install(FILES
  ${PROJECT_BINARY_DIR}/FlotillaConfig.cmake
  ${PROJECT_BINARY_DIR}/FlotillaConfigVersion.cmake
  DESTINATION ${package_folder} COMPONENT client)
install(FILES ${PROJECT_BINARY_DIR}/flotilla-client.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT client)
