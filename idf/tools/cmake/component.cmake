# Components: where they are found, how they register, and how they are linked.
#
# As in ESP-IDF, the one found later wins where two have the same name: the SDK's, then
# EXTRA_COMPONENT_DIRS, path dependencies of idf_component.yml, components/*, main.

# ESP-IDF's components of which the virtual device has nothing, or nothing that needs headers of
# its own. Requiring one is fine, as it is on a chip where it is switched off in menuconfig;
# including a header that only it has fails to compile.
set(AIRLIFT_EMPTY_COMPONENTS
    app_trace bootloader bt cmock cmake_utilities console cxx driver
    esp_adc esp_bootloader_format esp_coex esp_driver_ana_cmpr esp_driver_dac esp_driver_gptimer
    esp_driver_i2c esp_driver_i2s esp_driver_ledc esp_driver_mcpwm esp_driver_parlio
    esp_driver_pcnt esp_driver_rmt esp_driver_sdio esp_driver_sdm esp_driver_sdmmc
    esp_driver_sdspi esp_driver_spi esp_driver_tsens esp_driver_uart esp_driver_usb_serial_jtag
    esp_eth esp_gdbstub esp_hid esp_https_server esp_lcd esp_libc
    esp_local_ctrl esp_wifi esp_mm esp_phy esp_pm esp_psram esp_rom esp_security
    esp_stdio esp_system esp_tee esp_usb_cdc_rom_console esp_vfs_console
    esptool_py espcoredump fatfs hal ieee802154 idf_test linux lwip newlib nvs_sec_provider
    openthread partition_table perfmon protobuf-c protocomm pthread rt sdmmc soc spiffs tcp_transport
    test_utils touch_element ulp unity usb vfs wear_levelling wifi_provisioning wpa_supplicant
    xtensa riscv esp_driver_cam esp_driver_isp esp_driver_jpeg esp_driver_ppa esp_hw_support)

# The SDK has these from Debian's libraries, or outside ESP-IDF's tree.
list(APPEND AIRLIFT_SDK_COMPONENTS airlift cjson json mbedtls)

# --- Finding ----------------------------------------------------------------------

function(__airlift_note_component name dir)
    idf_build_get_property(names BUILD_COMPONENTS)
    if(NOT name IN_LIST names)
        idf_build_set_property(BUILD_COMPONENTS ${name} APPEND)
        idf_build_set_property(BUILD_COMPONENT_ALIASES idf::${name} APPEND)
    endif()
    idf_component_set_property(${name} COMPONENT_NAME ${name})
    idf_component_set_property(${name} COMPONENT_DIR "${dir}")
    idf_component_set_property(${name} COMPONENT_LIB __idf_${name})
    idf_component_set_property(${name} COMPONENT_TARGET __idf_${name})
    idf_component_set_property(${name} COMPONENT_ALIAS idf::${name})
endfunction()

# `dir` is a component, or a directory of components.
function(__airlift_note_components_in dir)
    if(EXISTS "${dir}/CMakeLists.txt")
        get_filename_component(name "${dir}" NAME)
        __airlift_note_component(${name} "${dir}")
        return()
    endif()
    file(GLOB children LIST_DIRECTORIES true "${dir}/*")
    foreach(child ${children})
        if(EXISTS "${child}/CMakeLists.txt")
            get_filename_component(name "${child}" NAME)
            __airlift_note_component(${name} "${child}")
        endif()
    endforeach()
endfunction()

# What the manifest of a component names: directories become components, of the others this
# checks that they are there.
function(__airlift_follow_manifest component)
    idf_component_get_property(dir ${component} COMPONENT_DIR)
    if(NOT EXISTS "${dir}/idf_component.yml")
        return()
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${dir}/idf_component.yml")
    execute_process(COMMAND "${PYTHON}" "${AIRLIFT_TOOLS_DIR}/manifest.py" "${dir}/idf_component.yml"
        OUTPUT_VARIABLE output ERROR_VARIABLE error RESULT_VARIABLE result)
    if(result)
        message(FATAL_ERROR "${error}")
    endif()
    string(REGEX MATCHALL "[^\n]+" lines "${output}")
    foreach(line ${lines})
        string(REGEX REPLACE "\\|.*" "" full_name "${line}")
        string(REGEX REPLACE "^[^|]*\\|" "" path "${line}")
        string(REGEX REPLACE ".*/" "" name "${full_name}")
        string(REPLACE "/" "__" managed "${full_name}")
        idf_build_get_property(known BUILD_COMPONENTS)
        idf_build_get_property(project_dir PROJECT_DIR)

        if(path)
            if(NOT EXISTS "${path}/CMakeLists.txt" AND NOT name IN_LIST AIRLIFT_SDK_COMPONENTS)
                message(FATAL_ERROR "${dir}/idf_component.yml: no component in ${path}")
            elseif(EXISTS "${path}/CMakeLists.txt" AND NOT name IN_LIST known)
                __airlift_note_component(${name} "${path}")
                __airlift_follow_manifest(${name})
            endif()
        elseif(name IN_LIST known OR name IN_LIST AIRLIFT_SDK_COMPONENTS OR name IN_LIST AIRLIFT_EMPTY_COMPONENTS)
            # There already.
        elseif(EXISTS "${project_dir}/managed_components/${managed}/CMakeLists.txt")
            __airlift_note_component(${name} "${project_dir}/managed_components/${managed}")
            __airlift_follow_manifest(${name})
        else()
            message(FATAL_ERROR
                "${dir}/idf_component.yml needs ${full_name} from the component registry, which is not asked "
                "here. Put the component into ${project_dir}/components/${name}, or leave it out for "
                "the virtual device with a rule: if: \"target != linux\"")
        endif()
        idf_component_set_property(${component} MANAGED_PRIV_REQUIRES ${name} APPEND)
    endforeach()
endfunction()

function(__airlift_find_components)
    idf_build_get_property(project_dir PROJECT_DIR)
    set(dirs ${EXTRA_COMPONENT_DIRS})
    if(COMPONENT_DIRS)
        list(APPEND dirs ${COMPONENT_DIRS})
    else()
        list(APPEND dirs components main)
    endif()
    foreach(dir ${dirs})
        get_filename_component(path "${dir}" ABSOLUTE BASE_DIR "${project_dir}")
        get_filename_component(name "${path}" NAME)
        string(FIND "${path}/" "${IDF_PATH}/" in_sdk) # 0: a directory of ESP-IDF's, whose components the SDK has
        if(IS_DIRECTORY "${path}")
            if(NOT name IN_LIST EXCLUDE_COMPONENTS)
                __airlift_note_components_in("${path}")
            endif()
        elseif(dir IN_LIST EXTRA_COMPONENT_DIRS AND NOT name IN_LIST AIRLIFT_SDK_COMPONENTS AND NOT in_sdk EQUAL 0)
            # What was to come from there is named when a component requires it.
            message(WARNING "EXTRA_COMPONENT_DIRS: no directory ${path}")
        endif()
    endforeach()

    idf_build_get_property(names BUILD_COMPONENTS)
    if(NOT names)
        message(FATAL_ERROR "No component found: ${project_dir}/main/CMakeLists.txt is missing")
    endif()
    foreach(name ${names})
        __airlift_follow_manifest(${name})
    endforeach()

    # The application's own component comes last, so that it finds the others registered.
    idf_build_get_property(names BUILD_COMPONENTS)
    list(REMOVE_ITEM names ${EXCLUDE_COMPONENTS})
    if(main IN_LIST names)
        list(REMOVE_ITEM names main)
        list(APPEND names main)
    endif()
    idf_build_set_property(BUILD_COMPONENTS "${names}")
endfunction()

# True if some component has C++ in it: only then a C++ compiler is needed.
function(__airlift_has_cxx variable)
    set(${variable} FALSE PARENT_SCOPE)
    idf_build_get_property(names BUILD_COMPONENTS)
    foreach(name ${names})
        idf_component_get_property(dir ${name} COMPONENT_DIR)
        file(GLOB_RECURSE found "${dir}/*.cpp" "${dir}/*.cc" "${dir}/*.cxx")
        if(found)
            set(${variable} TRUE PARENT_SCOPE)
            return()
        endif()
    endforeach()
endfunction()

# --- Registering --------------------------------------------------------------------

function(__airlift_add_component name)
    idf_component_get_property(COMPONENT_DIR ${name} COMPONENT_DIR)
    set(COMPONENT_PATH "${COMPONENT_DIR}")
    set(COMPONENT_NAME ${name})
    set(COMPONENT_LIB __idf_${name})
    set(COMPONENT_TARGET __idf_${name})
    set(COMPONENT_ALIAS idf::${name})
    add_subdirectory("${COMPONENT_DIR}" "${CMAKE_BINARY_DIR}/esp-idf/${name}" EXCLUDE_FROM_ALL)
    if(NOT TARGET __idf_${name})
        message(FATAL_ERROR "${COMPONENT_DIR}/CMakeLists.txt does not call idf_component_register()")
    endif()
endfunction()

function(__airlift_component_sources variable)
    set(sources)
    foreach(dir ${ARG_SRC_DIRS})
        get_filename_component(path "${dir}" ABSOLUTE BASE_DIR "${COMPONENT_DIR}")
        if(NOT IS_DIRECTORY "${path}")
            message(FATAL_ERROR "${COMPONENT_DIR}/CMakeLists.txt: SRC_DIRS names ${path}, which is no directory")
        endif()
        file(GLOB found CONFIGURE_DEPENDS "${path}/*.c" "${path}/*.cpp" "${path}/*.cc" "${path}/*.S")
        list(SORT found)
        list(APPEND sources ${found})
    endforeach()
    foreach(source ${ARG_SRCS})
        get_filename_component(path "${source}" ABSOLUTE BASE_DIR "${COMPONENT_DIR}")
        list(APPEND sources "${path}")
    endforeach()
    foreach(source ${ARG_EXCLUDE_SRCS})
        get_filename_component(path "${source}" ABSOLUTE BASE_DIR "${COMPONENT_DIR}")
        list(REMOVE_ITEM sources "${path}")
    endforeach()
    list(REMOVE_DUPLICATES sources)
    set(${variable} ${sources} PARENT_SCOPE)
endfunction()

function(idf_component_register)
    cmake_parse_arguments(ARG "WHOLE_ARCHIVE" "KCONFIG;KCONFIG_PROJBUILD"
        "SRCS;SRC_DIRS;EXCLUDE_SRCS;INCLUDE_DIRS;PRIV_INCLUDE_DIRS;LDFRAGMENTS;REQUIRES;PRIV_REQUIRES;REQUIRED_IDF_TARGETS;EMBED_FILES;EMBED_TXTFILES"
        ${ARGN})
    if(ARG_UNPARSED_ARGUMENTS)
        message(WARNING "${COMPONENT_NAME}: unknown arguments of idf_component_register: ${ARG_UNPARSED_ARGUMENTS}")
    endif()
    if(ARG_REQUIRED_IDF_TARGETS AND NOT linux IN_LIST ARG_REQUIRED_IDF_TARGETS)
        string(REPLACE ";" ", " targets "${ARG_REQUIRED_IDF_TARGETS}")
        message(FATAL_ERROR
            "Component ${COMPONENT_NAME} is not supported on the virtual device: it requires ${targets}")
    endif()

    __airlift_component_sources(sources)
    idf_build_get_property(config_dir CONFIG_DIR)
    if(sources OR ARG_EMBED_FILES OR ARG_EMBED_TXTFILES)
        set(public PUBLIC)
        if(NOT sources)
            file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/empty.c" "/* Only embedded files. */\n")
            set(sources "${CMAKE_CURRENT_BINARY_DIR}/empty.c")
        endif()
        add_library(${COMPONENT_LIB} STATIC ${sources})
        set_target_properties(${COMPONENT_LIB} PROPERTIES OUTPUT_NAME ${COMPONENT_NAME})
        target_include_directories(${COMPONENT_LIB} PRIVATE "${config_dir}")
        foreach(dir ${ARG_PRIV_INCLUDE_DIRS})
            get_filename_component(path "${dir}" ABSOLUTE BASE_DIR "${COMPONENT_DIR}")
            target_include_directories(${COMPONENT_LIB} PRIVATE "${path}")
        endforeach()
        foreach(file ${ARG_EMBED_FILES})
            target_add_binary_data(${COMPONENT_LIB} "${file}" BINARY)
        endforeach()
        foreach(file ${ARG_EMBED_TXTFILES})
            target_add_binary_data(${COMPONENT_LIB} "${file}" TEXT)
        endforeach()
        idf_component_set_property(${COMPONENT_NAME} COMPONENT_TYPE LIBRARY)
    else()
        set(public INTERFACE)
        add_library(${COMPONENT_LIB} INTERFACE)
        idf_component_set_property(${COMPONENT_NAME} COMPONENT_TYPE CONFIG_ONLY)
    endif()
    add_library(idf::${COMPONENT_NAME} ALIAS ${COMPONENT_LIB})
    foreach(dir ${ARG_INCLUDE_DIRS})
        get_filename_component(path "${dir}" ABSOLUTE BASE_DIR "${COMPONENT_DIR}")
        target_include_directories(${COMPONENT_LIB} ${public} "${path}")
    endforeach()
    target_link_libraries(${COMPONENT_LIB} ${public} airlift_sdk)

    idf_component_set_property(${COMPONENT_NAME} SRCS "${sources}")
    idf_component_set_property(${COMPONENT_NAME} INCLUDE_DIRS "${ARG_INCLUDE_DIRS}")
    idf_component_set_property(${COMPONENT_NAME} PRIV_INCLUDE_DIRS "${ARG_PRIV_INCLUDE_DIRS}")
    idf_component_set_property(${COMPONENT_NAME} REQUIRES "${ARG_REQUIRES}" APPEND)
    idf_component_set_property(${COMPONENT_NAME} PRIV_REQUIRES "${ARG_PRIV_REQUIRES}" APPEND)
    if(ARG_WHOLE_ARCHIVE)
        idf_component_set_property(${COMPONENT_NAME} WHOLE_ARCHIVE TRUE)
    endif()
endfunction()

# Variables in place of arguments: ESP-IDF before 4.0.
macro(register_component)
    set(__src_dirs ${COMPONENT_SRCDIRS})
    if(NOT COMPONENT_SRCS AND NOT __src_dirs AND NOT COMPONENT_CONFIG_ONLY)
        set(__src_dirs .)
    endif()
    idf_component_register(
        SRCS ${COMPONENT_SRCS}
        SRC_DIRS ${__src_dirs}
        EXCLUDE_SRCS ${COMPONENT_SRCEXCLUDE} ${COMPONENT_OBJEXCLUDE}
        INCLUDE_DIRS ${COMPONENT_ADD_INCLUDEDIRS}
        PRIV_INCLUDE_DIRS ${COMPONENT_PRIV_INCLUDEDIRS}
        REQUIRES ${COMPONENT_REQUIRES}
        PRIV_REQUIRES ${COMPONENT_PRIV_REQUIRES}
        EMBED_FILES ${COMPONENT_EMBED_FILES}
        EMBED_TXTFILES ${COMPONENT_EMBED_TXTFILES})
endmacro()

macro(register_config_only_component)
    idf_component_register()
endmacro()

function(component_compile_options)
    target_compile_options(${COMPONENT_LIB} PRIVATE ${ARGV})
endfunction()

function(component_compile_definitions)
    target_compile_definitions(${COMPONENT_LIB} PRIVATE ${ARGV})
endfunction()

# idf_component_optional_requires(PUBLIC|PRIVATE COMPONENT ...): those that are there.
function(idf_component_optional_requires kind)
    idf_build_get_property(names BUILD_COMPONENTS)
    set(property PRIV_REQUIRES)
    if(kind STREQUAL PUBLIC)
        set(property REQUIRES)
    endif()
    foreach(name ${ARGN})
        if(name IN_LIST names)
            idf_component_set_property(${COMPONENT_NAME} ${property} ${name} APPEND)
        endif()
    endforeach()
endfunction()

# idf_component_add_link_dependency(FROM COMPONENT [TO COMPONENT])
function(idf_component_add_link_dependency)
    cmake_parse_arguments(ARG "" "FROM;TO" "" ${ARGN})
    if(NOT ARG_TO)
        set(ARG_TO ${COMPONENT_NAME})
    endif()
    idf_component_set_property(${ARG_FROM} PRIV_REQUIRES ${ARG_TO} APPEND)
endfunction()

# --- Linking ------------------------------------------------------------------------

# The SDK's components as targets, for target_link_libraries(... idf::mbedtls).
function(__airlift_define_sdk_targets)
    foreach(name ${AIRLIFT_SDK_COMPONENTS} ${AIRLIFT_EMPTY_COMPONENTS})
        if(NOT TARGET __idf_${name})
            add_library(__idf_${name} INTERFACE)
            add_library(idf::${name} ALIAS __idf_${name})
            target_link_libraries(__idf_${name} INTERFACE airlift_sdk)
        endif()
    endforeach()
endfunction()

function(__airlift_check_requirement component name)
    if(TARGET __idf_${name})
        return()
    endif()
    idf_component_get_property(dir ${component} COMPONENT_DIR)
    message(FATAL_ERROR
        "Component ${component} requires ${name}, which is not supported on the virtual device, nor a component of "
        "this project.\n"
        "It is asked for in ${dir}/CMakeLists.txt. If it is yours, put it into components/ or name its place in "
        "EXTRA_COMPONENT_DIRS; if only boards need it: if(NOT IDF_TARGET STREQUAL \"linux\").")
endfunction()

# What a component needs besides what it says: its manifest's dependencies, and for a main that says
# nothing all others.
function(__airlift_private_requirements component variable)
    idf_component_get_property(requires ${component} REQUIRES)
    idf_component_get_property(private ${component} PRIV_REQUIRES)
    idf_component_get_property(managed ${component} MANAGED_PRIV_REQUIRES)
    if(component STREQUAL main AND NOT requires AND NOT private)
        idf_build_get_property(private BUILD_COMPONENTS)
    endif()
    list(APPEND private ${managed})
    list(REMOVE_DUPLICATES private)
    list(REMOVE_ITEM private ${component})
    set(${variable} ${private} PARENT_SCOPE)
endfunction()

# Components in the program: all, or with COMPONENTS or MINIMAL_BUILD those and what they need.
function(__airlift_choose_components)
    idf_build_get_property(all BUILD_COMPONENTS)
    idf_build_get_property(minimal MINIMAL_BUILD)
    if(COMPONENTS)
        set(open ${COMPONENTS})
    elseif(minimal AND main IN_LIST all)
        set(open main)
    else()
        set(open ${all})
    endif()
    set(chosen)
    while(open)
        list(POP_FRONT open name)
        if(name IN_LIST all AND NOT name IN_LIST chosen)
            list(APPEND chosen ${name})
            idf_component_get_property(requires ${name} REQUIRES)
            __airlift_private_requirements(${name} private)
            list(APPEND open ${requires} ${private})
        endif()
    endwhile()
    idf_build_set_property(AIRLIFT_CHOSEN "${chosen}")
endfunction()

function(__airlift_resolve_requirements)
    __airlift_define_sdk_targets()
    __airlift_choose_components()
    idf_build_get_property(chosen AIRLIFT_CHOSEN)
    foreach(component ${chosen})
        idf_component_get_property(requires ${component} REQUIRES)
        __airlift_private_requirements(${component} private)
        idf_component_get_property(type ${component} COMPONENT_TYPE)
        foreach(name ${requires} ${private})
            string(REGEX REPLACE "^.*__" "" short ${name}) # namespace__name
            if(NOT TARGET __idf_${name} AND TARGET __idf_${short})
                set(name ${short})
            endif()
            __airlift_check_requirement(${component} ${name})
            if(type STREQUAL CONFIG_ONLY)
                target_link_libraries(__idf_${component} INTERFACE __idf_${name})
            elseif(name IN_LIST requires)
                target_link_libraries(__idf_${component} PUBLIC __idf_${name})
            else()
                target_link_libraries(__idf_${component} PRIVATE __idf_${name})
            endif()
        endforeach()
        __airlift_apply_build_properties(__idf_${component})
    endforeach()
endfunction()

function(__airlift_link_components elf)
    idf_build_get_property(chosen AIRLIFT_CHOSEN)
    foreach(component ${chosen})
        idf_component_get_property(whole ${component} WHOLE_ARCHIVE)
        if(whole)
            target_sources(${elf} PRIVATE "$<TARGET_OBJECTS:__idf_${component}>")
        endif()
        target_link_libraries(${elf} PRIVATE __idf_${component})
    endforeach()
endfunction()
