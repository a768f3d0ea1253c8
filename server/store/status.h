/*
 * status.h - what the store and the artifact directory return.
 */
#ifndef SERVER_STORE_STATUS_H
#define SERVER_STORE_STATUS_H

enum srv_status {
    SRV_OK,
    SRV_NOT_FOUND, /* no such product, release or artifact */
    SRV_FULL,      /* the disk (or its quota) is full; nothing was stored */
    SRV_DOWN,      /* the bucket behind the artifacts can't be reached; it has been logged */
    SRV_FAILED,    /* anything else; it has been logged */
};

#endif
