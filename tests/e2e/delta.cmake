airlift_e2e_test(delta TIMEOUT 900)
# Making a patch takes a niced process with sanitizers most of a minute.
if(AIRLIFT_SANITIZE)
    set_tests_properties(e2e.delta PROPERTIES ENVIRONMENT AIRLIFT_E2E_PATIENCE_S=300)
endif()
airlift_e2e_test(delta_format)
