# The SDK's update side: partitions, images, esp_ota_*. Each case is a process of its own over a
# flash file; allocations are made to fail through the linker.
foreach(name esp_partition esp_image esp_ota esp_signed)
    airlift_unit_test(${name} LIBS airlift_idf SOURCES sdk_world.c failing_flash.c)
    target_include_directories(${name}_test PRIVATE ${CMAKE_SOURCE_DIR}/idf/components/esp_partition)
    target_link_options(${name}_test PRIVATE -Wl,--wrap=malloc,--wrap=calloc)
endforeach()
target_compile_definitions(esp_signed_test PRIVATE AIRLIFT_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
