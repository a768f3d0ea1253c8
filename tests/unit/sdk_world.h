/*
 * sdk_world.h - one app's life over a flash file, for tests of the SDK's update side.
 *
 * A test arranges the flash (world), then runs a function as the app: in a process
 * of its own, so that nothing the SDK keeps in memory survives into the next case.
 */
#ifndef SDK_WORLD_H
#define SDK_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "airlift/otadata.h"
#include "airlift/ptable.h"
#include "esp_partition.h"
#include "failing_flash.h"

#define WORLD_FLASH_SIZE 0x100000u
#define WORLD_SLOT_SIZE  0x10000u
#define WORLD_OTADATA    0x9000u

/*
 * An ESP32-C3 of revision 0.4, eFuse block 1.3. world_reset() makes: otadata
 * (ota_0 VALID), nvs, factory, ota_0 (running, "1.0.0", secure version 1), ota_1
 * ("2.0.0", secure version 2), ota_2 (blank), test ("3.0.0"), storage and spare
 * (data), boot_spare (bootloader), table_spare (partition table).
 */
extern struct world {
    struct al_ptable table;
    uint8_t flash[WORLD_FLASH_SIZE]; /* as it is before the app runs, and what the app left */
    const char *running;
    bool rollback, anti_rollback, secure_boot, no_md5;
    bool own_table;          /* the table's bytes are as the test put them */
    unsigned secure_version; /* eFuse, before and after */
    char key_digests[256];   /* "HEX","HEX",...: eFuses */
    unsigned revoked_keys;   /* bits, before and after */
} world;

void world_reset(void);

/* An entry of the table; ends the test program if there is none. */
struct al_part *world_part(const char *label);
void world_remove(const char *label);

/* An image of that version into the partition, erased before. Returns its length. */
uint32_t world_image(const char *label, const char *version, uint32_t secure_version);

void world_record(unsigned sector, uint32_t seq, uint32_t state);
struct al_ota_record world_read_record(unsigned sector);

/* Run `app` over the flash; the test fails unless it ends with `exit_status`. */
void world_run(void (*app)(void), int exit_status);

/* --- In the app ------------------------------------------------------------ */

const esp_partition_t *part(const char *label);

/* While true every malloc and calloc of the program returns NULL. */
extern bool fail_allocations;

/* End the app as failed unless both are the same number. */
#define want(have, expected) \
    world_want((long long)(have), (long long)(expected), #have, #expected, __FILE__, __LINE__)
void world_want(long long have, long long expected, const char *have_text, const char *expected_text,
                const char *file, int line);

/* A case: `static void NAME_app(void)` follows, run as the app of the world that `setup` arranges. */
#define SDK_CASE_IN(name, setup)   \
    static void name##_app(void);  \
    static void name(void **state) \
    {                              \
        (void)state;               \
        world_reset();             \
        setup;                     \
        world_run(name##_app, 0);  \
    }                              \
    static void name##_app(void)
#define SDK_CASE(name) SDK_CASE_IN(name, (void)0)

#endif
