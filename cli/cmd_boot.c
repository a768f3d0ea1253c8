#include "commands.h"

const struct host_cmd cmd_boot[] = {{0}};
