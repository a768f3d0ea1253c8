airlift_e2e_test(mqtt TIMEOUT 600 SHARES 2)
# Instrumented, its image would not fit the slots of its board.
if(NOT AIRLIFT_SANITIZE)
    airlift_e2e_test(mqtt_s3 TIMEOUT 600)
endif()
