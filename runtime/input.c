/* input.c: texts and token ids from the command line. */
#include "runtime/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/scope.h"

/* Doubles the room; one byte more is kept for the final 0. */
static int grow(char **text, size_t *room)
{
    size_t wanted = *room ? 2 * *room : 1 << 16;
    char *grown = *room > RT_INPUT_MAX_BYTES ? NULL : realloc(*text, wanted + 1);
    if (!grown)
        return -1;
    *text = grown;
    *room = wanted;
    return 0;
}

static int read_all(int fd, const char *name, char **text, size_t *bytes, struct rt_error *error)
{
    size_t room = 0;
    for (;;) {
        if (*bytes == room && grow(text, &room))
            return rt_fail(error, RT_EXIT_RESOURCES, "%s: longer than %d MiB; give less text", name, RT_INPUT_MAX_BYTES >> 20);
        ssize_t got = read(fd, *text + *bytes, room - *bytes);
        if (got < 0 && errno != EINTR)
            return rt_fail(error, RT_EXIT_FAILED, "%s: cannot be read: %s", name, strerror(errno));
        if (!got)
            break;
        *bytes += got > 0 ? (size_t)got : 0;
    }
    (*text)[*bytes] = 0;
    return 0;
}

int rt_input_read(const char *path, char **text, size_t *bytes, struct rt_error *error)
{
    *text = NULL;
    *bytes = 0;
    RT_FREE char *read_text = NULL;
    RT_CLOSE_FD int fd = -1;
    int from_stdin = !strcmp(path, "-");
    if (!from_stdin && (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return rt_fail(error, RT_EXIT_FAILED, "%s: cannot be opened: %s", path, strerror(errno));
    if (read_all(from_stdin ? STDIN_FILENO : fd, from_stdin ? "standard input" : path, &read_text, bytes, error))
        return -1;
    *text = RT_MOVE(read_text);
    return 0;
}

int rt_input_ids(const char *option, const char *text, struct rt_tokens *out, struct rt_error *error)
{
    out->room = strlen(text) / 2 + 1;
    out->ids = calloc(out->room, sizeof *out->ids);
    if (!out->ids)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the tokens");
    for (const char *at = text; *at;) {
        char *end = NULL;
        unsigned long long id = *at >= '0' && *at <= '9' ? strtoull(at, &end, 10) : UINT64_MAX;
        if (id > UINT32_MAX || (*end && (*end != ',' || !end[1])))
            return rt_fail(error, RT_EXIT_USAGE, "%s %.40s: token ids are numbers with commas between them, such as 1,2,3", option, text);
        out->ids[out->count++] = (uint32_t)id;
        at = *end ? end + 1 : end;
    }
    return 0;
}
