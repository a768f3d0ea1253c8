airlift_e2e_test(mqtt TIMEOUT 600)
