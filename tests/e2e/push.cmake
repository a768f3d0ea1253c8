airlift_e2e_test(push_tcp TIMEOUT 300)
