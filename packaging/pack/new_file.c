/* new_file.c: writes a file under a temporary name beside its own and renames it. */
#include "packaging/pack/new_file.h"

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

/* Syncs the directory that a path is in, so that the new name is on the disk as well; a stick's file system may not know how. */
static void sync_directory(const char *path)
{
    RT_FREE char *directory = strdup(path);
    char *slash = directory ? strrchr(directory, '/') : NULL;
    if (slash)
        slash[slash == directory] = '\0';
    RT_CLOSE_FD int fd = directory ? open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0)
        fsync(fd);
}

/* Gives the file its name. Where renameat2 is unknown to the file system, a hard link refuses an existing name as well. */
static int give_name(const char *temporary, const char *path, enum pk_existing existing)
{
    if (existing == PK_REPLACE_EXISTING)
        return rename(temporary, path);
    if (syscall(SYS_renameat2, AT_FDCWD, temporary, AT_FDCWD, path, NO_REPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (link(temporary, path))
        return -1;
    unlink(temporary);
    return 0;
}

static int fail(const char *path, struct rt_error *error)
{
    if (errno == EEXIST)
        return rt_fail(error, RT_EXIT_USAGE, "%s: exists, and is never overwritten; choose another name", path);
    return rt_fail(error, errno == ENOSPC ? RT_EXIT_RESOURCES : RT_EXIT_FAILED, "%s: cannot be written: %s", path, strerror(errno));
}

int pk_new_file(const char *path, mode_t mode, const char *text, enum pk_existing existing, struct rt_error *error)
{
    struct stat status;
    RT_FREE char *temporary = NULL;
    if (existing == PK_KEEP_EXISTING && lstat(path, &status) == 0) {
        errno = EEXIST;
        return fail(path, error);
    }
    if (asprintf(&temporary, "%s.%ld.new", path, (long)getpid()) < 0) {
        temporary = NULL;
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory", path);
    }
    RT_CLOSE_FD int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return fail(path, error);
    if (write_all(fd, text) || give_name(temporary, path, existing)) {
        fail(path, error);
        unlink(temporary);
        return -1;
    }
    sync_directory(path);
    return 0;
}
