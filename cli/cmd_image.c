#include "commands.h"

const struct host_cmd cmd_image[] = {{0}};
