/* folder.c: listing a directory and opening its files. */
#include "runtime/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/scope.h"

static void clean_directory(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int add_name(struct rt_folder *folder, const char *name, size_t *room, size_t max, struct rt_error *error)
{
    if (folder->count == max)
        return rt_fail(error, RT_EXIT_TRUST, "%s: holds more than %zu entries; name the right directory", folder->path, max);
    if (folder->count == *room) {
        size_t more = *room ? 2 * *room : 64;
        void *names = realloc(folder->names, more * sizeof *folder->names);
        if (!names)
            return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory to list it", folder->path);
        folder->names = names;
        *room = more;
    }
    snprintf(folder->names[folder->count++], sizeof *folder->names, "%s", name);
    return 0;
}

static int list_names(struct rt_folder *folder, size_t max, struct rt_error *error)
{
    size_t room = 0;
    RT_CLOSE_FD int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    RT_CLEAN(clean_directory) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return rt_fail(error, RT_EXIT_FAILED, "%s: cannot be listed: %s", folder->path, strerror(errno));
    (void)RT_MOVE_FD(fd);
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry)
            break;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && add_name(folder, entry->d_name, &room, max, error))
            return -1;
    }
    if (errno)
        return rt_fail(error, RT_EXIT_FAILED, "%s: cannot be listed: %s", folder->path, strerror(errno));
    if (folder->count)
        qsort(folder->names, folder->count, sizeof *folder->names, compare_names);
    return 0;
}

int rt_folder_open(struct rt_folder *out, const char *path, size_t max, enum rt_exit missing, const char *remedy, struct rt_error *error)
{
    *out = (struct rt_folder){.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .path = path};
    if (out->fd < 0)
        return rt_fail(error, missing, "%s: cannot be opened as a directory: %s; %s", path, strerror(errno), remedy);
    if (list_names(out, max, error)) {
        rt_folder_close(out);
        return -1;
    }
    return 0;
}

void rt_folder_close(struct rt_folder *folder)
{
    if (folder->fd >= 0)
        close(folder->fd);
    free(folder->names);
    *folder = (struct rt_folder){.fd = -1};
}

int rt_folder_has(const struct rt_folder *folder, const char *name)
{
    return folder->count && bsearch(name, folder->names, folder->count, sizeof *folder->names, compare_names) != NULL;
}

static int cannot_open(const struct rt_folder *folder, const char *name, struct rt_error *error)
{
    if (errno == ENOENT)
        return rt_fail(error, RT_EXIT_TRUST, "%s/%s: missing; copy the whole directory again", folder->path, name);
    if (errno == ELOOP)
        return rt_fail(error, RT_EXIT_TRUST, "%s/%s: a symbolic link, which is refused; put the file itself there", folder->path, name);
    return rt_fail(error, RT_EXIT_FAILED, "%s/%s: cannot be opened: %s; check its permissions", folder->path, name, strerror(errno));
}

static int check_regular(const struct stat *status, const struct rt_folder *folder, const char *name, struct rt_error *error)
{
    if (S_ISREG(status->st_mode))
        return 0;
    if (S_ISLNK(status->st_mode))
        errno = ELOOP;
    else
        return rt_fail(error, RT_EXIT_TRUST, "%s/%s: not a regular file; put the file itself there", folder->path, name);
    return cannot_open(folder, name, error);
}

static int check_entry(struct stat *status, const struct rt_folder *folder, const char *name, enum rt_links links, struct rt_error *error)
{
    if (fstatat(folder->fd, name, status, links == RT_LINKS_FOLLOWED ? 0 : AT_SYMLINK_NOFOLLOW))
        return cannot_open(folder, name, error);
    return check_regular(status, folder, name, error);
}

int rt_folder_size(uint64_t *size, const struct rt_folder *folder, const char *name, struct rt_error *error)
{
    struct stat status;
    if (check_entry(&status, folder, name, RT_LINKS_REFUSED, error))
        return -1;
    *size = (uint64_t)status.st_size;
    return 0;
}

int rt_folder_file(int *fd, uint64_t *size, const struct rt_folder *folder, const char *name, enum rt_links links, struct rt_error *error)
{
    struct stat status;
    /* looked at before it is opened, since opening a device can do something; and again after, since it may have been replaced */
    if (check_entry(&status, folder, name, links, error))
        return -1;
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (links == RT_LINKS_FOLLOWED ? 0 : O_NOFOLLOW);
    RT_CLOSE_FD int opened = openat(folder->fd, name, flags);
    if (opened < 0 || fstat(opened, &status))
        return cannot_open(folder, name, error);
    if (check_regular(&status, folder, name, error))
        return -1;
    *size = (uint64_t)status.st_size;
    *fd = RT_MOVE_FD(opened);
    return 0;
}

int rt_read_at(int fd, void *out, size_t bytes, uint64_t offset)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got = pread(fd, (char *)out + done, bytes - done, (off_t)(offset + done));
        if (got == 0)
            return RT_READ_ENDED;
        if (got < 0 && errno != EINTR)
            return errno;
        done += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

int rt_folder_read(char **out, size_t *bytes, const struct rt_folder *folder, const char *name, enum rt_links links, size_t max,
                   struct rt_error *error)
{
    uint64_t size;
    RT_CLOSE_FD int fd = -1;
    if (rt_folder_file(&fd, &size, folder, name, links, error))
        return -1;
    if (size > max)
        return rt_fail(error, RT_EXIT_TRUST, "%s/%s: larger than %zu bytes, which no such file is; copy it again", folder->path, name, max);
    RT_FREE char *text = malloc(size + 1);
    if (!text)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s/%s: no memory to read it", folder->path, name);
    int status = rt_read_at(fd, text, size, 0);
    if (status)
        return rt_fail(error, RT_EXIT_FAILED, "%s/%s: cannot be read: %s", folder->path, name,
                       status == RT_READ_ENDED ? "it became shorter" : strerror(status));
    text[size] = '\0';
    *bytes = size;
    *out = RT_MOVE(text);
    return 0;
}
