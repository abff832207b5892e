/* bytes.c: see bytes.h. */
#include "runtime/bytes.h"

#include <stdlib.h>
#include <string.h>

int rt_bytes_add(struct rt_bytes *bytes, const void *more, size_t count)
{
    if (bytes->count + count > bytes->room) {
        const size_t room = 2 * bytes->room + count + 256;
        char *grown = realloc(bytes->at, room);
        if (!grown)
            return -1;
        bytes->at = grown;
        bytes->room = room;
    }
    if (count)
        memcpy(bytes->at + bytes->count, more, count);
    bytes->count += count;
    return 0;
}

void rt_bytes_close(struct rt_bytes *bytes)
{
    free(bytes->at);
    *bytes = (struct rt_bytes){0};
}
