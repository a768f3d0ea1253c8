# The pure parts and the public calls; what needs a whole device is tested by tests/e2e/agent.py.
foreach(module api url manifest schedule http_fields commit mqtt_message)
    airlift_unit_test(agent_${module} LIBS airlift_agent)
    target_include_directories(agent_${module}_test PRIVATE ${CMAKE_SOURCE_DIR}/agent/src ${CMAKE_SOURCE_DIR}/agent/mqtt)
endforeach()

# The sensor's driver of examples/mqtt_s3 needs no board.
airlift_unit_test(bme280 SOURCES ${CMAKE_SOURCE_DIR}/examples/mqtt_s3/main/bme280.c LIBS m)
target_include_directories(bme280_test PRIVATE ${CMAKE_SOURCE_DIR}/examples/mqtt_s3/main)
foreach(module push_proto push_session)
    airlift_unit_test(agent_${module} LIBS airlift_agent)
    target_include_directories(agent_${module}_test PRIVATE ${CMAKE_SOURCE_DIR}/agent/src ${CMAKE_SOURCE_DIR}/agent/push)
endforeach()
