airlift_e2e_test(docs TIMEOUT 900)
