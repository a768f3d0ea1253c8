/* The same claims where mbedTLS checks what OpenSSL signed. It is slower: fewer bits are flipped. */
#define EACH_BIT 11
#include "signature_test.c"
