airlift_e2e_test(agent TIMEOUT 600)
airlift_e2e_test(agent_signed)
