/*
 * device_torture.h - the handler of `airlift device torture`.
 */
#ifndef CLI_DEVICE_TORTURE_H
#define CLI_DEVICE_TORTURE_H

/* Does not return if the program is there; else an exit code. */
int device_torture(int argc, char **argv);

#endif
