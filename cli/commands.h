/*
 * commands.h - the rows of `airlift`, one table per noun. Each ends with noun NULL.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "host/cmd.h"

extern const struct host_cmd cmd_partitions[];
extern const struct host_cmd cmd_image[];
extern const struct host_cmd cmd_keys[];
extern const struct host_cmd cmd_delta[];
extern const struct host_cmd cmd_flash[];
extern const struct host_cmd cmd_otadata[];
extern const struct host_cmd cmd_boot[];
extern const struct host_cmd cmd_device[];
extern const struct host_cmd cmd_devices[];
extern const struct host_cmd cmd_serve[];
extern const struct host_cmd cmd_presign[];
extern const struct host_cmd cmd_provision[];
extern const struct host_cmd cmd_publish[];
extern const struct host_cmd cmd_releases[];
extern const struct host_cmd cmd_stats[];
extern const struct host_cmd cmd_s3[];
extern const struct host_cmd cmd_push[];
extern const struct host_cmd cmd_notify[];
extern const struct host_cmd cmd_demo[];

#endif
