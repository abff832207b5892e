/* api_page.c: GET /health, and GET /, for people. */
#include <string.h>

#include "runtime/api_call.h"

int rt_api_health(struct rt_api_call *call, struct rt_api_error *error)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "status", "ok");
    return rt_api_reply(call, doc, error);
}

int rt_api_page(struct rt_api_call *call, struct rt_api_error *error)
{
    static const char page[] = "Cloister answers at /v1/chat/completions; `man cloister` says how to ask.\n";
    call->type = "text/plain; charset=utf-8";
    call->text = strdup(page);
    call->bytes = sizeof page - 1;
    return call->text ? 0 : rt_api_fail(error, 503, NULL, NULL, "no memory for the page");
}
