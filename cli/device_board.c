/*
 * device_board.c - airlift device reset|power-cycle|off|gpio|erase-flash|erase-otadata:
 * what one does to a board with fingers, wires and esptool.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "airlift/otadata.h"
#include "airlift/ptable.h"
#include "commands.h"
#include "device.h"
#include "device/control.h"
#include "device/desc.h"
#include "device/nor_flash.h"

/* --- A running device -------------------------------------------------------- */

static const char *flash_argument(const struct host_cmd *cmd, int argc, char **argv)
{
    static const struct host_opt none[] = {{0}};
    if (host_parse(cmd, argc, argv, none) != 1) {
        host_usage(cmd, "name one flash file");
    }
    return argv[0];
}

/* Send an order and say what came of it: the device's own words, or ours where it has none. */
static int order(const char *flash_path, int fd, const char *request, const char *done)
{
    char err[1024], *text;
    int result = dev_control_ask_fd(fd, request, &text, err, sizeof err);
    close(fd);
    if (result) {
        return host_fail("%s: %s", flash_path, err);
    }
    printf("%s\n", *text ? text : done);
    free(text);
    return 0;
}

static int order_running(unsigned row, int argc, char **argv, const char *done)
{
    char err[1024];
    const struct host_cmd *cmd = &cmd_device[row];
    const char *flash_path = flash_argument(cmd, argc, argv);
    int fd = dev_control_connect(flash_path, err, sizeof err);
    return fd < 0 ? host_fail("%s", err) : order(flash_path, fd, cmd->verb, done);
}

int cmd_device_reset(int argc, char **argv)
{
    return order_running(CMD_DEVICE_RESET, argc, argv, "reset");
}

int cmd_device_power_cycle(int argc, char **argv)
{
    return order_running(CMD_DEVICE_POWER_CYCLE, argc, argv, "off and on again");
}

int cmd_device_off(int argc, char **argv)
{
    return order_running(CMD_DEVICE_OFF, argc, argv, "the device is off");
}

int cmd_device_gpio(int argc, char **argv)
{
    static const struct host_opt none[] = {{0}};
    const struct host_cmd *cmd = &cmd_device[CMD_DEVICE_GPIO];
    int n = host_parse(cmd, argc, argv, none);
    if (n < 2) {
        host_usage(cmd, "name a flash file and what to change, such as 4=1");
    }
    unsigned pins[64];
    char levels[64];
    if (n > 64) {
        host_usage(cmd, "that is more than there are pins");
    }
    for (int i = 1; i < n; i++) {
        char more;
        if (sscanf(argv[i], "%2u=%c%c", &pins[i], &levels[i], &more) != 2 || pins[i] >= DEV_GPIO_COUNT ||
            !strchr("01z", levels[i])) {
            host_usage(cmd, "%s: write PIN=0, PIN=1 or PIN=z, with PIN from 0 to %d", argv[i],
                       DEV_GPIO_COUNT - 1);
        }
    }
    for (int i = 1; i < n; i++) {
        char request[32], err[1024], *text;
        snprintf(request, sizeof request, "gpio %u %c", pins[i], levels[i]);
        if (dev_control_ask(argv[0], request, &text, err, sizeof err)) {
            return host_fail("%s", err);
        }
        free(text);
    }
    return 0;
}

/* --- Running or off ---------------------------------------------------------- */

/* Erase the whole flash, or OTA data. 0, or the exit code after one line. */
static int erase_while_off(const char *path, bool otadata)
{
    struct dev_desc desc;
    struct dev_flash *flash;
    struct al_ptable table;
    char err[1024];
    if (dev_desc_load(path, &desc, err, sizeof err) ||
        dev_flash_open(path, DEV_FLASH_WRITE, NULL, &flash, err, sizeof err)) {
        return host_fail("%s", err);
    }
    const struct al_flash *port = dev_flash_port(flash);
    uint32_t off = 0, size = port->size;
    const char *why = NULL;
    if (otadata && al_ptable_read(port, desc.partition_table_offset, &table)) {
        why = "there is no valid partition table";
    } else if (otadata) {
        const struct al_part *part = al_ptable_find(&table, AL_TYPE_DATA, AL_SUB_DATA_OTA);
        why = part ? NULL : "the table has no OTA data partition";
        off = part ? part->off : 0;
        size = part ? part->size : 0;
    }
    if (!why) {
        int result = al_flash_erase(port, off, size);
        why = result ? al_strerror(result) : NULL;
    }
    dev_flash_close(flash);
    return why ? host_fail("%s: %s", path, why) : 0;
}

static int erase(unsigned row, int argc, char **argv, bool otadata, const char *done, const char *done_reset)
{
    char err[1024];
    const struct host_cmd *cmd = &cmd_device[row];
    const char *path = flash_argument(cmd, argc, argv);
    int fd = dev_control_connect(path, err, sizeof err);
    if (fd >= 0) {
        return order(path, fd, cmd->verb, done_reset);
    }
    if (fd != AL_ERR_STATE) {
        return host_fail("%s", err);
    }
    int failed = erase_while_off(path, otadata);
    if (!failed) {
        puts(done);
    }
    return failed;
}

int cmd_device_erase_flash(int argc, char **argv)
{
    return erase(CMD_DEVICE_ERASE_FLASH, argc, argv, false, "flash erased", "flash erased, device reset");
}

int cmd_device_erase_otadata(int argc, char **argv)
{
    return erase(CMD_DEVICE_ERASE_OTADATA, argc, argv, true, "OTA data erased: the default app boots next",
                 "OTA data erased, device reset");
}
