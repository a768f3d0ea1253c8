airlift_e2e_test(agent TIMEOUT 600)
