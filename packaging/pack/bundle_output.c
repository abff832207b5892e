/* bundle_output.c: whole or not at all. */
#include "packaging/pack/bundle_output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/scope.h"

enum { SUFFIX_ROOM = 40 }; /* for ".partial-PID" and the dot */

struct pk_output {
    char path[PATH_MAX];
    char name[NAME_MAX + 1], partial[NAME_MAX + 1];
    int parent, fd;
    int made, committed;
};

/* Splits "a/b/c/" into the directory "a/b" and the name "c". */
static int split_path(struct pk_output *output, const char *path, char *parent, struct rt_error *error)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    if (length == 0 || length >= PATH_MAX)
        return rt_fail(error, RT_EXIT_USAGE, "-o: not a path that a bundle can have");
    memcpy(output->path, path, length);
    const char *slash = strrchr(output->path, '/');
    const char *name = slash ? slash + 1 : output->path;
    if (*name == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strlen(name) > NAME_MAX - SUFFIX_ROOM)
        return rt_fail(error, RT_EXIT_USAGE, "-o %s: not a name that a bundle can have", output->path);
    snprintf(output->name, sizeof output->name, "%s", name);
    snprintf(output->partial, sizeof output->partial, ".%.*s.partial-%ld", NAME_MAX - SUFFIX_ROOM, name, (long)getpid());
    snprintf(parent, PATH_MAX, "%.*s", slash ? (int)(slash - output->path) + 1 : 1, slash ? output->path : ".");
    return 0;
}

static int make_directory(struct pk_output *output, const char *parent, struct rt_error *error)
{
    struct stat info;
    output->parent = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (output->parent < 0)
        return rt_fail(error, RT_EXIT_USAGE, "%s: %s; make the directory that is to hold the bundle", parent, strerror(errno));
    if (fstatat(output->parent, output->name, &info, AT_SYMLINK_NOFOLLOW) == 0)
        return rt_fail(error, RT_EXIT_USAGE, "%s: exists already; remove it or give another name with -o", output->path);
    if (mkdirat(output->parent, output->partial, 0755))
        return rt_fail(error, errno == ENOSPC ? RT_EXIT_RESOURCES : RT_EXIT_FAILED, "%s: cannot be made: %s", output->path,
                       strerror(errno));
    output->made = 1;
    output->fd = openat(output->parent, output->partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return output->fd >= 0 ? 0 : rt_fail(error, RT_EXIT_FAILED, "%s: cannot be opened: %s", output->path, strerror(errno));
}

int pk_output_open(struct pk_output **out, const char *path, struct rt_error *error)
{
    *out = NULL;
    char parent[PATH_MAX];
    RT_CLEAN(pk_output_clean) struct pk_output *output = calloc(1, sizeof *output);
    if (!output)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    output->parent = output->fd = -1;
    if (split_path(output, path, parent, error) || make_directory(output, parent, error))
        return -1;
    *out = RT_MOVE(output);
    return 0;
}

int pk_output_directory(const struct pk_output *output)
{
    return output->fd;
}

const char *pk_output_name(const struct pk_output *output)
{
    return output->name;
}

static int fail_to_write(const char *name, struct rt_error *error)
{
    int full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    return rt_fail(error, full ? RT_EXIT_RESOURCES : RT_EXIT_FAILED, "%s: cannot be written: %s; nothing was left behind", name,
                   strerror(errno));
}

int pk_output_write(const struct pk_output *output, const char *name, const void *bytes, size_t count, struct rt_error *error)
{
    RT_CLOSE_FD int fd = openat(output->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail_to_write(name, error);
    for (size_t done = 0; done < count;) {
        ssize_t put = write(fd, (const char *)bytes + done, count - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail_to_write(name, error);
        done += (size_t)put;
    }
    return fsync(fd) ? fail_to_write(name, error) : 0;
}

int pk_output_commit(struct pk_output *output, struct rt_error *error)
{
    if (fsync(output->fd) || renameat(output->parent, output->partial, output->parent, output->name))
        return rt_fail(error, RT_EXIT_FAILED, "%s: cannot be given its name: %s; nothing was left behind", output->path, strerror(errno));
    output->committed = 1;
    fsync(output->parent); /* some file systems cannot, and the bundle is whole either way */
    return 0;
}

static void remove_files(int directory)
{
    int copy = dup(directory);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    if (!list)
        return;
    for (struct dirent *entry; (entry = readdir(list));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            unlinkat(directory, entry->d_name, 0);
    closedir(list);
}

void pk_output_close(struct pk_output **output)
{
    struct pk_output *o = *output;
    if (!o)
        return;
    if (o->made && !o->committed) {
        if (o->fd >= 0)
            remove_files(o->fd);
        unlinkat(o->parent, o->partial, AT_REMOVEDIR);
    }
    rt_clean_fd(&o->fd);
    rt_clean_fd(&o->parent);
    free(o);
    *output = NULL;
}

void pk_output_clean(struct pk_output **output)
{
    pk_output_close(output);
}
