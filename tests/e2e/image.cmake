airlift_e2e_test(image)
