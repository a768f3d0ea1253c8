# What it runs is run with sanitizers by other tests.
if(NOT AIRLIFT_SANITIZE)
    airlift_e2e_test(docs TIMEOUT 900 SHARES 3)
endif()
