# Host helpers and the virtual device.
airlift_unit_test(host_cmd LIBS airlift_host)
airlift_unit_test(host_file LIBS airlift_host)
airlift_unit_test(nor_flash LIBS airlift_chip)
airlift_unit_test(flash_timing LIBS airlift_chip)
airlift_unit_test(desc LIBS airlift_chip)
airlift_unit_test(run LIBS airlift_device airlift_core airlift_crypto_openssl)
airlift_unit_test(wear LIBS airlift_device airlift_core airlift_crypto_openssl)
airlift_unit_test(control LIBS airlift_device airlift_core airlift_crypto_openssl)
