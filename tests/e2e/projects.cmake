airlift_e2e_test(projects TIMEOUT 600)
