airlift_e2e_test(push_tcp TIMEOUT 300)
airlift_e2e_test(push_arduino TIMEOUT 300)
