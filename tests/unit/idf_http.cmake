airlift_unit_test(esp_http_client LIBS airlift_idf SOURCES http_world.c)
