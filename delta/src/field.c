#include "field.h"

#include "airlift/bytes.h"

bool field_read(const uint8_t *p, const struct al_delta_ref *r, uint32_t addr,
                struct al_delta_registers *registers, uint32_t *target)
{
    const uint32_t word = al_get_le32(p), rd = word >> 7 & 31u, rs = word >> 15 & 31u;
    uint32_t low;

    switch (r->kind) {
    case AL_REF_WORD:
        *target = word;
        return true;
    case AL_REF_CALL:
        *target = (addr & ~3u) + (al_delta_sign_extend(word >> 6 & 0x3FFFFu, 18) << 2) + 4;
        return (word & 15u) == 5;
    case AL_REF_JUMP:
        *target = addr + al_delta_sign_extend(word >> 6 & 0x3FFFFu, 18) + 4;
        return (word & 0x3Fu) == 6;
    case AL_REF_LITERAL:
        *target = ((addr + 3) & ~3u) + (0xFFFC0000u | ((word >> 8 & 0xFFFFu)) << 2);
        return (word & 15u) == 1;
    case AL_REF_JAL:
    case AL_REF_BRANCH:
        *target = addr + al_delta_jal_offset(word);
        return (word & 0x7Fu) == 0x6Fu;
    case AL_REF_AUIPC:
        if ((word & 0x7Fu) != 0x17u || al_delta_low_form(al_get_le32(p + 4), rd, &low) != r->form) {
            return false;
        }
        *target = addr + (word & 0xFFFFF000u) + low;
        return true;
    case AL_REF_LUI:
        registers->upper[rd] = word & 0xFFFFF000u;
        registers->at[rd] = (word & 0x7Fu) == 0x37u;
        return false; /* its lower part will tell */
    case AL_REF_LOW:
        if (registers->at[rs] == 0 || al_delta_low_form(word, rs, &low) != r->form) {
            return false;
        }
        *target = registers->upper[rs] + low;
        return true;
    case AL_REF_RELATIVE:
        *target = addr + r->form + al_get_le32(p + r->form);
        return true;
    case AL_REF_BACK:
        *target = addr - word;
        return true;
    default:
        return false;
    }
}
