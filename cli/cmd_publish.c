#include "commands.h"

const struct host_cmd cmd_publish[] = {{0}};
