airlift_unit_test(esp_http_client LIBS airlift_idf SOURCES http_world.c)
# One program for each sdkconfig.
airlift_unit_test(esp_https_ota LIBS airlift_idf
    SOURCES https_ota_world.c http_world.c ota_world.c failing_flash.c)
airlift_unit_test(esp_https_ota_partial LIBS airlift_idf SOURCES https_ota_world.c http_world.c ota_world.c)
airlift_unit_test(esp_https_ota_decrypt LIBS airlift_idf SOURCES https_ota_world.c http_world.c ota_world.c)
target_include_directories(esp_https_ota_test PRIVATE ${CMAKE_SOURCE_DIR}/idf/components/esp_partition)
target_link_options(esp_https_ota_test PRIVATE -Wl,--wrap=malloc,--wrap=calloc)
airlift_unit_test(esp_http_server LIBS airlift_idf)
