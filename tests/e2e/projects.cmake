airlift_e2e_test(projects TIMEOUT 600)
airlift_e2e_test(unity)
