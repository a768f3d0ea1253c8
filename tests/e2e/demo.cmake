# An instrumented http_pull does not fit the 1 MiB slots of its board.
if(NOT AIRLIFT_SANITIZE)
    airlift_e2e_test(demo)
endif()
