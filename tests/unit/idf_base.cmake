# FreeRTOS, events, timers and the system calls of the SDK; idf_base_app is a firmware that
# esp_base_test runs as a device would.
add_executable(idf_base_app idf_base_app.c)
target_link_libraries(idf_base_app PRIVATE airlift_idf)
add_executable(idf_base_app_moved idf_base_app.c)
target_compile_definitions(idf_base_app_moved PRIVATE IDF_BASE_MOVED)
target_link_libraries(idf_base_app_moved PRIVATE airlift_idf)

airlift_unit_test(freertos LIBS airlift_idf)
airlift_unit_test(freertos_buffers LIBS airlift_idf)
airlift_unit_test(esp_net LIBS airlift_idf)
airlift_unit_test(esp_event LIBS airlift_idf)
airlift_unit_test(esp_timer LIBS airlift_idf)
airlift_unit_test(esp_base LIBS airlift_idf)
target_compile_definitions(esp_base_test PRIVATE
    IDF_BASE_APP="$<TARGET_FILE:idf_base_app>" IDF_BASE_APP_MOVED="$<TARGET_FILE:idf_base_app_moved>")
add_dependencies(esp_base_test idf_base_app idf_base_app_moved)
airlift_unit_test(unity LIBS airlift_idf)

# One of its tasks hogs a processor: there must be one to hog.
set_tests_properties(unit.esp_base PROPERTIES PROCESSORS 2)
