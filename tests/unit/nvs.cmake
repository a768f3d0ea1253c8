# NVS: the storage over flash in RAM, apart from the rest of the SDK; and the API over a flash file.
set(nvs_dir ${CMAKE_SOURCE_DIR}/idf/components/nvs_flash)
set(nvs_engine ${nvs_dir}/nvs_page.c ${nvs_dir}/nvs_pages.c ${nvs_dir}/nvs_storage.c ${nvs_dir}/nvs_blob.c)

foreach(name nvs_page nvs_power)
    airlift_unit_test(${name} SOURCES nvs_nor.c ${nvs_engine} LIBS airlift_core)
    target_include_directories(${name}_test PRIVATE ${nvs_dir} ${nvs_dir}/include
        ${CMAKE_SOURCE_DIR}/idf/components/esp_common/include)
endforeach()

airlift_unit_test(nvs LIBS airlift_idf)
