#include "airlift/err.h"

const char *al_strerror(int err)
{
    switch (err) {
    case AL_OK:
        return "no error";
    case AL_ERR_ARG:
        return "AL_ERR_ARG: senseless argument";
    case AL_ERR_IO:
        return "AL_ERR_IO: flash operation failed";
    case AL_ERR_NOT_FOUND:
        return "AL_ERR_NOT_FOUND: no such partition, record or slot";
    case AL_ERR_STATE:
        return "AL_ERR_STATE: not possible in this state";
    case AL_ERR_SIZE:
        return "AL_ERR_SIZE: does not fit";
    case AL_ERR_IMAGE:
        return "AL_ERR_IMAGE: not a whole, intact app image";
    case AL_ERR_CHIP:
        return "AL_ERR_CHIP: image is for another chip or revision";
    case AL_ERR_TABLE:
        return "AL_ERR_TABLE: partition table damaged";
    case AL_ERR_CRYPTO:
        return "AL_ERR_CRYPTO: crypto library failed";
    case AL_ERR_SECURE_VER:
        return "AL_ERR_SECURE_VER: secure version too low";
    case AL_ERR_READONLY:
        return "AL_ERR_READONLY: partition is read-only";
    case AL_ERR_FORMAT:
        return "AL_ERR_FORMAT: text does not parse";
    case AL_ERR_SIGNATURE:
        return "AL_ERR_SIGNATURE: not signed as it must be";
    default:
        return err > 0 ? "a count, not an error" : "unknown error";
    }
}
