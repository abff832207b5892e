/* folder.h: a directory from outside and the files in it, opened without surprises: never through a symbolic link unless asked, never
 * a device or pipe, never more bytes than the caller expects. Knows nothing of what the files mean. Any thread. */
#ifndef CLOISTER_FOLDER_H
#define CLOISTER_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"

struct rt_folder {
    int fd;
    const char *path; /* for messages; the caller's */
    size_t count;
    char (*names)[256]; /* everything in it but "." and "..", sorted by strcmp */
};

enum rt_links { RT_LINKS_REFUSED, RT_LINKS_FOLLOWED };

/* Opens and lists. More than `max` entries is RT_EXIT_TRUST; where it cannot be opened the code is `missing` and
 * the message ends with `remedy`. */
RT_MUST_CHECK int rt_folder_open(struct rt_folder *out, const char *path, size_t max, enum rt_exit missing, const char *remedy,
                                 struct rt_error *error);
void rt_folder_close(struct rt_folder *folder); /* safe on one that never opened (fd -1, names NULL) */
int rt_folder_has(const struct rt_folder *folder, const char *name);

/* That `name` is a regular file and no link, and how large it is; opens nothing. RT_EXIT_TRUST. */
RT_MUST_CHECK int rt_folder_size(uint64_t *size, const struct rt_folder *folder, const char *name, struct rt_error *error);
/* Opens a regular file for reading. */
RT_MUST_CHECK int rt_folder_file(int *fd, uint64_t *size, const struct rt_folder *folder, const char *name, enum rt_links links,
                                 struct rt_error *error);
/* Reads a whole file of at most `max` bytes into fresh memory, with a 0 behind it. Free with free(). */
RT_MUST_CHECK int rt_folder_read(char **out, size_t *bytes, const struct rt_folder *folder, const char *name, enum rt_links links,
                                 size_t max, struct rt_error *error);

/* pread until all is there: 0, or an errno value, or RT_READ_ENDED where the file ends first. */
enum { RT_READ_ENDED = -1 };
int rt_read_at(int fd, void *out, size_t bytes, uint64_t offset);

#endif
