/* init.c: starts libsodium, which picks its implementations by CPU and opens the system's randomness. */
#include "crypto/crypto.h"

#include <sodium/core.h>

int cr_init(void)
{
    return sodium_init() < 0 ? CR_E_RANDOM : CR_OK;
}
