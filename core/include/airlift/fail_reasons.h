/*
 * fail_reasons.h - why an update failed, as devices say it: in Airlift-Failure, over MQTT, on the console.
 *
 * One list for agent/, which gives the numbers (airlift_fail_t), and server/, which counts by these names. The
 * names keep their meaning once released; new ones go to the end. Thread safety: a macro.
 */
#ifndef AIRLIFT_FAIL_REASONS_H
#define AIRLIFT_FAIL_REASONS_H

/* REASON(NAME of AIRLIFT_FAIL_NAME, "text"), for each but NONE. */
#define AIRLIFT_FAIL_REASONS(REASON)       \
    REASON(NETWORK, "network")             \
    REASON(HTTP_STATUS, "http status")     \
    REASON(URL, "url")                     \
    REASON(MANIFEST, "manifest")           \
    REASON(VERSION, "version")             \
    REASON(IMAGE, "image")                 \
    REASON(CHIP, "chip")                   \
    REASON(SIZE, "size")                   \
    REASON(HASH, "hash")                   \
    REASON(KNOWN_BAD, "known bad")         \
    REASON(FLASH, "flash")                 \
    REASON(STORAGE, "storage")             \
    REASON(HEALTH, "health")               \
    REASON(TRIAL_RESET, "trial reset")     \
    REASON(STOPPED, "stopped")             \
    REASON(EXPIRED, "expired")             \
    REASON(BUSY, "busy")                   \
    REASON(DENIED, "denied")               \
    REASON(UNSIGNED, "unsigned")           \
    REASON(UNKNOWN_KEY, "unknown key")     \
    REASON(REVOKED_KEY, "revoked key")     \
    REASON(BAD_SIGNATURE, "bad signature") \
    REASON(SECURE_VERSION, "secure version")

#endif
