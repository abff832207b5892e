/* new_file.c: writes a file under a temporary name beside its own and renames it. Everything after the beginning goes through the open
 * directory, so that it also works where no path can be opened any more. */
#include "runtime/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/scope.h"

enum { NO_REPLACE = 1 }; /* RENAME_NOREPLACE of renameat2(2) */

static int write_all(int fd, const char *text)
{
    for (size_t done = 0, bytes = strlen(text); done < bytes;) {
        ssize_t wrote = write(fd, text + done, bytes - done);
        if (wrote < 0 && errno != EINTR)
            return -1;
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return fsync(fd);
}

/* Gives the file its name. Where renameat2 is unknown to the file system, a hard link refuses an existing name as well. */
static int give_name(const struct rt_new_file *file)
{
    const int at = file->directory;
    if (file->existing == RT_REPLACE_EXISTING)
        return renameat(at, file->temporary, at, file->name);
    if (syscall(SYS_renameat2, at, file->temporary, at, file->name, NO_REPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (linkat(at, file->temporary, at, file->name, 0))
        return -1;
    unlinkat(at, file->temporary, 0);
    return 0;
}

static int fail(const char *path, struct rt_error *error)
{
    if (errno == EEXIST)
        return rt_fail(error, RT_EXIT_USAGE, "%s: exists, and is never overwritten; choose another name", path);
    return rt_fail(error, errno == ENOSPC ? RT_EXIT_RESOURCES : RT_EXIT_FAILED, "%s: cannot be written: %s", path, strerror(errno));
}

static int open_directory(struct rt_new_file *file, struct rt_error *error)
{
    const char *slash = strrchr(file->path, '/');
    file->name = slash ? slash + 1 : file->path;
    RT_FREE char *directory = slash ? strndup(file->path, slash == file->path ? 1 : (size_t)(slash - file->path)) : strdup(".");
    if (!directory)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory", file->path);
    file->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return file->directory < 0 ? fail(file->path, error) : 0;
}

static int exists(const struct rt_new_file *file)
{
    struct stat status;
    if (fstatat(file->directory, file->name, &status, AT_SYMLINK_NOFOLLOW))
        return 0;
    errno = EEXIST;
    return 1;
}

int rt_new_file_begin(struct rt_new_file *out, const char *path, mode_t mode, enum rt_existing existing, struct rt_error *error)
{
    *out = (struct rt_new_file){.path = path, .existing = existing, .directory = -1, .fd = -1};
    if (open_directory(out, error))
        return -1;
    snprintf(out->temporary, sizeof out->temporary, ".%.32s.%ld.new", out->name, (long)getpid());
    if (existing == RT_REPLACE_EXISTING || !exists(out))
        out->fd = openat(out->directory, out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (out->fd >= 0)
        return 0;
    fail(path, error);
    rt_new_file_drop(out);
    return -1;
}

int rt_new_file_finish(struct rt_new_file *file, const char *text, struct rt_error *error)
{
    if (write_all(file->fd, text) || give_name(file)) {
        fail(file->path, error);
        rt_new_file_drop(file);
        return -1;
    }
    fsync(file->directory); /* so that the new name is on the disk as well; a stick's file system may not know how */
    file->temporary[0] = 0;
    rt_new_file_drop(file);
    return 0;
}

void rt_new_file_drop(struct rt_new_file *file)
{
    if (file->fd >= 0) {
        if (file->temporary[0])
            unlinkat(file->directory, file->temporary, 0);
        close(file->fd);
    }
    if (file->directory >= 0)
        close(file->directory);
    file->fd = file->directory = -1;
}

int rt_new_file(const char *path, mode_t mode, const char *text, enum rt_existing existing, struct rt_error *error)
{
    struct rt_new_file file;
    return rt_new_file_begin(&file, path, mode, existing, error) ? -1 : rt_new_file_finish(&file, text, error);
}
