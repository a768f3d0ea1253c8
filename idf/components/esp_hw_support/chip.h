/* chip.h - the chip this firmware runs on. Private to the SDK. */
#pragma once

#include "device/desc.h"

/*
 * What FLASH.bin.json says, read once; the defaults, with MAC address 24:0a:c4:00:00:01, if there is no
 * flash file or the description can't be read. Static storage. Thread safe.
 */
const struct dev_desc *chip_desc(void);
