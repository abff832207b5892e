/* password.h: asks for the password of a secret key: on the terminal, without showing it, or from a line of standard input where that is
 * not a terminal (as minisign does). One thread. */
#ifndef CLOISTER_PASSWORD_H
#define CLOISTER_PASSWORD_H

#include "crypto/sign.h"
#include "runtime/error.h"

struct rt_password {
    char text[CR_PASSWORD_MAX_BYTES + 1];
};

/* RT_EXIT_FAILED where there is none to read; RT_EXIT_USAGE for an empty one. */
RT_MUST_CHECK int rt_password_ask(struct rt_password *out, const char *prompt, struct rt_error *error);
/* Asks twice; RT_EXIT_USAGE where the answers differ. */
RT_MUST_CHECK int rt_password_choose(struct rt_password *out, struct rt_error *error);
void rt_password_wipe(struct rt_password *password); /* for RT_CLEAN */

#endif
