/* bytes.h: bytes that grow at their end. */
#ifndef CLOISTER_BYTES_H
#define CLOISTER_BYTES_H

#include <stddef.h>

#include "runtime/error.h"

struct rt_bytes { /* {0} is an empty one */
    char *at;
    size_t count, room;
};

/* -1 without memory: then nothing has changed. */
RT_MUST_CHECK int rt_bytes_add(struct rt_bytes *bytes, const void *more, size_t count);
void rt_bytes_close(struct rt_bytes *bytes);

#endif
