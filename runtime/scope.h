/* scope.h: cleanup when a scope is left, and handing over before that. `runtime` and `packaging` use it; `crypto` does not. */
#ifndef CLOISTER_SCOPE_H
#define CLOISTER_SCOPE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RT_CLEAN(function) __attribute__((cleanup(function)))

/* Hands over: the value of `pointer`, which becomes NULL. */
#define RT_MOVE(pointer) \
    __extension__({ \
        __typeof__(pointer) moved_ = (pointer); \
        (pointer) = NULL; \
        moved_; \
    })
/* The same for a file descriptor, which becomes -1. */
#define RT_MOVE_FD(fd) \
    __extension__({ \
        int moved_ = (fd); \
        (fd) = -1; \
        moved_; \
    })

static inline void rt_clean_free(void *pointer_address)
{
    free(*(void **)pointer_address);
}

static inline void rt_clean_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void rt_clean_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

#define RT_FREE RT_CLEAN(rt_clean_free)
#define RT_CLOSE_FD RT_CLEAN(rt_clean_fd)
#define RT_CLOSE_FILE RT_CLEAN(rt_clean_file)

#endif
