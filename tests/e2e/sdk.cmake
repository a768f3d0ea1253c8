airlift_e2e_test(sdk TIMEOUT 900 SHARES 2)
