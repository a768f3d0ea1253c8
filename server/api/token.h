/*
 * token.h - bearer tokens: made once, shown once, stored as a hash.
 *
 * A token is 256 random bits, so a plain SHA-256 is enough: there is nothing to guess.
 */
#ifndef SERVER_API_TOKEN_H
#define SERVER_API_TOKEN_H

#include <stdbool.h>

#include "../store/store.h"
#include "server/server.h"

#define SRV_ROLE_ADMIN "admin"

/* Make a token and store its hash for `role`, replacing what was there. SRV_OK, SRV_FULL, SRV_FAILED. */
enum srv_status srv_token_make(struct srv_store *store, const char *role, char token[SRV_TOKEN_SIZE]);

/*
 * Does an Authorization header (NULL: none) carry the token for `role`? Takes the
 * same time for every wrong token. SRV_NOT_FOUND: no.
 */
enum srv_status srv_token_check(struct srv_store *store, const char *role, const char *authorization);

#endif
