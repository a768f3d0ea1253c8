/*
 * device.h - the commands of `airlift device`, a file for each kind.
 */
#ifndef CLI_DEVICE_H
#define CLI_DEVICE_H

#include <stdint.h>

/* Their rows in cmd_device. */
enum {
    CMD_DEVICE_RUN,
    CMD_DEVICE_STATUS,
    CMD_DEVICE_MONITOR,
    CMD_DEVICE_RESET,
    CMD_DEVICE_POWER_CYCLE,
    CMD_DEVICE_OFF,
    CMD_DEVICE_GPIO,
    CMD_DEVICE_ERASE_FLASH,
    CMD_DEVICE_ERASE_OTADATA,
    CMD_DEVICE_EFUSE,
    CMD_DEVICE_TORTURE,
    CMD_DEVICE_N
};

int cmd_device_status(int argc, char **argv);
extern const char cmd_device_status_help[];

int cmd_device_efuse(int argc, char **argv);
extern const char cmd_device_efuse_help[];

int cmd_device_monitor(int argc, char **argv);
extern const char cmd_device_monitor_help[];

int cmd_device_reset(int argc, char **argv);
int cmd_device_power_cycle(int argc, char **argv);
int cmd_device_off(int argc, char **argv);
int cmd_device_gpio(int argc, char **argv);
int cmd_device_erase_flash(int argc, char **argv);
int cmd_device_erase_otadata(int argc, char **argv);

#endif
