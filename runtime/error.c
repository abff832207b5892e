/* error.c: makes and prints struct rt_error. */
#include "runtime/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

static void hide_control_characters(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
}

int rt_fail(struct rt_error *error, enum rt_exit code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    hide_control_characters(error->text);
    error->code = code;
    return -1;
}

int rt_wrap(struct rt_error *error, const char *format, ...)
{
    char below[sizeof error->text];
    memcpy(below, error->text, sizeof below);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof error->text)
        snprintf(error->text + used, sizeof error->text - (size_t)used, ": %s", below);
    hide_control_characters(error->text);
    return -1;
}

int rt_error_print(const struct rt_error *error, const char *program, int json)
{
    if (!json) {
        fprintf(stderr, "%s: %s\n", program, error->text);
        return error->code;
    }
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *body = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_val(doc, root, "error", body);
    yyjson_mut_obj_add_int(doc, body, "code", error->code);
    yyjson_mut_obj_add_str(doc, body, "message", error->text);
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_ALLOW_INVALID_UNICODE, NULL);
    fprintf(stderr, "%s\n", text ? text : "{\"error\":{\"code\":5,\"message\":\"no memory\"}}");
    free(text);
    yyjson_mut_doc_free(doc);
    return error->code;
}
