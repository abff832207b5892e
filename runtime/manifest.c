/* manifest.c: the top of manifest.json: what the bundle is called, when it may be used, and the order in which its parts are read.
 * The parts have their own files (manifest_files.c, manifest_tensors.c, manifest_model.c). Nesting is bounded by the format itself:
 * every value has one place and one type, and what is unknown is refused. Any thread. */
#include "runtime/manifest.h"

#include <string.h>
#include <time.h>

#include "runtime/json_fields.h"
#include "runtime/manifest_parts.h"
#include "runtime/scope.h"

struct top { /* what the fields of the document are read into */
    struct rt_manifest m;
    uint64_t format;
    int numerics;
    yyjson_val *chunks, *files, *codebooks, *model, *tensors;
};

static const char *const numerics_names[] = {"n1", NULL};

static const struct rt_field top_fields[] = {
    RT_FIELD(struct top, format, "format", U64, REQUIRED, .max = UINT64_MAX),
    RT_TEXT(struct top, m.name, "name", REQUIRED),
    RT_FIELD(struct top, m.version, "version", U64, REQUIRED, .max = UINT64_MAX),
    RT_TEXT(struct top, m.created, "created", OPTIONAL),
    RT_TEXT(struct top, m.expires, "expires", OPTIONAL),
    RT_FIELD(struct top, numerics, "numerics", ENUM, REQUIRED, .names = numerics_names),
    RT_TEXT(struct top, m.quant, "quant", REQUIRED),
    RT_TEXT(struct top, m.program, "program", OPTIONAL),
    RT_FIELD(struct top, chunks, "chunks", OBJECT, REQUIRED),
    RT_FIELD(struct top, files, "files", ARRAY, REQUIRED, .min = 1, .max = RT_FILES_MAX),
    RT_FIELD(struct top, codebooks, "codebooks", ARRAY, OPTIONAL, .max = RT_CODEBOOKS_MAX),
    RT_FIELD(struct top, model, "model", OBJECT, REQUIRED),
    RT_FIELD(struct top, tensors, "tensors", ARRAY, REQUIRED, .min = 1, .max = RT_TENSORS_MAX),
};

static int has_time_shape(const char *text)
{
    static const char shape[] = "0000-00-00T00:00:00Z"; /* 0: any digit */
    for (size_t i = 0; i < sizeof shape; i++)
        if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return 0;
    return 1;
}

/* RFC 3339 in UTC without fractions, of a day that exists. */
static int time_parse(time_t *out, const char *text)
{
    struct tm tm = {0}, carried;
    if (!has_time_shape(text) ||
        sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
        return -1;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    carried = tm;
    *out = timegm(&carried); /* carries what overflows: only what needs no carrying is a date */
    return carried.tm_mon == tm.tm_mon && carried.tm_mday == tm.tm_mday && carried.tm_hour == tm.tm_hour && carried.tm_min == tm.tm_min &&
                   carried.tm_sec == tm.tm_sec
               ? 0
               : -1;
}

static int check_times(const struct rt_manifest *m, struct rt_error *error)
{
    static const char wanted[] = "is not a time like 2026-11-23T00:00:00Z";
    time_t created, expires;
    if (m->created[0] && time_parse(&created, m->created))
        return rt_fail(error, RT_EXIT_TRUST, "\"created\" %s", wanted);
    if (!m->expires[0])
        return 0;
    if (time_parse(&expires, m->expires))
        return rt_fail(error, RT_EXIT_TRUST, "\"expires\" %s", wanted);
    if (expires <= time(NULL))
        return rt_fail(error, RT_EXIT_TRUST, "the bundle expired at %s", m->expires);
    return 0;
}

static int read_parts(struct top *top, struct rt_error *error)
{
    if (check_times(&top->m, error) || rt_manifest_read_files(&top->m, top->chunks, top->files, error))
        return -1;
    if (top->codebooks && rt_manifest_read_codebooks(&top->m, top->codebooks, error))
        return -1;
    if (rt_manifest_read_model(&top->m, top->model, error))
        return rt_wrap(error, "model");
    return rt_manifest_read_tensors(&top->m, top->tensors, error);
}

static int read_document(struct top *top, yyjson_val *root, struct rt_error *error)
{
    yyjson_val *format = yyjson_obj_get(root, "format"); /* before the fields, which another format may have otherwise */
    if (yyjson_is_uint(format) && yyjson_get_uint(format) != 1)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "format %llu, where this program reads format 1",
                       (unsigned long long)yyjson_get_uint(format));
    if (RT_FIELDS_READ(top, root, top_fields, error))
        return -1;
    return read_parts(top, error);
}

static void clean_document(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

static int read_json(struct top *top, const struct cr_manifest *verified, struct rt_error *error)
{
    size_t bytes;
    const uint8_t *text = cr_manifest_bytes(verified, &bytes);
    yyjson_read_err why;
    /* without YYJSON_READ_INSITU the reader only looks at the bytes; its interface lacks the const */
    RT_CLEAN(clean_document) yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text, bytes, YYJSON_READ_NOFLAG, NULL, &why);
    if (!doc)
        return rt_fail(error, RT_EXIT_TRUST, "not JSON: %s at byte %zu", why.msg, why.pos);
    return read_document(top, yyjson_doc_get_root(doc), error);
}

static void free_parts(struct rt_manifest *m)
{
    free(m->files);
    free(m->tensors);
    free(m->model.layers);
    free(m->biases);
}

int rt_manifest_open(struct rt_manifest **out, const struct cr_manifest *verified, const char *path, struct rt_error *error)
{
    struct top top = {0};
    struct rt_error below;
    *out = NULL;
    if (read_json(&top, verified, &below)) {
        free_parts(&top.m);
        if (below.code == RT_EXIT_RESOURCES)
            return rt_fail(error, below.code, "%s: %s", path, below.text);
        return rt_fail(error, below.code, "%s: %s; %s", path, below.text,
                       below.code == RT_EXIT_UNSUPPORTED ? "a newer cloister is needed" : "ask the publisher for a corrected bundle");
    }
    *out = malloc(sizeof **out);
    if (!*out) {
        free_parts(&top.m);
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory", path);
    }
    **out = top.m;
    return 0;
}

void rt_manifest_close(struct rt_manifest **manifest)
{
    if (!*manifest)
        return;
    free_parts(*manifest);
    free(*manifest);
    *manifest = NULL;
}
