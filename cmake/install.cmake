# `cmake --install BUILD` puts the libraries with their headers, the command and the embedded model under
# a prefix, where find_package(gnomon) finds them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set_target_properties(gnomon_gnomon PROPERTIES EXPORT_NAME gnomon)
install(TARGETS gnomon_gnomon EXPORT gnomon-targets COMPONENT library)
install(EXPORT gnomon-targets NAMESPACE gnomon:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gnomon
        COMPONENT library)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/src/gnomon DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT library FILES_MATCHING PATTERN "*.h")
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/gnomon-config.cmake.in gnomon-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gnomon)
write_basic_package_version_file(gnomon-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/gnomon-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/gnomon-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gnomon COMPONENT library)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/assets/gnomon-books DESTINATION ${CMAKE_INSTALL_DATADIR}/gnomon
        COMPONENT command)
