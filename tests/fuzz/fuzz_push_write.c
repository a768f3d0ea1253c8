/*
 * Any order and any sectors, to the agent's side of a push over a flash in memory: nothing is
 * written or erased outside the target, no byte is programmed that was not erased, nothing is
 * selected that was not verified, and whatever happens the OTA session is closed.
 *
 * Input: one byte of switches, a size (3 bytes), then messages: an operation, a length (2 bytes),
 * and one byte that fills the sector.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_log.h"
#include "intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define SLOT_SIZE 0x30000u /* three blocks */

static uint8_t slot[SLOT_SIZE];
static const esp_partition_t target = {.type = ESP_PARTITION_TYPE_APP,
                                       .subtype = ESP_PARTITION_SUBTYPE_APP_OTA_0,
                                       .address = 0x10000,
                                       .size = SLOT_SIZE,
                                       .erase_size = 4096,
                                       .label = "ota_0"};
static const esp_partition_t running = {.address = 0x100000};

static const uint8_t *input;
static size_t left;
static uint8_t switches;
static struct push_intake intake;
static bool ota_open, ota_good;
static uint32_t ota_pos;
static unsigned n_answers;
static struct agent_job job;
static uint32_t job_pos;
static bool has_job;

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static uint8_t next_byte(void)
{
    left -= left > 0 ? 1 : 0;
    return left > 0 ? *input++ : 0;
}

/* --- Queues: the listener's task is the input ------------------------------------------------ */

BaseType_t xQueueReceive(QueueHandle_t queue, void *item, TickType_t ticks)
{
    struct push_msg msg = {.op = PUSH_OP_ABORT};

    (void)queue, (void)ticks;
    if (left > 3) {
        msg.op = next_byte() % 16 < 14 ? PUSH_OP_DATA : next_byte() % 2 ? PUSH_OP_END : PUSH_OP_ABORT;
        msg.len = (uint16_t)(1 + (next_byte() << 8 | next_byte()) % AGENT_SECTOR_SIZE);
        if (msg.len < 64) {
            msg.len = AGENT_SECTOR_SIZE; /* mostly whole sectors */
        }
        msg.sector = msg.len % PUSH_N_SECTORS;
        memset(intake.buf[msg.sector], next_byte(), msg.len);
    }
    memcpy(item, &msg, sizeof(msg));
    return pdTRUE;
}

BaseType_t xQueueGenericSend(QueueHandle_t queue, const void *item, TickType_t ticks, BaseType_t position)
{
    (void)item, (void)ticks, (void)position;
    n_answers += queue == intake.answers;
    return pdTRUE;
}

/* --- Flash ------------------------------------------------------------------------------------ */

static void check_range(const esp_partition_t *part, size_t off, size_t len)
{
    require(part == &target && off <= SLOT_SIZE && len <= SLOT_SIZE - off);
}

esp_err_t esp_partition_erase_range(const esp_partition_t *part, size_t off, size_t len)
{
    check_range(part, off, len);
    require(off % 4096 == 0 && len % 4096 == 0);
    memset(slot + off, 0xFF, len);
    return ESP_OK;
}

esp_err_t esp_partition_write(const esp_partition_t *part, size_t off, const void *data, size_t len)
{
    check_range(part, off, len);
    for (size_t i = 0; i < len; i++) {
        require(slot[off + i] == 0xFF);
    }
    memcpy(slot + off, data, len);
    return ESP_OK;
}

esp_err_t esp_partition_read(const esp_partition_t *part, size_t off, void *out, size_t len)
{
    check_range(part, off, len);
    memcpy(out, slot + off, len);
    return ESP_OK;
}

const esp_partition_t *esp_partition_find_first(esp_partition_type_t type, esp_partition_subtype_t subtype,
                                                const char *label)
{
    (void)type, (void)subtype, (void)label;
    return (switches & 1) != 0 ? &target : NULL;
}

const esp_partition_t *esp_ota_get_next_update_partition(const esp_partition_t *from)
{
    (void)from;
    return (switches & 2) != 0 ? &target : &running;
}

esp_err_t esp_ota_begin(const esp_partition_t *part, size_t size, esp_ota_handle_t *handle)
{
    require(!ota_open);
    *handle = 1;
    ota_open = true;
    ota_pos = 0;
    return esp_partition_erase_range(part, 0, size);
}

esp_err_t esp_ota_resume(const esp_partition_t *part, size_t size, size_t off, esp_ota_handle_t *handle)
{
    (void)size;
    require(!ota_open);
    check_range(part, off, 0);
    *handle = 1;
    ota_open = true;
    ota_pos = (uint32_t)off;
    return ESP_OK;
}

esp_err_t esp_ota_write(esp_ota_handle_t handle, const void *data, size_t len)
{
    require(ota_open && handle == 1);
    const esp_err_t err = esp_partition_write(&target, ota_pos, data, len);

    ota_pos += (uint32_t)len;
    return (switches & 4) != 0 && len % 7 == 0 ? ESP_FAIL : err;
}

esp_err_t esp_ota_end(esp_ota_handle_t handle)
{
    require(ota_open && handle == 1);
    ota_open = false;
    ota_good = (switches & 8) != 0;
    return ota_good ? ESP_OK : ESP_ERR_OTA_VALIDATE_FAILED;
}

esp_err_t esp_ota_abort(esp_ota_handle_t handle)
{
    require(ota_open && handle == 1);
    ota_open = false;
    return ESP_OK;
}

/* --- The agent's other files -------------------------------------------------------------------- */

airlift_fail_t agent_fail(struct agent *a, airlift_fail_t reason, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(a->why, sizeof(a->why), format, args);
    va_end(args);
    return reason;
}

const char *airlift_fail_name(airlift_fail_t reason)
{
    (void)reason;
    return "failed";
}

void agent_tell(struct agent *a, airlift_event_id_t id, const char *version, airlift_fail_t reason,
                const char *text)
{
    (void)a, (void)id, (void)version, (void)reason, (void)text;
}

void agent_set_state(struct agent *a, airlift_state_t state)
{
    a->status.state = state;
}

void agent_set_progress(struct agent *a, uint32_t bytes, uint32_t total)
{
    (void)a, (void)bytes, (void)total;
}

struct agent_size_text agent_size_text(uint32_t bytes)
{
    (void)bytes;
    return (struct agent_size_text){.text = "some"};
}

bool agent_job_load(nvs_handle_t nvs, struct agent_job *out, uint32_t *pos)
{
    (void)nvs;
    *out = job;
    *pos = job_pos;
    return has_job;
}

esp_err_t agent_job_store(nvs_handle_t nvs, const struct agent_job *new)
{
    (void)nvs;
    job = *new;
    job_pos = 0;
    has_job = true;
    return ESP_OK;
}

esp_err_t agent_job_advance(nvs_handle_t nvs, uint32_t pos)
{
    (void)nvs;
    require(pos <= ota_pos); /* never more than is on flash */
    job_pos = pos;
    return ESP_OK;
}

esp_err_t agent_job_erase(nvs_handle_t nvs)
{
    (void)nvs;
    has_job = false;
    return ESP_OK;
}

bool agent_record_load(nvs_handle_t nvs, const char *key, struct agent_record *out)
{
    (void)nvs, (void)key, (void)out;
    return false;
}

esp_err_t agent_record_erase(nvs_handle_t nvs, const char *key)
{
    (void)nvs, (void)key;
    return ESP_OK;
}

int agent_manifest_identity(const struct agent_manifest *m, uint8_t out[AL_SHA256_SIZE])
{
    memcpy(out, m->sha256, AL_SHA256_SIZE);
    return 0;
}

void agent_prefix_version(const uint8_t *data, char out[AGENT_VERSION_SIZE])
{
    (void)data;
    strcpy(out, "1.0.0");
}

airlift_fail_t agent_check_prefix(struct agent *a, const uint8_t *data, uint32_t len)
{
    (void)data;
    strcpy(a->why, "no image");
    return len < AGENT_PREFIX_SIZE ? AIRLIFT_FAIL_IMAGE : AIRLIFT_FAIL_NONE;
}

airlift_fail_t agent_slot_kept(struct agent *a, const esp_partition_t *slot, uint32_t size,
                               const uint8_t sha256[AL_SHA256_SIZE])
{
    (void)a, (void)slot, (void)size, (void)sha256;
    return AIRLIFT_FAIL_NONE;
}

airlift_fail_t agent_refuse_image(struct agent *a, esp_err_t err)
{
    (void)err;
    strcpy(a->why, "refused");
    return AIRLIFT_FAIL_IMAGE;
}

bool agent_is_distrust(airlift_fail_t fail)
{
    (void)fail;
    return false;
}

void agent_note_refused(struct agent *a, airlift_fail_t reason)
{
    (void)a, (void)reason;
}

airlift_fail_t agent_slot_deselect(struct agent *a, const esp_partition_t *part)
{
    (void)a;
    require(part == &target);
    return AIRLIFT_FAIL_NONE;
}

void agent_slot_version(const esp_partition_t *part, char out[AGENT_VERSION_SIZE])
{
    (void)part;
    strcpy(out, "1.0.0");
}

airlift_fail_t agent_select_pushed(struct agent *a, const esp_partition_t *part)
{
    require(part == &target && ota_good && !ota_open);
    agent_set_state(a, AIRLIFT_STATE_INSTALLED);
    return AIRLIFT_FAIL_NONE;
}

const char *esp_err_to_name(esp_err_t err)
{
    (void)err;
    return "error";
}

uint32_t esp_log_timestamp(void)
{
    return 0;
}

void esp_log_write(esp_log_level_t level, const char *tag, const char *format, ...)
{
    (void)level, (void)tag, (void)format;
}

esp_log_level_t esp_log_level_get(const char *tag)
{
    (void)tag;
    return ESP_LOG_NONE;
}

void vTaskDelay(TickType_t ticks)
{
    (void)ticks;
}

/* --- One push, and another one that may go on with it --------------------------------------------- */

static void push(struct agent *a)
{
    memset(&intake, 0, sizeof(intake));
    intake.answers = (QueueHandle_t)(uintptr_t)1;
    intake.order.way = "fuzz";
    intake.order.size = (uint32_t)(next_byte() << 16 | next_byte() << 8 | next_byte()) % (2 * SLOT_SIZE);
    intake.order.filesystem = (switches & 16) != 0;
    intake.order.has_sha256 = (switches & 32) != 0;
    n_answers = 0;
    ota_good = false;
    push_write_image(a, &intake);
    require(!ota_open);
    require(n_answers == 1 || n_answers == 2); /* to begin, and at the end unless that failed */
    require(a->status.state != AIRLIFT_STATE_DOWNLOADING);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct agent a;

    memset(&a, 0, sizeof(a));
    memset(slot, 0, sizeof(slot)); /* an older image */
    a.running = &running;
    a.status.state = AIRLIFT_STATE_IDLE;
    input = data;
    left = len;
    has_job = false;
    ota_open = false;
    switches = next_byte();
    push(&a);
    push(&a);
    return 0;
}
