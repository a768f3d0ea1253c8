# Making a patch takes a niced process with sanitizers most of a minute.
set(patience)
if(AIRLIFT_SANITIZE)
    set(patience ENVIRONMENT AIRLIFT_E2E_PATIENCE_S=300)
endif()
airlift_e2e_test(delta TIMEOUT 900 SHARES 2 ${patience})
airlift_e2e_test(delta_format)
