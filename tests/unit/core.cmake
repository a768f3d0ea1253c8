airlift_unit_test(bytes LIBS airlift_core)
airlift_unit_test(crypto LIBS airlift_crypto_openssl)
airlift_unit_test(crypto_psa LIBS airlift_crypto_psa)
airlift_unit_test(image LIBS airlift_crypto_openssl)
airlift_unit_test(otadata LIBS airlift_crypto_openssl)
airlift_unit_test(update LIBS airlift_crypto_openssl)
airlift_unit_test(boot LIBS airlift_crypto_openssl)
# Core calls the port and the port is called by nobody else here: as a source, it is linked for certain.
airlift_unit_test(signature SOURCES ${CMAKE_SOURCE_DIR}/core/port/crypto_openssl.c LIBS airlift_core crypto)
airlift_unit_test(boot_signed SOURCES ${CMAKE_SOURCE_DIR}/core/port/crypto_openssl.c LIBS airlift_core crypto)
airlift_unit_test(signature_psa SOURCES ${CMAKE_SOURCE_DIR}/core/port/crypto_psa.c LIBS airlift_core mbedcrypto)
airlift_unit_test(signature_cross SOURCES ${CMAKE_SOURCE_DIR}/core/port/crypto_openssl.c
    LIBS airlift_core crypto mbedcrypto)
airlift_unit_test(signature_ram LIBS airlift_core)
