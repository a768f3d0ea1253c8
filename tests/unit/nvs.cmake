# NVS: the storage over flash in RAM, apart from the rest of the SDK; and the API over a flash file.
set(nvs_dir ${CMAKE_SOURCE_DIR}/idf/components/nvs_flash)
set(nvs_engine ${nvs_dir}/nvs_page.c ${nvs_dir}/nvs_pages.c ${nvs_dir}/nvs_storage.c ${nvs_dir}/nvs_blob.c)

foreach(name nvs_page nvs_power)
    airlift_unit_test(${name} SOURCES nvs_nor.c ${nvs_engine} LIBS airlift_core)
    target_include_directories(${name}_test PRIVATE ${nvs_dir} ${nvs_dir}/include
        ${CMAKE_SOURCE_DIR}/idf/components/esp_common/include)
endforeach()

airlift_unit_test(nvs LIBS airlift_idf)

# What the desk writes and firmware reads.
set(cli_dir ${CMAKE_SOURCE_DIR}/cli)
airlift_unit_test(nvs_build SOURCES ${cli_dir}/nvs_build.c ${cli_dir}/nvs_entries.c ${cli_dir}/csv_table.c
    LIBS airlift_idf airlift_host crypto csv)
target_include_directories(nvs_build_test PRIVATE ${cli_dir})
