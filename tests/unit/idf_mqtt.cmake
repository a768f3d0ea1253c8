airlift_unit_test(mqtt_client LIBS airlift_idf)
