/*
 * Two machines, one behind the other: bits become bytes (heatshrink), bytes become blocks (detools).
 */
#include "airlift/esp_delta.h"
#include "airlift/bytes.h"

#define TYPE_SEQUENTIAL_HEATSHRINK 0x04u
#define WINDOW_8_LOOKAHEAD_7       0x44u
#define LONGEST_SHIFT              27u /* of a number's last seven bits there is none beyond this */

/* a->state: what the next byte is. */
enum {
    FILE_HEADER,
    FIRST_BYTE,
    TO_SIZE,
    PARAMETERS,
    DATA_FORMAT_SIZE, /* from here on behind heatshrink */
    SIMILAR_SIZE,
    SIMILAR,
    EXTRA_SIZE,
    EXTRA,
    ADJUSTMENT,
    DONE,
};

/* a->bit_state: what the next bits are. */
enum { TAG, LITERAL, DISTANCE, LENGTH };

_Static_assert(sizeof(struct al_esp_delta) <= AL_ESP_DELTA_RAM, "what the header promises");

/* --- Blocks ------------------------------------------------------------------------ */

/* Take one byte of a number. True once it is complete; a->failed if it is too long. */
static bool take_number(struct al_esp_delta *a, uint8_t byte)
{
    if (a->shift == 0) {
        a->value = byte & 0x3F;
        a->negative = (byte & 0x40) != 0;
        a->shift = 6;
    } else if (a->shift >= LONGEST_SHIFT) {
        a->failed = AL_ERR_FORMAT;
        return false;
    } else {
        a->value |= (uint32_t)(byte & 0x7F) << a->shift;
        a->shift = (uint8_t)(a->shift + 7);
    }
    if (byte & 0x80) {
        return false;
    }
    a->shift = 0;
    return true;
}

/* Write the collected piece, added to the base's bytes where that is due. */
static void write_piece(struct al_esp_delta *a)
{
    uint8_t base[AL_ESP_DELTA_PIECE];
    const uint32_t len = a->n_piece;

    if (len == 0) {
        return;
    }
    if (a->state == SIMILAR) {
        if (a->base_pos < 0 || a->base_pos > (int64_t)a->io.base_len || a->io.base_len - a->base_pos < len) {
            a->failed = AL_ERR_FORMAT;
            return;
        }
        a->failed = a->io.read(a->io.ctx, (uint32_t)a->base_pos, base, len);
        for (uint32_t i = 0; i < len && a->failed == 0; i++) {
            a->piece[i] = (uint8_t)(a->piece[i] + base[i]);
        }
        a->base_pos += len;
    }
    if (a->failed == 0) {
        a->failed = a->io.write(a->io.ctx, a->piece, len);
        a->written += len;
    }
    a->n_piece = 0;
}

/* A run of bytes begins; one of none is over at once. */
static void begin_run(struct al_esp_delta *a, uint8_t state, uint8_t next)
{
    if (a->negative || a->value > a->to_len - a->written) {
        a->failed = AL_ERR_FORMAT;
        return;
    }
    a->left = a->value;
    a->state = a->left != 0 ? state : next;
}

static void take_data(struct al_esp_delta *a, uint8_t byte, uint8_t next)
{
    a->piece[a->n_piece++] = byte;
    a->left--;
    if (a->n_piece == AL_ESP_DELTA_PIECE || a->left == 0) {
        write_piece(a);
    }
    if (a->left == 0) {
        a->state = next;
    }
}

/* A byte that heatshrink gave. */
static void take_byte(struct al_esp_delta *a, uint8_t byte)
{
    switch (a->state) {
    case SIMILAR:
        take_data(a, byte, EXTRA_SIZE);
        return;
    case EXTRA:
        take_data(a, byte, ADJUSTMENT);
        return;
    case DONE:
        a->failed = AL_ERR_FORMAT;
        return;
    default:
        break;
    }
    if (!take_number(a, byte)) {
        return;
    }
    switch (a->state) {
    case DATA_FORMAT_SIZE:
        a->failed = a->value != 0 ? AL_ERR_FORMAT : 0; /* no device can apply one */
        a->state = SIMILAR_SIZE;
        break;
    case SIMILAR_SIZE:
        begin_run(a, SIMILAR, EXTRA_SIZE);
        break;
    case EXTRA_SIZE:
        begin_run(a, EXTRA, ADJUSTMENT);
        break;
    default: /* ADJUSTMENT: less than 2^27 from a patch of less than 2^32 bytes can't overflow */
        a->base_pos += a->negative ? -(int64_t)a->value : (int64_t)a->value;
        a->state = a->written == a->to_len ? DONE : SIMILAR_SIZE;
        break;
    }
}

/* --- Bits ------------------------------------------------------------------------------ */

static void give(struct al_esp_delta *a, uint8_t byte)
{
    a->window[a->head++] = byte;
    take_byte(a, byte);
}

/* Use the bits that are there. */
static void take_bits(struct al_esp_delta *a)
{
    static const uint8_t needs[] = {[TAG] = 1, [LITERAL] = 8, [DISTANCE] = 8, [LENGTH] = 7};

    while (a->failed == 0 && a->state != DONE && a->n_bits >= needs[a->bit_state]) {
        a->n_bits = (uint8_t)(a->n_bits - needs[a->bit_state]);

        const uint32_t value = (uint32_t)a->bits >> a->n_bits & ((1u << needs[a->bit_state]) - 1);

        switch (a->bit_state) {
        case TAG:
            a->bit_state = value != 0 ? LITERAL : DISTANCE;
            break;
        case LITERAL:
            give(a, (uint8_t)value);
            a->bit_state = TAG;
            break;
        case DISTANCE:
            a->distance = (uint8_t)value;
            a->bit_state = LENGTH;
            break;
        default: /* LENGTH */
            for (uint32_t i = 0; i <= value && a->failed == 0; i++) {
                give(a, a->window[(uint8_t)(a->head - a->distance - 1)]);
            }
            a->bit_state = TAG;
            break;
        }
    }
}

/* --- The file ------------------------------------------------------------------------------ */

static void take_header(struct al_esp_delta *a, uint8_t byte)
{
    const uint32_t at = a->taken;

    if (at < 4) {
        a->failed = byte == (uint8_t)(AL_ESP_DELTA_MAGIC >> 8 * at) ? 0 : AL_ERR_FORMAT;
    } else if (at < 4 + AL_SHA256_SIZE) {
        a->base_sha256[at - 4] = byte;
    } else if (at == AL_ESP_DELTA_HEADER_SIZE - 1) {
        a->state = FIRST_BYTE;
    }
}

static void take_file_byte(struct al_esp_delta *a, uint8_t byte)
{
    switch (a->state) {
    case FILE_HEADER:
        take_header(a, byte);
        break;
    case FIRST_BYTE:
        a->failed = byte == TYPE_SEQUENTIAL_HEATSHRINK ? 0 : AL_ERR_FORMAT;
        a->state = TO_SIZE;
        break;
    case TO_SIZE:
        if (take_number(a, byte)) {
            a->to_len = a->value;
            a->failed = a->value == 0 || a->negative ? AL_ERR_FORMAT
                        : a->value > a->io.max_len   ? AL_ERR_SIZE
                                                     : 0;
            a->state = PARAMETERS;
        }
        break;
    case PARAMETERS:
        a->failed = byte == WINDOW_8_LOOKAHEAD_7 ? 0 : AL_ERR_FORMAT;
        a->state = DATA_FORMAT_SIZE;
        break;
    case DONE:
        a->failed = AL_ERR_FORMAT; /* additional bytes */
        break;
    default:
        a->bits = (uint16_t)(a->bits << 8 | byte);
        a->n_bits = (uint8_t)(a->n_bits + 8);
        take_bits(a);
        if (a->failed == 0 && a->state == DONE && (a->bits & ((1u << a->n_bits) - 1)) != 0) {
            a->failed = AL_ERR_FORMAT; /* what fills the last byte is zero */
        }
        break;
    }
    a->taken++;
}

bool al_esp_delta_recognise(const void *data, size_t len)
{
    return len >= 4 && al_get_le32(data) == AL_ESP_DELTA_MAGIC;
}

void al_esp_delta_begin(struct al_esp_delta *a, const struct al_esp_delta_io *io)
{
    memset(a, 0, sizeof(*a));
    a->io = *io;
}

int al_esp_delta_feed(struct al_esp_delta *a, const void *data, size_t len)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < len && a->failed == 0; i++) {
        take_file_byte(a, p[i]);
    }
    return a->failed;
}

int al_esp_delta_end(const struct al_esp_delta *a)
{
    return a->failed != 0 ? a->failed : a->state == DONE ? 0 : AL_ERR_FORMAT;
}
