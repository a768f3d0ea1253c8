#include "esp_app_desc.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "airlift/image.h"
#include "airlift_sdkconfig.h"
#include "esp_ota_ops.h"
#include "esp_partition.h"

#define ELF_SHA_DIGITS 64

static struct {
    pthread_once_t once;
    esp_app_desc_t desc;
} running = {.once = PTHREAD_ONCE_INIT};

static void load(void)
{
    const esp_partition_t *partition = esp_ota_get_running_partition();
    esp_app_desc_t desc;

    if (partition != NULL &&
        esp_partition_read(partition, AL_IMAGE_DESC_OFF, &desc, sizeof(desc)) == ESP_OK &&
        desc.magic_word == ESP_APP_DESC_MAGIC_WORD) {
        running.desc = desc;
    }
}

const esp_app_desc_t *esp_app_get_description(void)
{
    pthread_once(&running.once, load);
    return &running.desc;
}

int esp_app_get_elf_sha256(char *dst, size_t size)
{
    const esp_app_desc_t *desc = esp_app_get_description();
    size_t digits = airlift_sdkconfig.app_retrieve_len_elf_sha;
    char hex[ELF_SHA_DIGITS + 1];

    if (dst == NULL || size == 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(desc->app_elf_sha256); i++) {
        snprintf(hex + 2 * i, 3, "%02x", desc->app_elf_sha256[i]);
    }
    digits = digits > ELF_SHA_DIGITS ? ELF_SHA_DIGITS : digits;
    digits = digits > size - 1 ? size - 1 : digits;
    memcpy(dst, hex, digits);
    dst[digits] = '\0';
    return (int)digits + 1;
}

char *esp_app_get_elf_sha256_str(void)
{
    static char text[ELF_SHA_DIGITS + 1];

    esp_app_get_elf_sha256(text, sizeof(text));
    return text;
}
