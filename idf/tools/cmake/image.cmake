# From the program to files that a device takes:
#
#   NAME.bin                             app image, signed if CONFIG_SECURE_BOOT_BUILD_SIGNED_BINARIES
#   NAME-unsigned.bin                    the same before that
#   bootloader/bootloader.bin            what lies in a bootloader's place
#   partition_table/partition-table.bin
#   flash.bin, flash.bin.json            a device with all three, ready to run

# What the table is made from: the project's CSV, or the name of one of ESP-IDF's tables. Those
# follow the table where CONFIG_PARTITION_TABLE_OFFSET moves it.
function(__airlift_partition_source variable)
    if(CONFIG_PARTITION_TABLE_CUSTOM)
        idf_build_get_property(dir PROJECT_DIR)
        get_filename_component(source "${CONFIG_PARTITION_TABLE_FILENAME}" ABSOLUTE BASE_DIR "${dir}")
        if(NOT EXISTS "${source}")
            message(FATAL_ERROR "CONFIG_PARTITION_TABLE_CUSTOM_FILENAME: no file ${source}")
        endif()
    else()
        string(REGEX REPLACE "^partitions_(.*)\\.csv$" "\\1" source "${CONFIG_PARTITION_TABLE_FILENAME}")
    endif()
    set(${variable} "${source}" PARENT_SCOPE)
endfunction()

# What the bootloader does with pins, as keys of flash.bin.json.
function(__airlift_boot_pins variable)
    set(pins)
    foreach(which FACTORY_RESET APP_TEST)
        if(CONFIG_BOOTLOADER_${which})
            string(TOLOWER "${which}" key)
            string(REPLACE app_ "" key ${key})
            set(level 0)
            if(CONFIG_BOOTLOADER_${which}_PIN_HIGH)
                set(level 1)
            endif()
            list(APPEND pins --key ${key}_pin=${CONFIG_BOOTLOADER_NUM_PIN_${which}}
                --key ${key}_pin_level=${level} --key pin_hold_s=${CONFIG_BOOTLOADER_HOLD_TIME_GPIO})
        endif()
    endforeach()
    if(CONFIG_BOOTLOADER_FACTORY_RESET)
        list(APPEND pins --key "factory_reset_erase=\"${CONFIG_BOOTLOADER_DATA_FACTORY_RESET}\"")
        if(CONFIG_BOOTLOADER_OTA_DATA_ERASE)
            list(APPEND pins --key factory_reset_otadata=true)
        endif()
    endif()
    set(${variable} ${pins} PARENT_SCOPE)
endfunction()

# The key that signs, as a file that exists; empty if the build does not sign.
function(__airlift_signing_key variable)
    set(key)
    if(CONFIG_SECURE_BOOT_BUILD_SIGNED_BINARIES)
        idf_build_get_property(dir PROJECT_DIR)
        get_filename_component(key "${CONFIG_SECURE_BOOT_SIGNING_KEY}" ABSOLUTE BASE_DIR "${dir}")
        if(NOT EXISTS "${key}")
            set(type rsa3072)
            if(CONFIG_SECURE_BOOT_ECDSA_KEY_LEN_384_BITS)
                set(type ecdsa384)
            elseif(CONFIG_SECURE_SIGNED_APPS_ECDSA_V2_SCHEME)
                set(type ecdsa256)
            endif()
            message(FATAL_ERROR "CONFIG_SECURE_BOOT_SIGNING_KEY: no file ${key}. Make one:\n"
                "  airlift keys new --type ${type} -o ${key}\nand keep a copy of it where it can't get lost.")
        endif()
    endif()
    set(${variable} "${key}" PARENT_SCOPE)
endfunction()

# Sign image `from` into image `to`.
function(__airlift_sign key from to)
    add_custom_command(OUTPUT "${to}"
        COMMAND "${AIRLIFT_TOOL}" image sign --key "${key}" "${from}" -o "${to}"
        DEPENDS "${from}" "${key}" "${AIRLIFT_TOOL}"
        COMMENT "Signing ${to}"
        VERBATIM)
endfunction()

function(__airlift_add_images)
    idf_build_get_property(elf EXECUTABLE)
    idf_build_get_property(version PROJECT_VER)
    set(name ${CMAKE_PROJECT_NAME})
    set(app "${CMAKE_BINARY_DIR}/${name}.bin")
    set(table "${CMAKE_BINARY_DIR}/partition_table/partition-table.bin")
    set(flash "${CMAKE_BINARY_DIR}/flash.bin")
    string(LENGTH "${name}" length)
    if(length GREATER 31)
        string(SUBSTRING "${name}" 0 31 short_name)
        message(WARNING "Project name \"${name}\" is longer than the 31 characters of an app image: it is cut there")
    else()
        set(short_name ${name})
    endif()

    set(secure_version 0)
    set(anti_rollback)
    set(rollback)
    if(CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK)
        set(secure_version ${CONFIG_BOOTLOADER_APP_SECURE_VERSION})
        set(anti_rollback --anti-rollback)
    endif()
    if(NOT CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE)
        set(rollback --no-rollback)
    endif()

    __airlift_boot_pins(pins)

    __airlift_signing_key(key)
    set(unsigned_app "${app}")
    set(secure_boot)
    if(key)
        set(unsigned_app "${CMAKE_BINARY_DIR}/${name}-unsigned.bin")
        __airlift_sign("${key}" "${unsigned_app}" "${app}")
    endif()
    if(CONFIG_SECURE_BOOT)
        set(secure_boot "--secure-boot=${key}")
    endif()

    # The image carries the program without debug information, and the hash of the one with it.
    set(stripped "${CMAKE_BINARY_DIR}/esp-idf/${name}.stripped.elf")
    add_custom_command(OUTPUT "${unsigned_app}"
        COMMAND "${CMAKE_STRIP}" -s -o "${stripped}" "$<TARGET_FILE:${elf}>"
        COMMAND "${AIRLIFT_TOOL}" image build --elf "${stripped}" --debug-elf "$<TARGET_FILE:${elf}>"
            --project "${short_name}" --version "${version}" --secure-version ${secure_version} -o "${unsigned_app}"
        DEPENDS ${elf} "${AIRLIFT_TOOL}" "${CMAKE_BINARY_DIR}/config/sdkconfig.h"
        BYPRODUCTS "${stripped}"
        COMMENT "Building app image ${name}.bin, version ${version}"
        VERBATIM)
    add_custom_target(app ALL DEPENDS "${app}")

    __airlift_partition_source(source)
    set(source_file)
    if(CONFIG_PARTITION_TABLE_CUSTOM)
        set(source_file "${source}")
    endif()
    set(md5)
    if(NOT CONFIG_PARTITION_TABLE_MD5)
        set(md5 --no-md5)
    endif()
    file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/partition_table")
    add_custom_command(OUTPUT "${table}"
        COMMAND "${AIRLIFT_TOOL}" partitions gen "${source}" "${table}"
            --offset ${CONFIG_PARTITION_TABLE_OFFSET} --flash-size ${CONFIG_ESPTOOLPY_FLASHSIZE} ${md5}
        DEPENDS ${source_file} "${AIRLIFT_TOOL}" "${CMAKE_BINARY_DIR}/config/sdkconfig.h"
        COMMENT "Building partition table"
        VERBATIM)
    add_custom_target(partition-table ALL DEPENDS "${table}")

    set(bootloader "${CMAKE_BINARY_DIR}/bootloader/bootloader.bin")
    set(unsigned_bootloader "${bootloader}")
    if(key)
        set(unsigned_bootloader "${CMAKE_BINARY_DIR}/bootloader/bootloader-unsigned.bin")
        __airlift_sign("${key}" "${unsigned_bootloader}" "${bootloader}")
    endif()
    add_custom_command(OUTPUT "${unsigned_bootloader}"
        COMMAND "${PYTHON}" -B "${AIRLIFT_TOOLS_DIR}/make_bootloader.py" --out "${unsigned_bootloader}"
            --version ${CONFIG_BOOTLOADER_PROJECT_VER} --idf-version "${IDF_VER}"
        DEPENDS "${AIRLIFT_TOOLS_DIR}/make_bootloader.py" "${CMAKE_BINARY_DIR}/config/sdkconfig.h"
        VERBATIM)
    add_custom_target(bootloader ALL DEPENDS "${bootloader}")

    idf_build_get_property(data AIRLIFT_DATA)
    idf_build_get_property(data_files AIRLIFT_DATA_FILES)
    list(TRANSFORM data PREPEND "--data=")
    add_custom_command(OUTPUT "${flash}"
        COMMAND "${PYTHON}" -B "${AIRLIFT_TOOLS_DIR}/make_flash.py" --tool "${AIRLIFT_TOOL}"
            --app "${app}" --table "${table}" --source "${source}"
            --bootloader "${bootloader}" --bootloader-offset ${CONFIG_BOOTLOADER_OFFSET_IN_FLASH}
            --offset ${CONFIG_PARTITION_TABLE_OFFSET} --size ${CONFIG_ESPTOOLPY_FLASHSIZE}
            ${rollback} ${anti_rollback} ${secure_boot} ${pins} ${data} --out "${flash}"
        DEPENDS "${app}" "${table}" "${bootloader}" ${data_files} "${AIRLIFT_TOOLS_DIR}/make_flash.py"
        BYPRODUCTS "${flash}.json"
        COMMENT "Building flash.bin"
        VERBATIM)
    add_custom_target(flash_image ALL DEPENDS "${flash}")
    idf_build_get_property(data_targets AIRLIFT_DATA_TARGETS)
    if(data_targets)
        add_dependencies(flash_image ${data_targets})
    endif()

    add_custom_target(run
        COMMAND "${AIRLIFT_TOOL}" device run "${flash}"
        DEPENDS "${flash}"
        USES_TERMINAL VERBATIM)
endfunction()
