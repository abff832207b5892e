/* secret_key_read.h: a secret key out of its file, with its password where it has one. One thread. */
#ifndef CLOISTER_SECRET_KEY_READ_H
#define CLOISTER_SECRET_KEY_READ_H

#include "crypto/sign.h"
#include "runtime/error.h"

/* Asks for the password of a protected key (password.h). cr_secret_key_close wipes it. */
RT_MUST_CHECK int rt_secret_key_read(struct cr_secret_key **out, const char *path, struct rt_error *error);

#endif
