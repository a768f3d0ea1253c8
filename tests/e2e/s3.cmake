airlift_e2e_test(s3)
