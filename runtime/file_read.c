/* file_read.c: see file_read.h. */
#include "runtime/file_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/folder.h"
#include "runtime/scope.h"

int rt_file_read(char **text, size_t *bytes, int directory, const char *name, size_t max, struct rt_error *error)
{
    *text = NULL;
    *bytes = 0;
    RT_CLOSE_FD int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return 0;
    struct stat info;
    if (fd < 0 || fstat(fd, &info))
        return rt_fail(error, RT_EXIT_FAILED, "%s: cannot be opened: %s", name, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return rt_fail(error, RT_EXIT_FAILED, "%s: not a regular file", name);
    if ((uint64_t)info.st_size > max)
        return rt_fail(error, RT_EXIT_FAILED, "%s: %lld bytes; at most %zu are accepted", name, (long long)info.st_size, max);
    RT_FREE char *room = malloc((size_t)info.st_size + 1);
    if (!room)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory for %lld bytes", name, (long long)info.st_size);
    int why = rt_read_at(fd, room, (size_t)info.st_size, 0);
    if (why)
        return rt_fail(error, RT_EXIT_FAILED, "%s: cannot be read: %s", name, why > 0 ? strerror(why) : "it became shorter");
    room[info.st_size] = 0;
    *text = RT_MOVE(room);
    *bytes = (size_t)info.st_size;
    return 0;
}
