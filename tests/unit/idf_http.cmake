airlift_unit_test(esp_http_client LIBS airlift_idf SOURCES http_world.c)
# One program for each sdkconfig.
airlift_unit_test(esp_https_ota LIBS airlift_idf SOURCES http_world.c ota_world.c)
airlift_unit_test(esp_https_ota_partial LIBS airlift_idf SOURCES http_world.c ota_world.c)
airlift_unit_test(esp_https_ota_decrypt LIBS airlift_idf SOURCES http_world.c ota_world.c)
