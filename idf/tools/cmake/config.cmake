# Kconfig: the SDK's options, those of the project's components, and the values the project gives.
# kconfig.py does the work; results are sdkconfig in the build directory and config/sdkconfig.{h,cmake,c}.
#
# The sdkconfig of a board lies in the project directory and is only read.

# Kconfig files of a component: `Kconfig` and `Kconfig.projbuild` unless it registers other names.
function(__airlift_component_kconfig dir argument default variable)
    set(name ${default})
    file(STRINGS "${dir}/CMakeLists.txt" lines REGEX "(^|[ \t(])${argument}[ \t]+")
    if(lines MATCHES "(^|[ \t(])${argument}[ \t]+\"?([^ \t\")]+)")
        set(name "${CMAKE_MATCH_2}")
    endif()
    get_filename_component(path "${name}" ABSOLUTE BASE_DIR "${dir}")
    set(${variable} "" PARENT_SCOPE)
    if(EXISTS "${path}")
        set(${variable} "${path}" PARENT_SCOPE)
    endif()
endfunction()

# SDKCONFIG_DEFAULTS, from CMake or the environment, or sdkconfig.defaults; each with its .linux.
function(__airlift_defaults_files variable)
    idf_build_get_property(project_dir PROJECT_DIR)
    idf_build_get_property(files SDKCONFIG_DEFAULTS)
    if(SDKCONFIG_DEFAULTS)
        set(files ${SDKCONFIG_DEFAULTS})
    elseif(DEFINED ENV{SDKCONFIG_DEFAULTS} AND NOT "$ENV{SDKCONFIG_DEFAULTS}" STREQUAL "")
        set(files $ENV{SDKCONFIG_DEFAULTS})
    endif()
    set(named ${files})
    if(NOT files)
        set(files sdkconfig.defaults)
    endif()
    set(found)
    foreach(file ${files})
        get_filename_component(path "${file}" ABSOLUTE BASE_DIR "${project_dir}")
        if(EXISTS "${path}")
            list(APPEND found "${path}")
        elseif(named)
            message(FATAL_ERROR "SDKCONFIG_DEFAULTS: no file ${path}")
        endif()
        if(EXISTS "${path}.linux")
            list(APPEND found "${path}.linux")
        endif()
    endforeach()
    set(${variable} ${found} PARENT_SCOPE)
endfunction()

function(__airlift_configure)
    idf_build_get_property(project_dir PROJECT_DIR)
    idf_build_get_property(config_dir CONFIG_DIR)
    if(SDKCONFIG)
        get_filename_component(sdkconfig "${SDKCONFIG}" ABSOLUTE BASE_DIR "${project_dir}")
    else()
        set(sdkconfig "${CMAKE_BINARY_DIR}/sdkconfig")
    endif()

    set(options)
    __airlift_defaults_files(defaults)
    foreach(file ${defaults})
        list(APPEND options --defaults "${file}")
    endforeach()
    if(EXISTS "${project_dir}/sdkconfig" AND NOT sdkconfig STREQUAL "${project_dir}/sdkconfig")
        list(APPEND options --board-sdkconfig "${project_dir}/sdkconfig")
    endif()
    list(APPEND options --rename "${IDF_PATH}/sdkconfig.rename")
    idf_build_get_property(names BUILD_COMPONENTS)
    foreach(name ${names})
        idf_component_get_property(dir ${name} COMPONENT_DIR)
        __airlift_component_kconfig("${dir}" KCONFIG Kconfig kconfig)
        __airlift_component_kconfig("${dir}" KCONFIG_PROJBUILD Kconfig.projbuild projbuild)
        if(kconfig)
            list(APPEND options --kconfig "${kconfig}")
        endif()
        if(projbuild)
            list(APPEND options --projbuild "${projbuild}")
        endif()
        if(EXISTS "${dir}/sdkconfig.rename")
            list(APPEND options --rename "${dir}/sdkconfig.rename")
        endif()
    endforeach()

    execute_process(
        COMMAND "${PYTHON}" "${AIRLIFT_TOOLS_DIR}/kconfig.py"
            --root "${IDF_PATH}/Kconfig" --idf-path "${IDF_PATH}" --idf-version "$ENV{IDF_VERSION}"
            --project-dir "${project_dir}" --sdkconfig "${sdkconfig}" --out "${config_dir}" ${options}
        WORKING_DIRECTORY "${project_dir}"
        OUTPUT_VARIABLE files ERROR_VARIABLE messages RESULT_VARIABLE result)
    if(result)
        message(FATAL_ERROR "Kconfig: ${messages}")
    elseif(messages)
        string(STRIP "${messages}" messages)
        message(WARNING "Kconfig: ${messages}")
    endif()
    string(REGEX MATCHALL "[^\n]+" files "${files}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files} "${sdkconfig}")

    idf_build_set_property(SDKCONFIG "${sdkconfig}")
    idf_build_set_property(SDKCONFIG_HEADER "${config_dir}/sdkconfig.h")
    idf_build_set_property(SDKCONFIG_CMAKE "${config_dir}/sdkconfig.cmake")

    add_custom_target(menuconfig
        COMMAND ${CMAKE_COMMAND} -E env
            "IDF_PATH=${IDF_PATH}" IDF_TARGET=linux "IDF_INIT_VERSION=$ENV{IDF_VERSION}"
            "COMPONENT_KCONFIGS_SOURCE_FILE=${config_dir}/kconfigs.in"
            "COMPONENT_KCONFIGS_PROJBUILD_SOURCE_FILE=${config_dir}/kconfigs_projbuild.in"
            "KCONFIG_CONFIG=${sdkconfig}"
            "${PYTHON}" -m menuconfig "${IDF_PATH}/Kconfig"
        USES_TERMINAL VERBATIM)
endfunction()
