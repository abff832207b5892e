/* batch_file.c: see batch_file.h. */
#include "runtime/batch_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "runtime/scope.h"

enum { TAIL_BYTES = 1 << 16 };

struct id_set { /* of digests, open addressing */
    uint8_t (*digests)[CR_DIGEST_BYTES];
    uint8_t *used;
    size_t count, room;
};

struct rt_batch_files {
    const char *requests_path, *answers_path;
    FILE *requests, *answers;
    struct id_set answered;
    uint64_t first, last; /* requests of the part: up to, not including */
    uint64_t line, next;  /* line: counted from 1; next: request, counted from 0, blank lines are none */
    char *text;           /* the line */
    size_t room;
    yyjson_doc *doc; /* what it holds */
};

/* ---- ids ---- */

static size_t place_of(const struct id_set *set, const uint8_t digest[CR_DIGEST_BYTES])
{
    size_t at;
    memcpy(&at, digest, sizeof at);
    for (at &= set->room - 1; set->used[at] && memcmp(set->digests[at], digest, CR_DIGEST_BYTES) != 0; at = (at + 1) & (set->room - 1))
        ;
    return at;
}

static int grow(struct id_set *set)
{
    struct id_set larger = {.room = set->room ? 2 * set->room : 1024, .count = set->count};
    larger.digests = calloc(larger.room, sizeof *larger.digests);
    larger.used = calloc(larger.room, 1);
    if (!larger.digests || !larger.used) {
        free(larger.digests);
        free(larger.used);
        return -1;
    }
    for (size_t i = 0; i < set->room; i++)
        if (set->used[i]) {
            const size_t at = place_of(&larger, set->digests[i]);
            memcpy(larger.digests[at], set->digests[i], CR_DIGEST_BYTES);
            larger.used[at] = 1;
        }
    free(set->digests);
    free(set->used);
    *set = larger;
    return 0;
}

static void forget(struct id_set *set)
{
    free(set->digests);
    free(set->used);
    *set = (struct id_set){0};
}

static int has(const struct id_set *set, const char *id)
{
    uint8_t digest[CR_DIGEST_BYTES];
    if (!set->room)
        return 0;
    cr_digest(digest, id, strlen(id));
    return set->used[place_of(set, digest)];
}

/* 1 where it was there already; -1 without memory. */
static int add(struct id_set *set, const char *id)
{
    uint8_t digest[CR_DIGEST_BYTES];
    if (2 * set->count >= set->room && grow(set))
        return -1;
    cr_digest(digest, id, strlen(id));
    const size_t at = place_of(set, digest);
    if (set->used[at])
        return 1;
    memcpy(set->digests[at], digest, sizeof digest);
    set->used[at] = 1;
    set->count++;
    return 0;
}

/* ---- before the seal ---- */

/* Where the last whole line ends. */
static int cut_tail(int fd, const char *path, struct rt_error *error)
{
    off_t end = lseek(fd, 0, SEEK_END), keep = end;
    char tail[TAIL_BYTES];
    while (keep > 0) {
        const off_t from = keep > TAIL_BYTES ? keep - TAIL_BYTES : 0;
        const ssize_t count = pread(fd, tail, (size_t)(keep - from), from);
        if (count != keep - from)
            return rt_fail(error, RT_EXIT_FAILED, "%s: %s", path, strerror(errno));
        const char *last = memrchr(tail, '\n', (size_t)count);
        keep = last ? from + (last - tail) + 1 : from;
        if (last)
            break;
    }
    if (keep != end && ftruncate(fd, keep))
        return rt_fail(error, RT_EXIT_FAILED, "%s: its last line cannot be cut off: %s", path, strerror(errno));
    return 0;
}

static int open_answers(struct rt_batch_files *files, struct rt_error *error)
{
    struct stat about;
    const char *path = files->answers_path;
    RT_CLOSE_FD int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
    if (fd < 0 || fstat(fd, &about))
        return rt_fail(error, RT_EXIT_FAILED, "%s: %s", path, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return rt_fail(error, RT_EXIT_USAGE, "%s is not a regular file", path);
    if (flock(fd, LOCK_EX | LOCK_NB))
        return rt_fail(error, RT_EXIT_USAGE, "%s: another program is writing to it; wait for it, or give another file", path);
    if (cut_tail(fd, path, error))
        return -1;
    files->answers = fdopen(fd, "a+");
    if (!files->answers)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory", path);
    fd = -1;
    return 0;
}

static int open_requests(struct rt_batch_files *files, struct rt_error *error)
{
    struct stat about;
    const char *path = files->requests_path;
    files->requests = fopen(path, "re");
    if (!files->requests || fstat(fileno(files->requests), &about))
        return rt_fail(error, RT_EXIT_FAILED, "%s: %s", path, strerror(errno));
    return S_ISREG(about.st_mode) ? 0 : rt_fail(error, RT_EXIT_USAGE, "%s is not a regular file: it is read twice", path);
}

int rt_batch_files_open(struct rt_batch_files **out, const char *requests, const char *answers, struct rt_error *error)
{
    *out = NULL;
    RT_CLEAN(rt_batch_files_close) struct rt_batch_files *files = calloc(1, sizeof *files);
    if (!files)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the batch");
    files->requests_path = requests;
    files->answers_path = answers;
    if (open_requests(files, error) || open_answers(files, error))
        return -1;
    *out = RT_MOVE(files);
    return 0;
}

void rt_batch_files_close(struct rt_batch_files **out)
{
    struct rt_batch_files *files = *out;
    *out = NULL;
    if (!files)
        return;
    if (files->requests)
        fclose(files->requests);
    if (files->answers)
        fclose(files->answers);
    yyjson_doc_free(files->doc);
    forget(&files->answered);
    free(files->text);
    free(files);
}

/* ---- lines ---- */

/* 1, with the line's object in files->doc (NULL where it is none), or 0 at the end. */
static int read_line(struct rt_batch_files *files, FILE *from)
{
    const ssize_t count = getline(&files->text, &files->room, from);
    yyjson_doc_free(files->doc);
    files->doc = NULL;
    if (count < 0)
        return 0;
    if (count <= RT_BATCH_LINE_MAX && (size_t)count == strlen(files->text))
        files->doc = yyjson_read(files->text, (size_t)count, 0);
    return 1;
}

static const char *text_of(yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);
    const char *text = yyjson_get_str(value);
    return text && *text && strlen(text) == yyjson_get_len(value) ? text : NULL;
}

static int refuse(const struct rt_batch_files *files, const char *why, struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_USAGE, "%s: line %llu: %s", files->requests_path, (unsigned long long)files->line, why);
}

static int read_request(const struct rt_batch_files *files, struct rt_batch_request *out, struct rt_error *error)
{
    static const char *const urls[] = {"/v1/chat/completions", "/v1/completions", "/v1/embeddings"};
    yyjson_val *root = yyjson_doc_get_root(files->doc);
    const char *method = text_of(root, "method");
    *out = (struct rt_batch_request){text_of(root, "custom_id"), text_of(root, "url"), yyjson_obj_get(root, "body")};
    if (!yyjson_is_obj(root))
        return refuse(files, "no JSON object, or one beyond 8 MiB", error);
    if (!out->id)
        return refuse(files, "no custom_id; give each request one of its own", error);
    if (method && strcmp(method, "POST") != 0)
        return refuse(files, "method is not POST", error);
    if (!yyjson_is_obj(out->body))
        return refuse(files, "body is not an object", error);
    for (size_t i = 0; out->url && i < sizeof urls / sizeof *urls; i++)
        if (!strcmp(out->url, urls[i]))
            return 0;
    return refuse(files, "url is not /v1/chat/completions, /v1/completions or /v1/embeddings", error);
}

static int is_blank(const char *text)
{
    return !text[strspn(text, " \t\r\n")];
}

/* The next line that is a request; 0 at the end, -1 where it is none. */
static int next_request(struct rt_batch_files *files, struct rt_batch_request *out, struct rt_error *error)
{
    while (read_line(files, files->requests)) {
        files->line++;
        if (is_blank(files->text))
            continue;
        files->next++;
        return read_request(files, out, error) ? -1 : 1;
    }
    if (ferror(files->requests))
        return rt_fail(error, RT_EXIT_FAILED, "%s: %s", files->requests_path, strerror(errno));
    return 0;
}

static void start_over(struct rt_batch_files *files)
{
    rewind(files->requests);
    files->line = files->next = 0;
}

static int no_memory(struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the ids of the batch");
}

static int list_answered(struct rt_batch_files *files, struct rt_error *error)
{
    rewind(files->answers);
    for (uint64_t line = 1; read_line(files, files->answers); line++) {
        const char *id = text_of(yyjson_doc_get_root(files->doc), "custom_id");
        if (!id)
            return rt_fail(error, RT_EXIT_USAGE, "%s: line %llu is no answer of a batch; give another file", files->answers_path,
                           (unsigned long long)line);
        if (add(&files->answered, id) < 0)
            return no_memory(error);
    }
    return 0;
}

/* Every request once, and each of its own name. */
static int count_requests(struct rt_batch_files *files, uint64_t *all, struct rt_error *error)
{
    struct id_set seen = {0};
    struct rt_batch_request request;
    int more, twice = 0;
    while (!twice && (more = next_request(files, &request, error)) > 0)
        twice = add(&seen, request.id);
    forget(&seen);
    *all = files->next;
    if (twice < 0)
        return no_memory(error);
    return twice ? refuse(files, "its custom_id is that of an earlier line", error) : more;
}

static int count_part(struct rt_batch_files *files, struct rt_batch_counts *counts, struct rt_error *error)
{
    struct rt_batch_request request;
    int more;
    while ((more = rt_batch_next(files, &request, error)) > 0)
        counts->asked++;
    counts->lines = files->last - files->first;
    counts->there = counts->lines - counts->asked;
    return more;
}

int rt_batch_files_check(struct rt_batch_files *files, struct rt_batch_part part, struct rt_batch_counts *counts, struct rt_error *error)
{
    uint64_t all;
    *counts = (struct rt_batch_counts){0};
    if (list_answered(files, error) || count_requests(files, &all, error))
        return -1;
    files->first = all * (part.nth - 1) / part.of;
    files->last = all * part.nth / part.of;
    start_over(files);
    const int failed = count_part(files, counts, error);
    start_over(files);
    return failed;
}

static int is_ours(const struct rt_batch_files *files)
{
    return files->next > files->first && files->next <= files->last;
}

int rt_batch_next(struct rt_batch_files *files, struct rt_batch_request *out, struct rt_error *error)
{
    int more;
    while ((more = next_request(files, out, error)) > 0 && (!is_ours(files) || has(&files->answered, out->id)))
        ;
    return more;
}

/* ---- answers ---- */

static char *print(const char *id, int status, const char *request_id, const char *body, size_t bytes)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *response;
    char name[64];
    yyjson_mut_doc_set_root(doc, root);
    snprintf(name, sizeof name, "batch_req_%.48s", request_id);
    while (bytes && body[bytes - 1] == '\n')
        bytes--;
    yyjson_mut_obj_add_str(doc, root, "id", name);
    yyjson_mut_obj_add_str(doc, root, "custom_id", id);
    response = yyjson_mut_obj_add_obj(doc, root, "response");
    yyjson_mut_obj_add_int(doc, response, "status_code", status);
    yyjson_mut_obj_add_str(doc, response, "request_id", request_id);
    yyjson_mut_obj_add_val(doc, response, "body", yyjson_mut_rawn(doc, body, bytes));
    yyjson_mut_obj_add_null(doc, root, "error");
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, NULL);
    yyjson_mut_doc_free(doc);
    return text;
}

int rt_batch_add(struct rt_batch_files *files, const char *id, int status, const char *request_id, const char *body, size_t bytes,
                 struct rt_error *error)
{
    RT_FREE char *text = print(id, status, request_id, body, bytes);
    if (!text)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for an answer of the batch");
    clearerr(files->answers);
    if (fputs(text, files->answers) < 0 || fflush(files->answers))
        return rt_fail(error, errno == ENOSPC || errno == EDQUOT ? RT_EXIT_RESOURCES : RT_EXIT_FAILED,
                       "%s: %s; what is in it is whole, and the same command goes on from there", files->answers_path, strerror(errno));
    return 0;
}
