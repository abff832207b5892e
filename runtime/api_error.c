/* api_error.c: see api_error.h. */
#include "runtime/api_error.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>
#include <yyjson.h>

static const char *type_of(int status)
{
    switch (status) {
    case 401: return "authentication_error";
    case 429: return "rate_limit_error";
    }
    return status < 500 ? "invalid_request_error" : "server_error";
}

/* What a message quotes may be cut in the middle of a character, and hold others that move a terminal's cursor. */
static void make_printable(char *text)
{
    utf8proc_int32_t character;
    for (size_t at = 0, left = strlen(text), step; left; at += step, left -= step) {
        const utf8proc_ssize_t bytes = utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)left, &character);
        step = bytes > 0 ? (size_t)bytes : 1;
        if (bytes <= 0 || character < 0x20 || (character >= 0x7f && character < 0xa0))
            memset(text + at, '?', step);
    }
}

int rt_api_fail(struct rt_api_error *error, int status, const char *code, const char *param, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *error = (struct rt_api_error){.status = status, .code = code};
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    snprintf(error->param, sizeof error->param, "%s", param ? param : "");
    make_printable(error->message);
    make_printable(error->param);
    return -1;
}

int rt_api_fail_below(struct rt_api_error *error, const char *param, const struct rt_error *below)
{
    const int asked = below->code == RT_EXIT_USAGE || below->code == RT_EXIT_UNSUPPORTED;
    const int status = asked ? 400 : below->code == RT_EXIT_RESOURCES ? 503 : 500;
    return rt_api_fail(error, status, NULL, param, "%s", below->text);
}

static void add_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text)
{
    if (text && *text)
        yyjson_mut_obj_add_str(doc, object, key, text);
    else
        yyjson_mut_obj_add_null(doc, object, key);
}

char *rt_api_error_print(const struct rt_api_error *error, size_t *bytes)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *body = yyjson_mut_obj_add_obj(doc, root, "error");
    yyjson_mut_doc_set_root(doc, root);
    add_text(doc, body, "message", error->message);
    yyjson_mut_obj_add_str(doc, body, "type", type_of(error->status));
    add_text(doc, body, "param", error->param);
    add_text(doc, body, "code", error->code);
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, bytes);
    yyjson_mut_doc_free(doc);
    return text;
}
