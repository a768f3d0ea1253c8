#include "delta.h"

#include <string.h>

#include "airlift/delta.h"
#include "airlift/esp_delta.h"

/* What agent_patch.format counts. */
enum { OWN, ESP };

const char agent_decoder_formats[] = AL_DELTA_FORMAT ", " AL_ESP_DELTA_FORMAT;
const char *const agent_decoder_name[AGENT_PATCH_FORMATS] = {AL_DELTA_FORMAT, AL_ESP_DELTA_FORMAT};
const uint32_t agent_decoder_ram[AGENT_PATCH_FORMATS] = {AL_DELTA_RAM, AL_ESP_DELTA_RAM};

static struct al_delta *own(const struct agent_decoding *d)
{
    return (struct al_delta *)(uintptr_t)d->decoder;
}

static struct al_esp_delta *esp(const struct agent_decoding *d)
{
    return (struct al_esp_delta *)(uintptr_t)d->decoder;
}

static bool is_own(const struct agent_decoding *d)
{
    return d->a->patch.format == OWN;
}

/* Before the slot's first sector is erased: do old and new image fit what the header says? */
static int check(void *ctx, const struct al_delta_header *h)
{
    struct agent_decoding *d = ctx;
    struct agent *a = d->a;
    const struct agent_file *old = &a->running_now.file;

    if (h->old_len != (a->patch.whole ? 0 : old->size) ||
        (h->old_len != 0 && memcmp(h->old_sha256, old->sha256, sizeof(old->sha256)) != 0)) {
        d->fail = agent_fail(a, AIRLIFT_FAIL_IMAGE, "the patch is for another old image");
    } else if (h->new_len != a->manifest.size ||
               memcmp(h->new_sha256, a->manifest.sha256, sizeof(h->new_sha256)) != 0) {
        d->fail = agent_fail(a, AIRLIFT_FAIL_HASH, "the patch does not give the manifest's image");
    }
    return d->fail == AIRLIFT_FAIL_NONE ? 0 : AL_ERR_STATE;
}

uint32_t agent_decoder_size(uint8_t format)
{
    return (uint32_t)((format == OWN ? sizeof(struct al_delta) : sizeof(struct al_esp_delta)) + 15u) & ~15u;
}

static struct al_delta_io own_io(struct agent_decoding *d)
{
    return (struct al_delta_io){d, check, agent_decoding_read_old, agent_decoding_read_new,
                                agent_decoding_take};
}

static struct al_esp_delta_io esp_io(struct agent_decoding *d)
{
    return (struct al_esp_delta_io){d, d->a->running_now.file.size, d->a->manifest.size,
                                    agent_decoding_read_old, agent_decoding_take};
}

void agent_decoder_begin(struct agent_decoding *d)
{
    if (is_own(d)) {
        const struct al_delta_io io = own_io(d);

        al_delta_begin(own(d), &io);
    } else {
        const struct al_esp_delta_io io = esp_io(d);

        al_esp_delta_begin(esp(d), &io);
    }
}

void agent_decoder_go_on(struct agent_decoding *d)
{
    if (is_own(d)) {
        const struct al_delta_io io = own_io(d);

        al_delta_attach(own(d), &io);
    } else {
        esp(d)->io = esp_io(d);
    }
}

void agent_decoder_detach(struct agent_decoding *d)
{
    if (is_own(d)) {
        al_delta_detach(own(d));
    } else {
        memset(&esp(d)->io, 0, sizeof(esp(d)->io));
    }
}

int agent_decoder_feed(struct agent_decoding *d, const void *data, size_t len)
{
    return is_own(d) ? al_delta_feed(own(d), data, len) : al_esp_delta_feed(esp(d), data, len);
}

int agent_decoder_end(const struct agent_decoding *d)
{
    return is_own(d) ? al_delta_end(own(d)) : al_esp_delta_end(esp(d));
}

uint32_t agent_decoder_taken(const struct agent_decoding *d)
{
    return is_own(d) ? own(d)->taken : esp(d)->taken;
}
