# The agent's pure parts; what needs a device is tested by tests/e2e/agent.py.
foreach(module url manifest schedule http_fields)
    airlift_unit_test(agent_${module} LIBS airlift_agent)
    target_include_directories(agent_${module}_test PRIVATE ${CMAKE_SOURCE_DIR}/agent/src)
endforeach()
