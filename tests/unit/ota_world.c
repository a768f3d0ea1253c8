/* ota_world.c - a device in the middle of its life. */
#include "ota_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "airlift/ptable.h"
#include "device/shared.h"
#include "esp_event.h"
#include "esp_https_ota.h"
#include "esp_ota_ops.h"
#include "test_image.h"

#define FLASH_SIZE   0x100000u
#define SPI_MODE_OFF (32 + 181) /* in an image: the description's SPI flash mode */

static char dir[] = "/tmp/airlift-ota-XXXXXX";
static char flash_path[64], desc_path[80];

static struct {
    _Atomic int n;
    char letters[256];
    _Atomic int values[128];
} events;

static const struct al_ptable table = {
    .n = 8,
    .part = {{0x9000, 0x4000, 0, AL_TYPE_DATA, AL_SUB_DATA_NVS, "nvs"},
             {0xD000, 0x2000, 0, AL_TYPE_DATA, AL_SUB_DATA_OTA, "otadata"},
             {0x10000, 0x10000, 0, AL_TYPE_APP, AL_SUB_APP_FACTORY, "factory"},
             {0x20000, OTA_WORLD_SLOT, 0, AL_TYPE_APP, AL_SUB_APP_OTA_0, "ota_0"},
             {0x60000, OTA_WORLD_SLOT, 0, AL_TYPE_APP, AL_SUB_APP_OTA_0 + 1, "ota_1"},
             {0xA0000, OTA_WORLD_STORAGE, 0, AL_TYPE_DATA, AL_SUB_DATA_UNDEFINED, "storage"},
             {0xB0000, OTA_WORLD_STORAGE, 0, AL_TYPE_DATA, AL_SUB_DATA_UNDEFINED, "download"},
             {0xC0000, 0x10000, 0, AL_TYPE_BOOTLOADER, 1, "boot_spare"}},
};

static void write_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void on_event(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    static const char letters[] = "SCDIRYWUFA";
    char letter = letters[id];
    int n = events.n;

    (void)arg, (void)base;
    if (letter == 'W' || letter == 'U') {
        events.values[(int)letter] = *(const int *)data;
    } else if (letter == 'I' || letter == 'R') {
        events.values[(int)letter] = *(const uint16_t *)data;
    }
    if (n + 1 < (int)sizeof events.letters && (n == 0 || events.letters[n - 1] != letter)) {
        events.letters[n] = letter;
        events.n = n + 1;
    }
}

void ota_world_start(const char *desc)
{
    uint8_t *flash = malloc(FLASH_SIZE);

    if (desc == NULL) {
        desc = "{\"chip\":\"esp32c3\"}";
    }
    assert_non_null(flash);
    memset(flash, 0xFF, FLASH_SIZE);
    assert_int_equal(al_ptable_build(&table, true, flash + AL_PTABLE_OFFSET), 0);
    assert_true(test_image(flash + 0x20000, "1.0.0", 0, 20000) > 0);
    flash[0x20000 + SPI_MODE_OFF] = ESP_IMAGE_SPI_MODE_DIO + 1; /* nobody verifies the running image here */
    assert_non_null(mkdtemp(dir));
    (void)snprintf(flash_path, sizeof flash_path, "%s/flash.bin", dir);
    (void)snprintf(desc_path, sizeof desc_path, "%s.json", flash_path);
    write_file(flash_path, flash, FLASH_SIZE);
    write_file(desc_path, desc, strlen(desc));
    free(flash);
    assert_int_equal(setenv(DEV_ENV_FLASH, flash_path, 1), 0);
    assert_int_equal(setenv(DEV_ENV_RUNNING, "ota_0", 1), 0);
    assert_int_equal(esp_event_loop_create_default(), ESP_OK);
    assert_int_equal(esp_event_handler_register(ESP_HTTPS_OTA_EVENT, ESP_EVENT_ANY_ID, on_event, NULL),
                     ESP_OK);
}

void ota_world_stop(void)
{
    assert_int_equal(esp_event_loop_delete_default(), ESP_OK);
    assert_int_equal(unlink(flash_path), 0);
    assert_int_equal(unlink(desc_path), 0);
    assert_int_equal(rmdir(dir), 0);
}

const esp_partition_t *ota_world_partition(const char *label)
{
    const esp_partition_t *partition =
        esp_partition_find_first(ESP_PARTITION_TYPE_ANY, ESP_PARTITION_SUBTYPE_ANY, label);

    assert_non_null(partition);
    return partition;
}

void ota_world_reset(void)
{
    static const char *const changed[] = {"otadata", "ota_1", "storage", "download", "boot_spare"};

    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        const esp_partition_t *partition = ota_world_partition(changed[i]);
        assert_int_equal(esp_partition_erase_range(partition, 0, partition->size), ESP_OK);
    }
    usleep(20000); /* events of the last test */
    memset(events.letters, 0, sizeof events.letters);
    events.n = 0;
}

const char *ota_world_boot(void)
{
    const esp_partition_t *partition = esp_ota_get_boot_partition();
    return partition != NULL ? partition->label : "";
}

bool ota_world_holds(const char *label, const uint8_t *data, size_t len)
{
    uint8_t *flash = malloc(len);

    assert_non_null(flash);
    assert_int_equal(esp_partition_read(ota_world_partition(label), 0, flash, len), ESP_OK);
    bool same = memcmp(flash, data, len) == 0;
    free(flash);
    return same;
}

bool ota_world_is_blank(const char *label)
{
    const esp_partition_t *partition = ota_world_partition(label);
    uint8_t *blank = malloc(partition->size);

    assert_non_null(blank);
    memset(blank, 0xFF, partition->size);
    bool same = ota_world_holds(label, blank, partition->size);
    free(blank);
    return same;
}

const char *ota_world_events(char last)
{
    for (int i = 0; i < 1000 && (events.n == 0 || events.letters[events.n - 1] != last); i++) {
        usleep(5000);
    }
    return events.letters;
}

int ota_world_event_value(char letter)
{
    return events.values[(int)letter];
}
