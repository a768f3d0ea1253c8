/* The same claims about the other port. */
#include "crypto_test.c"
