airlift_e2e_test(delta TIMEOUT 600)
