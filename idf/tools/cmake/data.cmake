# Data partitions that the build fills. What they hold is written into flash.bin.
#
#   nvs_create_partition_image(PARTITION settings.csv [FLASH_IN_PROJECT] [VERSION 1|2] [DEPENDS file...])
#   esptool_py_flash_to_partition(flash PARTITION file)
#
# build/PARTITION.bin is what a board would be flashed with.

# Have flash.bin hold `file` at the beginning of the partition.
function(__airlift_fill_partition partition file)
    idf_build_set_property(AIRLIFT_DATA "${partition}=${file}" APPEND)
    idf_build_set_property(AIRLIFT_DATA_FILES "${file}" APPEND)
endfunction()

function(nvs_create_partition_image partition csv)
    cmake_parse_arguments(ARG "FLASH_IN_PROJECT" "VERSION" "DEPENDS" ${ARGN})
    if(NOT ARG_VERSION)
        set(ARG_VERSION 2)
    endif()
    get_filename_component(csv "${csv}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    if(NOT EXISTS "${csv}")
        message(FATAL_ERROR "nvs_create_partition_image: no file ${csv}")
    endif()
    set(image "${CMAKE_BINARY_DIR}/${partition}.bin")
    set(table "${CMAKE_BINARY_DIR}/partition_table/partition-table.bin")
    add_custom_command(OUTPUT "${image}"
        COMMAND "${PYTHON}" -B "${AIRLIFT_TOOLS_DIR}/make_nvs.py" --tool "${AIRLIFT_TOOL}" --table "${table}"
            --partition "${partition}" --version ${ARG_VERSION} --out "${image}" "${csv}"
        DEPENDS "${csv}" ${ARG_DEPENDS} "${table}" "${AIRLIFT_TOOL}" "${AIRLIFT_TOOLS_DIR}/make_nvs.py"
        WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
        COMMENT "Building NVS partition ${partition}"
        VERBATIM)
    add_custom_target(nvs_${partition}_bin ALL DEPENDS "${image}" partition-table)
    if(ARG_FLASH_IN_PROJECT)
        __airlift_fill_partition("${partition}" "${image}")
        idf_build_set_property(AIRLIFT_DATA_TARGETS nvs_${partition}_bin APPEND)
    endif()
endfunction()

function(esptool_py_flash_to_partition target partition binary)
    get_filename_component(binary "${binary}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    __airlift_fill_partition("${partition}" "${binary}")
endfunction()

# File systems have no counterpart on the virtual device.
foreach(name spiffs_create_partition_image littlefs_create_partition_image fatfs_create_spiflash_image
        fatfs_create_rawflash_image)
    cmake_language(EVAL CODE "
        function(${name})
            message(FATAL_ERROR \"${name}() is not supported on the virtual device: it has no file systems. \"
                \"Keep it out with if(NOT IDF_TARGET STREQUAL \\\"linux\\\").\")
        endfunction()")
endforeach()
