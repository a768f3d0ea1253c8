/*
 * What confirming leaves in OTA data, record by record. That no power cut in it
 * hurts is proved by tests/powercut.
 *
 * Each case is a child process: the SDK opens its flash once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent.h"
#include "airlift/image.h"
#include "airlift/otadata.h"
#include "airlift/ptable.h"
#include "device/nor_flash.h"
#include "device/shared.h"
#include "esp_app_desc.h"

#define FLASH_SIZE  0x40000u
#define OTADATA_OFF 0x9000u
#define FACTORY     0xFFu
#define BLANK \
    {         \
        0, 0  \
    }

struct rec {
    uint32_t seq; /* 0: blank */
    uint32_t state;
};

struct commit {
    bool factory;       /* the table has one */
    unsigned n_slots;   /* 2 or 3 */
    unsigned running;   /* slot */
    unsigned previous;  /* slot, or FACTORY */
    bool only_way_back; /* agent_keep_way_back() instead of agent_commit() */
    struct rec before[2], after[2];
};

static char path[] = "/tmp/agent-commit-XXXXXX";

static struct dev_flash *open_flash(void)
{
    struct dev_flash *flash;
    char err[200];

    return dev_flash_open(path, DEV_FLASH_WRITE, NULL, &flash, err, sizeof err) == 0 ? flash : NULL;
}

static void add(struct al_ptable *t, uint8_t type, uint8_t subtype, uint32_t off, uint32_t size,
                const char *label)
{
    struct al_part *p = &t->part[t->n++];

    *p = (struct al_part){.off = off, .size = size, .type = type, .subtype = subtype};
    strcpy(p->label, label);
}

static bool make_flash(const struct commit *c)
{
    static const char *const labels[] = {"ota_0", "ota_1", "ota_2"};
    const struct al_part otadata = {.off = OTADATA_OFF, .size = AL_OTADATA_SIZE};
    struct al_ptable table = {0};
    uint8_t raw[AL_PTABLE_SIZE];
    char err[200];

    unlink(path);
    add(&table, AL_TYPE_DATA, AL_SUB_DATA_OTA, OTADATA_OFF, AL_OTADATA_SIZE, "otadata");
    if (c->factory) {
        add(&table, AL_TYPE_APP, AL_SUB_APP_FACTORY, 0x10000, 0x8000, "factory");
    }
    for (unsigned i = 0; i < c->n_slots; i++) {
        add(&table, AL_TYPE_APP, (uint8_t)(AL_SUB_APP_OTA_0 + i), 0x20000 + i * 0x8000, 0x8000, labels[i]);
    }
    struct dev_flash *flash = dev_flash_create(path, FLASH_SIZE, err, sizeof err) == 0 ? open_flash() : NULL;
    bool good = flash != NULL && al_ptable_build(&table, true, raw) == 0 &&
                al_flash_write(dev_flash_port(flash), 0x8000, raw, sizeof raw) == 0;

    for (unsigned i = 0; good && i < 2; i++) {
        struct al_ota_record r;

        if (c->before[i].seq != 0) {
            al_ota_record_init(&r, c->before[i].seq, c->before[i].state);
            good = al_otadata_write(dev_flash_port(flash), &otadata, i, &r) == 0;
        }
    }
    dev_flash_close(flash);
    return good;
}

/* In a child: 0 if it returned ESP_OK. */
static int commit(const struct commit *c)
{
    const unsigned subtype = c->previous == FACTORY ? ESP_PARTITION_SUBTYPE_APP_FACTORY
                                                    : ESP_PARTITION_SUBTYPE_APP_OTA_0 + c->previous;
    char label[8];

    snprintf(label, sizeof label, "ota_%u", c->running);
    setenv("AIRLIFT_FLASH", path, 1);
    setenv("AIRLIFT_RUNNING", label, 1);

    const esp_partition_t *running = esp_ota_get_running_partition();
    const esp_partition_t *previous = agent_slot_by_subtype((uint8_t)subtype);

    if (running == NULL || previous == NULL) {
        return 2;
    }
    return (c->only_way_back ? agent_keep_way_back(running, previous) : agent_commit(running, previous)) !=
           ESP_OK;
}

static void check(const struct commit *c)
{
    const struct al_part otadata = {.off = OTADATA_OFF, .size = AL_OTADATA_SIZE};
    struct al_otadata data;
    int status;

    assert_true(make_flash(c));
    const pid_t pid = fork();

    if (pid == 0) {
        _exit(commit(c));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);

    struct dev_flash *flash = open_flash();

    assert_non_null(flash);
    assert_int_equal(al_otadata_read(dev_flash_port(flash), &otadata, &data), 0);
    dev_flash_close(flash);
    for (unsigned i = 0; i < 2; i++) {
        const struct al_ota_record *r = &data.rec[i];

        assert_int_equal(r->seq, c->after[i].seq != 0 ? c->after[i].seq : UINT32_MAX);
        if (c->after[i].seq != 0) {
            assert_int_equal(r->state, c->after[i].state);
            assert_true(al_ota_record_crc_ok(r));
        }
    }
}

static void test_agent_commit_after_factory_uses_the_blank_sector(void **state)
{
    (void)state;
    check(&(struct commit){.factory = true,
                           .n_slots = 2,
                           .running = 0,
                           .previous = FACTORY,
                           .before = {{1, AL_OTA_PENDING_VERIFY}, BLANK},
                           .after = {BLANK, {3, AL_OTA_VALID}}});
}

static void test_agent_commit_keeps_previous_slot_below(void **state)
{
    (void)state;
    check(&(struct commit){.n_slots = 2,
                           .running = 1,
                           .previous = 0,
                           .before = {{1, AL_OTA_VALID}, {2, AL_OTA_PENDING_VERIFY}},
                           .after = {{4, AL_OTA_VALID}, {3, AL_OTA_VALID}}});
}

static void test_agent_commit_maps_numbers_to_three_slots(void **state)
{
    (void)state;
    /* 5 is ota_1, and so is 8; 7 is ota_0. */
    check(&(struct commit){.n_slots = 3,
                           .running = 1,
                           .previous = 0,
                           .before = {{4, AL_OTA_VALID}, {5, AL_OTA_PENDING_VERIFY}},
                           .after = {{8, AL_OTA_VALID}, {7, AL_OTA_VALID}}});
}

static void test_agent_commit_is_in_place_if_default_app_is_older(void **state)
{
    (void)state;
    check(&(struct commit){.factory = true,
                           .n_slots = 2,
                           .running = 1,
                           .previous = 0,
                           .before = {{1, AL_OTA_VALID}, {2, AL_OTA_PENDING_VERIFY}},
                           .after = {{1, AL_OTA_VALID}, {2, AL_OTA_VALID}}});
    check(&(struct commit){.n_slots = 2,
                           .running = 0,
                           .previous = 1,
                           .before = {{3, AL_OTA_PENDING_VERIFY}, {2, AL_OTA_VALID}},
                           .after = {{3, AL_OTA_VALID}, {2, AL_OTA_VALID}}});
}

static void test_agent_commit_of_confirmed_app_writes_nothing(void **state)
{
    (void)state;
    check(&(struct commit){.n_slots = 2,
                           .running = 1,
                           .previous = 0,
                           .before = {{1, AL_OTA_VALID}, {2, AL_OTA_VALID}},
                           .after = {{1, AL_OTA_VALID}, {2, AL_OTA_VALID}}});
}

static void test_agent_commit_restores_the_way_back(void **state)
{
    (void)state;
    /* As a cut left them after the new record was whole. */
    check(&(struct commit){.n_slots = 2,
                           .running = 1,
                           .previous = 0,
                           .only_way_back = true,
                           .before = {{4, AL_OTA_VALID}, {2, AL_OTA_NEW}},
                           .after = {{4, AL_OTA_VALID}, {3, AL_OTA_VALID}}});
    check(&(struct commit){.n_slots = 2,
                           .running = 1,
                           .previous = 0,
                           .only_way_back = true,
                           .before = {{4, AL_OTA_VALID}, BLANK},
                           .after = {{4, AL_OTA_VALID}, {3, AL_OTA_VALID}}});
    check(&(struct commit){.factory = true,
                           .n_slots = 2,
                           .running = 0,
                           .previous = FACTORY,
                           .only_way_back = true,
                           .before = {{1, AL_OTA_NEW}, {3, AL_OTA_VALID}},
                           .after = {BLANK, {3, AL_OTA_VALID}}});
    /* And one that is there stays as it is. */
    check(&(struct commit){.n_slots = 2,
                           .running = 1,
                           .previous = 0,
                           .only_way_back = true,
                           .before = {{1, AL_OTA_VALID}, {2, AL_OTA_PENDING_VERIFY}},
                           .after = {{1, AL_OTA_VALID}, {2, AL_OTA_PENDING_VERIFY}}});
}

/* Cut in any of its operations, a selection leaves no record, or the whole one: never half a state with a CRC. */
static void test_agent_select_torn_leaves_no_record_without_trial(void **state)
{
    const struct commit c = {.n_slots = 2, .before = {{1, AL_OTA_VALID}, {2, AL_OTA_VALID}}};
    const struct al_part otadata = {.off = OTADATA_OFF, .size = AL_OTADATA_SIZE};

    (void)state;
    for (unsigned cut = 1; cut <= 3; cut++) {
        struct al_otadata data;
        int status;

        assert_true(make_flash(&c));
        const pid_t pid = fork();

        if (pid == 0) {
            setenv("AIRLIFT_FLASH", path, 1);
            setenv("AIRLIFT_RUNNING", "ota_1", 1);
            const esp_partition_t *slot = agent_slot_by_subtype(ESP_PARTITION_SUBTYPE_APP_OTA_0);
            /* A description, so that the slot can be judged. */
            const esp_app_desc_t desc = {.magic_word = ESP_APP_DESC_MAGIC_WORD};
            struct dev_shared *shared = dev_shared_get();

            if (slot == NULL || esp_partition_write(slot, AL_IMAGE_DESC_OFF, &desc, sizeof desc) != ESP_OK) {
                _exit(2);
            }
            shared->power_cut_at = shared->flash_ops + cut;
            _exit(agent_select_slot(slot) == ESP_OK);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0); /* the cut was noticed */
        dev_shared_get()->power_cut_at = 0;       /* the child's block is ours, too */

        struct dev_flash *flash = open_flash();

        assert_non_null(flash);
        assert_int_equal(al_otadata_read(dev_flash_port(flash), &otadata, &data), 0);
        dev_flash_close(flash);
        assert_int_equal(data.rec[1].seq, 2);
        assert_int_equal(data.rec[1].state, AL_OTA_VALID);
        if (cut == 2) {
            assert_int_equal(data.rec[0].crc, UINT32_MAX); /* not even begun */
        }
        if (cut == 3) {
            assert_int_equal(data.rec[0].seq, 3);
            assert_int_equal(data.rec[0].state, AL_OTA_NEW);
        }
    }
}

static int remove_flash(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent_commit_after_factory_uses_the_blank_sector),
        cmocka_unit_test(test_agent_commit_keeps_previous_slot_below),
        cmocka_unit_test(test_agent_commit_maps_numbers_to_three_slots),
        cmocka_unit_test(test_agent_commit_is_in_place_if_default_app_is_older),
        cmocka_unit_test(test_agent_commit_of_confirmed_app_writes_nothing),
        cmocka_unit_test(test_agent_commit_restores_the_way_back),
        cmocka_unit_test(test_agent_select_torn_leaves_no_record_without_trial),
    };
    const int fd = mkstemp(path);

    if (fd < 0) {
        return 1;
    }
    close(fd);
    return cmocka_run_group_tests(tests, NULL, remove_flash);
}
