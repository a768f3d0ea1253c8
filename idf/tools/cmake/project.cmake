# ESP-IDF's build system for the virtual device: include this file, then call project(NAME).
#
#   component.cmake   finds components; idf_component_register() and what goes with it
#   properties.cmake  idf_build_*_property, idf_component_*_property
#   config.cmake      Kconfig and sdkconfig
#   version.cmake     PROJECT_VER
#   embed.cmake       files inside the program
#   unsupported.cmake headers that say why they cannot be included
#   image.cmake       from program to app image, partition table and flash file
#   data.cmake        data partitions that the build fills
#   sdk-flags.cmake   how this SDK was built, and where its parts are (written at installation)
#
# The components of ESP-IDF that the virtual device has are one library with one include
# directory; REQUIRES of them is satisfied by it.

include_guard(GLOBAL)
cmake_minimum_required(VERSION 3.22)

get_filename_component(IDF_PATH "${CMAKE_CURRENT_LIST_DIR}/../.." REALPATH)
set(ENV{IDF_PATH} "${IDF_PATH}")
set(AIRLIFT_TOOLS_DIR "${IDF_PATH}/tools")

include("${CMAKE_CURRENT_LIST_DIR}/sdk-flags.cmake")

foreach(asked "${IDF_TARGET}" "$ENV{IDF_TARGET}")
    if(asked AND NOT asked STREQUAL linux)
        message(STATUS "IDF_TARGET is ${asked}; this SDK builds for the virtual device (linux) all the same")
        break()
    endif()
endforeach()

# Firmware written for either asks these.
set(ESP_PLATFORM 1)
set(IDF_TARGET linux)
set(IDF_VERSION_MAJOR 5)
set(IDF_VERSION_MINOR 5)
set(IDF_VERSION_PATCH 0)
set(IDF_VER "v5.5")
set(ENV{IDF_VERSION} "5.5.0")

# Debian's, which has kconfiglib; another python3 may come first in PATH.
if(EXISTS /usr/bin/python3)
    set(PYTHON /usr/bin/python3)
else()
    find_program(PYTHON python3 REQUIRED)
endif()

include("${CMAKE_CURRENT_LIST_DIR}/properties.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/embed.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/component.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/config.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/version.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/unsupported.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/image.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/data.cmake")

if(AIRLIFT_SDK_COMPILER AND NOT CMAKE_C_COMPILER)
    set(CMAKE_C_COMPILER "${AIRLIFT_SDK_COMPILER}") # its sanitizers are in the SDK's archives
endif()

# set_default(VAR VALUE): unless VAR is set, or is in the environment.
function(set_default variable value)
    if(NOT ${variable})
        if(DEFINED ENV{${variable}} AND NOT "$ENV{${variable}}" STREQUAL "")
            set(value "$ENV{${variable}}")
        endif()
        set(${variable} "${value}" PARENT_SCOPE)
    endif()
endfunction()

# Flags of everything in the project, and the SDK behind it.
function(__airlift_define_sdk)
    separate_arguments(sdk_flags UNIX_COMMAND "${AIRLIFT_SDK_FLAGS}")

    add_library(airlift_sdk INTERFACE)
    target_include_directories(airlift_sdk SYSTEM INTERFACE
        "${AIRLIFT_SDK_INCLUDE_DIR}/airlift-idf" "${AIRLIFT_SDK_INCLUDE_DIR}"
        "${IDF_PATH}/components/bootloader_support/include" /usr/include/cjson)
    target_link_libraries(airlift_sdk INTERFACE
        "${AIRLIFT_SDK_LIB_DIR}/libairlift_agent.a"
        "${AIRLIFT_SDK_LIB_DIR}/libairlift_idf.a"
        "${AIRLIFT_SDK_LIB_DIR}/libairlift_core.a"
        ${AIRLIFT_SYSTEM_LIBS} ${sdk_flags})

    __airlift_write_unsupported("${CMAKE_BINARY_DIR}/unsupported")
    set(options "SHELL:-idirafter \"${CMAKE_BINARY_DIR}/unsupported\"")
    list(APPEND options -ffunction-sections -fdata-sections -fno-common -g
        -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare ${sdk_flags})
    if(CONFIG_COMPILER_OPTIMIZATION_SIZE)
        list(APPEND options -Os)
    elseif(CONFIG_COMPILER_OPTIMIZATION_PERF)
        list(APPEND options -O2)
    elseif(CONFIG_COMPILER_OPTIMIZATION_NONE)
        list(APPEND options -O0)
    else()
        list(APPEND options -Og)
    endif()
    idf_build_set_property(COMPILE_OPTIONS "${options}" APPEND)
    idf_build_set_property(C_COMPILE_OPTIONS -std=gnu17 APPEND)
    idf_build_set_property(CXX_COMPILE_OPTIONS -std=gnu++20 APPEND)
    idf_build_set_property(COMPILE_DEFINITIONS "_GNU_SOURCE;ESP_PLATFORM;IDF_VER=\"${IDF_VER}\"" APPEND)
    if(CONFIG_COMPILER_OPTIMIZATION_ASSERTIONS_DISABLE)
        idf_build_set_property(COMPILE_DEFINITIONS NDEBUG APPEND)
    endif()
endfunction()

# Build properties may be changed until the last component is in.
function(__airlift_apply_build_properties target)
    foreach(property COMPILE_OPTIONS C_COMPILE_OPTIONS CXX_COMPILE_OPTIONS COMPILE_DEFINITIONS
            INCLUDE_DIRECTORIES LINK_OPTIONS)
        idf_build_get_property(${property} ${property})
    endforeach()
    list(TRANSFORM COMPILE_DEFINITIONS REPLACE "^-D" "")
    foreach(language C CXX)
        list(APPEND COMPILE_OPTIONS "$<$<COMPILE_LANGUAGE:${language}>:${${language}_COMPILE_OPTIONS}>")
    endforeach()
    get_target_property(type ${target} TYPE)
    if(NOT type STREQUAL INTERFACE_LIBRARY)
        target_compile_options(${target} BEFORE PRIVATE "${COMPILE_OPTIONS}")
        target_compile_definitions(${target} PRIVATE ${COMPILE_DEFINITIONS})
        target_include_directories(${target} PRIVATE ${INCLUDE_DIRECTORIES})
    endif()
    if(type STREQUAL EXECUTABLE)
        target_link_options(${target} PRIVATE ${LINK_OPTIONS})
    endif()
endfunction()

# The program: every component that main needs, and a main() from the SDK unless the project has one.
function(__airlift_add_program)
    idf_build_get_property(config_dir CONFIG_DIR)
    set(elf "${CMAKE_PROJECT_NAME}.elf")
    add_executable(${elf} "${config_dir}/sdkconfig.c")
    idf_build_set_property(EXECUTABLE ${elf})
    idf_build_set_property(EXECUTABLE_NAME ${CMAKE_PROJECT_NAME})
    set_target_properties(${elf} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
    target_link_libraries(${elf} PRIVATE airlift_sdk)
    target_include_directories(${elf} PRIVATE "${config_dir}")
    __airlift_link_components(${elf})
    # main() in the SDK calls app_main(), which lies in an archive that the linker has passed by then.
    target_link_options(${elf} PRIVATE -Wl,-u,app_main -Wl,--gc-sections -Wl,--as-needed)
    if(CONFIG_BOOTLOADER_APP_ROLLBACK_CONFIRM_ON_STARTUP)
        target_link_options(${elf} PRIVATE -Wl,-u,ota_auto_confirm)
    endif()
    __airlift_apply_build_properties(${elf})
endfunction()

# The outer project(), as firmware projects call it. CMake keeps its own under the name _project().
macro(project project_name)
    set(__airlift_args ${ARGN})
    if(NOT __airlift_args MATCHES "(^|;)(LANGUAGES|NONE|C|CXX|ASM)(;|$)")
        list(APPEND __airlift_args LANGUAGES C)
    endif()
    _project(${project_name} ${__airlift_args})
    enable_language(C)
    enable_language(ASM)

    set(PROJECT_PATH "${CMAKE_CURRENT_LIST_DIR}")
    set(IDF_PROJECT_PATH "${CMAKE_CURRENT_LIST_DIR}")
    set(project_dir "${CMAKE_CURRENT_LIST_DIR}")
    idf_build_set_property(PROJECT_DIR "${CMAKE_CURRENT_LIST_DIR}")
    idf_build_set_property(PROJECT_NAME "${CMAKE_PROJECT_NAME}")
    idf_build_set_property(BUILD_DIR "${CMAKE_BINARY_DIR}")
    idf_build_set_property(CONFIG_DIR "${CMAKE_BINARY_DIR}/config")
    set(IDF_TARGET linux) # a project may have named its chip in between

    __airlift_find_components()
    __airlift_configure()
    include("${CMAKE_BINARY_DIR}/config/sdkconfig.cmake")
    __airlift_find_version(PROJECT_VER)
    idf_build_set_property(PROJECT_VER "${PROJECT_VER}")
    message(STATUS "App \"${CMAKE_PROJECT_NAME}\" version: ${PROJECT_VER}")
    __airlift_has_cxx(__airlift_cxx)
    if(__airlift_cxx)
        enable_language(CXX)
    endif()

    __airlift_define_sdk()
    idf_build_get_property(__airlift_components BUILD_COMPONENTS)
    foreach(COMPONENT_NAME ${__airlift_components})
        idf_component_get_property(COMPONENT_DIR ${COMPONENT_NAME} COMPONENT_DIR)
        set(COMPONENT_PATH "${COMPONENT_DIR}")
        if(EXISTS "${COMPONENT_DIR}/project_include.cmake")
            include("${COMPONENT_DIR}/project_include.cmake")
        endif()
    endforeach()
    foreach(COMPONENT_NAME ${__airlift_components})
        __airlift_add_component(${COMPONENT_NAME})
    endforeach()
    unset(COMPONENT_NAME)
    __airlift_resolve_requirements()
    __airlift_add_program()
    __airlift_add_images()
endmacro()
