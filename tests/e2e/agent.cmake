airlift_e2e_test(agent TIMEOUT 600 SHARES 4)
airlift_e2e_test(agent_signed SHARES 2)
