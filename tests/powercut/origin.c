/*
 * The update server, in memory: what agent/src/http.c would have brought.
 *
 * It offers the current step's version, answers Range and If-Range, and loses
 * the connection in the middle as often as the scenario wants.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent.h"
#include "airlift/delta.h"
#include "airlift/esp_delta.h"
#include "torture.h"

#define DROP_AFTER 5000u /* bytes of a connection that gets lost: not the end of a sector */

/* The answer under way. */
static struct {
    const uint8_t *data;
    uint32_t left;   /* bytes still to come */
    uint32_t breaks; /* of them the last so many never do */
    bool is_patch;
} body;

static char text[1400];
static struct agent_running asker; /* what the device said of itself */
static int client;                 /* its address stands for the connection */

static void hex(char *out, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sprintf(out + 2 * i, "%02x", data[i]);
    }
}

#define BLOCK  8192u /* bytes: two sectors, so that cuts come in the middle of one */
#define BLOCKS 20u   /* of an image that has a patch, at most */

/* The hashes of the image's blocks. */
static void print_blocks(const struct image *im, char out[16 * BLOCKS + 1])
{
    uint8_t sha256[32];

    out[0] = '\0';
    for (uint32_t at = 0; at < im->len && at < BLOCKS * BLOCK; at += BLOCK) {
        if (al_sha256(im->data + at, im->len - at < BLOCK ? im->len - at : BLOCK, sha256) != 0) {
            app_ends(APP_PANIC);
        }
        hex(out + strlen(out), sha256, 8);
    }
}

/* The manifest's fields for a device that runs what the patch is from, else "". */
static void print_patches(const struct image *to, char *out, size_t size)
{
    const struct image *from = &images[scenario->first];
    char from_sha256[65], sha256[65], start[100] = "", blocks[16 * BLOCKS + 1];

    out[0] = '\0';
    if (scenario->delta && to == &images[scenario->step[0].version] &&
        memcmp(asker.file.sha256, from->sha256, sizeof(from->sha256)) == 0) {
        hex(from_sha256, from->sha256, 32);
        hex(sha256, patch.sha256, 32);
        if (!scenario->whole) {
            snprintf(start, sizeof(start), "\"from\":\"%s\",\"from_size\":%" PRIu32 ",", from_sha256,
                     from->len);
        }
        print_blocks(to, blocks);
        snprintf(
            out, size,
            ",\"blocks\":{\"size\":%u,\"sha256\":\"%s\"},\"patches\":[{%s\"url\":\"patch\",\"size\":%" PRIu32
            ",\"sha256\":\"%s\",\"format\":\"%s\",\"ram\":1}]",
            BLOCK, blocks, start, patch.len, sha256, scenario->esp ? AL_ESP_DELTA_FORMAT : AL_DELTA_FORMAT);
    }
}

static void answer_manifest(struct agent *a, const struct image *im)
{
    char sha256[65], md5[33], patches[900];

    hex(sha256, im->sha256, 32);
    hex(md5, im->md5, 16);
    print_patches(im, patches, sizeof(patches));
    snprintf(text, sizeof(text),
             "{\"version\":\"%s\",\"url\":\"image.bin\",\"sha256\":\"%s\",\"md5\":\"%s\",\"size\":%" PRIu32
             "%s}",
             im->version, sha256, md5, im->len, patches);
    body.data = (const uint8_t *)text;
    body.left = (uint32_t)strlen(text);
    a->http.status = 200;
    a->http.content_length = body.left;
}

/* A file, or what is missing of it. */
static void answer_file(struct agent *a, const struct image *im, const struct agent_request *r)
{
    struct world *w = &board->state->world;
    const bool part =
        r->from > 0 && r->from < im->len && (r->if_range[0] == '\0' || strcmp(r->if_range, im->etag) == 0);
    const uint32_t from = part ? r->from : 0;

    body.data = im->data + from;
    body.left = im->len - from;
    if (w->drops_left > 0 && body.left > DROP_AFTER) {
        w->drops_left--;
        body.breaks = body.left - DROP_AFTER;
    }
    strcpy(a->http.etag, im->etag);
    a->http.status = part ? 206 : 200;
    a->http.content_length = im->len - from;
    if (part) {
        snprintf(a->http.content_range, sizeof(a->http.content_range),
                 "bytes %" PRIu32 "-%" PRIu32 "/%" PRIu32, from, im->len - 1, im->len);
    }
}

static void answer_image(struct agent *a, uint8_t version, const struct agent_request *r)
{
    struct world *w = &board->state->world;

    /* A look at the first bytes is no download. */
    if ((w->verified >> version & 1 && r->count == 0 && scenario->step[w->step].kind != STEP_REFUSED) ||
        (scenario->delta && !scenario->bad_patch && life_cuts != UNCOUNTED)) {
        w->refetched |= (uint8_t)(1u << version);
    }
    answer_file(a, &images[version], r);
}

/* --- In place of http.c ------------------------------------------------------- */

airlift_fail_t agent_http_get(struct agent *a, const struct agent_request *request)
{
    const uint8_t version = scenario->step[board->state->world.step].version;

    memset(&body, 0, sizeof(body));
    if (scenario->offline && (board->state->world.selected >> version & 1)) {
        return agent_fail(a, AIRLIFT_FAIL_NETWORK, "out of reach");
    }
    a->http.etag[0] = '\0';
    a->http.content_range[0] = '\0';
    a->http.client = (esp_http_client_handle_t)&client;
    if (strstr(request->url, "version.json") != NULL) {
        asker = request->running != NULL ? *request->running : (struct agent_running){0};
        answer_manifest(a, &images[version]);
    } else if (strstr(request->url, "patch") != NULL) {
        body.is_patch = true;
        answer_file(a, &patch, request);
    } else {
        answer_image(a, version, request);
    }
    return AIRLIFT_FAIL_NONE;
}

uint32_t agent_http_read(struct agent *a, void *buf, uint32_t len)
{
    const uint32_t there = body.left - body.breaks;
    const uint32_t n = len < there ? len : there;

    (void)a;
    memcpy(buf, body.data, n);
    body.data += n;
    body.left -= n;
    if (body.is_patch) {
        board->state->world.fetched += n;
    }
    return n;
}

void agent_http_close(struct agent *a)
{
    a->http.client = NULL;
}

bool esp_http_client_is_complete_data_received(esp_http_client_handle_t handle)
{
    (void)handle;
    return body.left == 0;
}
