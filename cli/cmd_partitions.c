#include "commands.h"

const struct host_cmd cmd_partitions[] = {{0}};
