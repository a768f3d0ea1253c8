/*
 * field.h - where fields of the new file point to, to learn how addresses moved.
 */
#ifndef DELTA_FIELD_H
#define DELTA_FIELD_H

#include "airlift/delta_field.h"

/*
 * Where does the field at p, of the same form as `ref`, point to? 8 bytes can be read. registers: what fields before it
 * left. False: it is another one.
 */
bool field_read(const uint8_t *p, const struct al_delta_ref *ref, uint32_t addr,
                struct al_delta_registers *registers, uint32_t *target);

#endif
