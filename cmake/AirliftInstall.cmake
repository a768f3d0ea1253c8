# What `make install PREFIX=...` installs, and the same inside the build tree (target `stage`).
#
#   bin/airlift
#   include/airlift/            core's headers: #include "airlift/ptable.h"
#   include/airlift-idf/        ESP-IDF's API and the agent's airlift.h
#   include/airlift-idf/default the sdkconfig.h of programs that are built by hand
#   lib/                        libairlift_core.a, libairlift_idf.a, libairlift_agent.a, cmake/, pkgconfig/
#   share/airlift/idf           what IDF_PATH is set to: project.cmake, Kconfig
#   share/airlift/examples
#
# Nothing installed holds an absolute path: tools find each other from where they lie.

include(CMakePackageConfigHelpers)

# --- Libraries ------------------------------------------------------------------

# What a firmware program links: the API, the chip under it, its crypto port, and core, in
# one archive, so that the order of libraries on a command line does not matter.
add_library(airlift_idf_sdk STATIC
    $<TARGET_OBJECTS:airlift_idf>
    $<TARGET_OBJECTS:airlift_chip>
    $<TARGET_OBJECTS:airlift_crypto_psa>
    $<TARGET_OBJECTS:airlift_core>)
set_target_properties(airlift_idf_sdk PROPERTIES
    LINKER_LANGUAGE C
    OUTPUT_NAME airlift_idf
    ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/sdk)

install(TARGETS airlift_core airlift_idf_sdk airlift_agent ARCHIVE)

# The system's libraries behind it are whatever the idf/ part links.
get_target_property(idf_libs airlift_idf INTERFACE_LINK_LIBRARIES)
set(AIRLIFT_SYSTEM_LIBS)
foreach(lib ${idf_libs})
    if(NOT TARGET ${lib})
        list(APPEND AIRLIFT_SYSTEM_LIBS ${lib})
    endif()
endforeach()
list(TRANSFORM AIRLIFT_SYSTEM_LIBS PREPEND "-l" OUTPUT_VARIABLE system_flags)
list(JOIN system_flags " " AIRLIFT_SYSTEM_FLAGS)

# Instrumented archives need instrumented programs.
set(AIRLIFT_SDK_FLAGS)
if(AIRLIFT_SANITIZE)
    set(AIRLIFT_SDK_FLAGS "-fsanitize=${AIRLIFT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer")
endif()

# --- Headers --------------------------------------------------------------------

install(DIRECTORY core/include/airlift DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY agent/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/airlift-idf)
file(GLOB component_dirs CONFIGURE_DEPENDS LIST_DIRECTORIES true idf/components/*)
set(AIRLIFT_SDK_COMPONENTS)
foreach(dir ${component_dirs})
    get_filename_component(name ${dir} NAME)
    list(APPEND AIRLIFT_SDK_COMPONENTS ${name})
    if(IS_DIRECTORY ${dir}/include)
        # A header looks for "sdkconfig.h" beside itself first, so the default one lies apart.
        install(DIRECTORY ${dir}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/airlift-idf
            PATTERN sdkconfig.h EXCLUDE)
    endif()
endforeach()
# Tests of ESP-IDF's include it as "../bootloader_flash/include/...", from a directory beside it.
install(DIRECTORY idf/components/bootloader_support/bootloader_flash/include/
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/airlift-idf)
install(DIRECTORY DESTINATION ${CMAKE_INSTALL_DATADIR}/airlift/idf/components/bootloader_support/include)
install(DIRECTORY idf/components/bootloader_support/bootloader_flash
    DESTINATION ${CMAKE_INSTALL_DATADIR}/airlift/idf/components/bootloader_support)
install(FILES idf/components/esp_common/include/sdkconfig.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/airlift-idf/default)

# --- For pkg-config and for find_package(airlift) -------------------------------

file(RELATIVE_PATH AIRLIFT_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" AIRLIFT_PC_PREFIX ${AIRLIFT_PC_PREFIX})
foreach(module airlift-core airlift-idf)
    configure_file(cmake/${module}.pc.in ${module}.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${module}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/airlift)
configure_package_config_file(cmake/airliftConfig.cmake.in airliftConfig.cmake
    INSTALL_DESTINATION ${package_dir}
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(airliftConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/airliftConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/airliftConfigVersion.cmake DESTINATION ${package_dir})

# --- The SDK: what IDF_PATH is set to -------------------------------------------

set(idf_dir ${CMAKE_INSTALL_DATADIR}/airlift/idf)
file(RELATIVE_PATH AIRLIFT_SDK_PREFIX /${idf_dir}/tools/cmake /)
set(AIRLIFT_SDK_COMPILER)
if(AIRLIFT_SANITIZE)
    set(AIRLIFT_SDK_COMPILER ${CMAKE_C_COMPILER}) # each compiler has a sanitizer run time of its own
endif()
configure_file(cmake/sdk-flags.cmake.in sdk-flags.cmake @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sdk-flags.cmake DESTINATION ${idf_dir}/tools/cmake)
install(DIRECTORY idf/tools DESTINATION ${idf_dir} USE_SOURCE_PERMISSIONS PATTERN __pycache__ EXCLUDE)
install(DIRECTORY idf/examples DESTINATION ${idf_dir})
install(FILES idf/Kconfig idf/sdkconfig.rename DESTINATION ${idf_dir})
file(GLOB projects CONFIGURE_DEPENDS LIST_DIRECTORIES true examples/*/main)
list(TRANSFORM projects REPLACE "/main$" "")
install(DIRECTORY ${projects} DESTINATION ${CMAKE_INSTALL_DATADIR}/airlift/examples USE_SOURCE_PERMISSIONS
    PATTERN build EXCLUDE PATTERN sdkconfig EXCLUDE)

# What `airlift demo` updates in its second part; licence note beside it.
install(DIRECTORY tests/data/firmware/ DESTINATION ${CMAKE_INSTALL_DATADIR}/airlift/demo)

# --- Completion -----------------------------------------------------------------

add_custom_command(OUTPUT airlift.bash
    COMMAND airlift completion bash > airlift.bash
    VERBATIM)
add_custom_target(airlift_completion ALL DEPENDS airlift.bash)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/airlift.bash
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME airlift)

# --- Stage ----------------------------------------------------------------------

# Every target of these directories that `all` builds.
function(airlift_targets_below dir out)
    get_property(found DIRECTORY ${dir} PROPERTY BUILDSYSTEM_TARGETS)
    get_property(below DIRECTORY ${dir} PROPERTY SUBDIRECTORIES)
    foreach(sub ${below})
        airlift_targets_below(${sub} more)
        list(APPEND found ${more})
    endforeach()
    set(${out} ${found} PARENT_SCOPE)
endfunction()

set(staged_targets airlift_idf_sdk airlift_completion airlift-torture)
foreach(part core host device idf agent web server cli examples)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${part}/CMakeLists.txt)
        airlift_targets_below(${CMAKE_CURRENT_SOURCE_DIR}/${part} more)
        foreach(target ${more})
            get_target_property(excluded ${target} EXCLUDE_FROM_ALL)
            if(NOT excluded)
                list(APPEND staged_targets ${target})
            endif()
        endforeach()
    endif()
endforeach()

# From an empty directory, so that a header removed here is missed there.
add_custom_target(stage
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${AIRLIFT_STAGE}
    COMMAND ${CMAKE_COMMAND} --install ${CMAKE_BINARY_DIR} --prefix ${AIRLIFT_STAGE} > stage.log
    COMMENT "Installing into ${AIRLIFT_STAGE}"
    VERBATIM)
add_dependencies(stage ${staged_targets})

add_test(NAME stage COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR} --target stage)
set_tests_properties(stage PROPERTIES FIXTURES_SETUP stage TIMEOUT 900)
