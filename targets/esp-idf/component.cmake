# The repository root as the ESP-IDF component `airlift`: agent and core, with PSA for the hashes.
#
# In a project's main/idf_component.yml:
#
#   dependencies:
#     airlift:
#       path: <this directory's repository>

get_filename_component(airlift_root "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
file(GLOB airlift_sources "${airlift_root}/agent/src/*.c" "${airlift_root}/agent/mqtt/*.c"
    "${airlift_root}/agent/push/*.c" "${airlift_root}/core/src/*.c")

# With or without patches, see Kconfig: delta_none.c in place of all that decodes them.
if(CONFIG_AIRLIFT_DELTA)
    list(FILTER airlift_sources EXCLUDE REGEX "/delta_none\\.c$")
else()
    list(FILTER airlift_sources EXCLUDE REGEX "/(esp_)?delta(_[a-z]+)?\\.c$")
    list(APPEND airlift_sources "${airlift_root}/agent/src/delta_none.c")
endif()

set(airlift_requires app_update bootloader_support efuse esp_app_format esp_hw_support esp_http_client esp_partition esp_rom
    esp_driver_gpio esp_netif esp_timer lwip mbedtls mdns nvs_flash)
if(IDF_VERSION_MAJOR LESS 6)
    list(APPEND airlift_public mqtt)   # of airlift_mqtt.h; later: espressif/mqtt
    list(APPEND airlift_requires json) # later: espressif/cjson, which idf_component.yml asks for
endif()

idf_component_register(
    SRCS ${airlift_sources} "${airlift_root}/core/port/crypto_psa.c"
    INCLUDE_DIRS agent/include core/include
    PRIV_INCLUDE_DIRS agent/src
    REQUIRES ${airlift_public}
    PRIV_REQUIRES ${airlift_requires})

if(CONFIG_AIRLIFT_DELTA_12K)
    target_compile_definitions(${COMPONENT_LIB} PUBLIC AL_DELTA_SMALL) # changes airlift/delta.h
endif()
