/*
 * failing_flash.h - the SDK's flash, failing when a test says so.
 */
#pragma once

/* Flash operation number n from now on (erase or write, 1-based), and all later ones, fail. 0: none. */
void fail_ops_from(unsigned n);
/* The same for reads. */
void fail_reads_from(unsigned n);
