airlift_e2e_test(web)
