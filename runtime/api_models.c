/* api_models.c: GET /v1/models and /v1/models/ID: the one model that is here. */
#include <string.h>

#include "runtime/api_call.h"

static void add_model(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct rt_api_site *at)
{
    const struct rt_manifest *manifest = at->answerer.site->manifest;
    char digest[2 * CR_DIGEST_BYTES + 1];
    cr_digest_hex(digest, at->answerer.site->manifest_digest);
    yyjson_mut_obj_add_str(doc, object, "id", at->answerer.model);
    yyjson_mut_obj_add_str(doc, object, "object", "model");
    yyjson_mut_obj_add_sint(doc, object, "created", at->started);
    yyjson_mut_obj_add_str(doc, object, "owned_by", "cloister");
    yyjson_mut_obj_add_uint(doc, object, "max_model_len", at->limits.context);
    yyjson_mut_val *bundle = yyjson_mut_obj_add_obj(doc, object, "bundle");
    yyjson_mut_obj_add_str(doc, bundle, "name", manifest->name);
    yyjson_mut_obj_add_uint(doc, bundle, "version", manifest->version);
    yyjson_mut_obj_add_strcpy(doc, bundle, "digest", digest);
    yyjson_mut_obj_add_str(doc, bundle, "weights", manifest->quant);
}

int rt_api_models(struct rt_api_call *call, struct rt_api_error *error)
{
    if (*call->rest && strcmp(call->rest, call->at->answerer.model))
        return rt_api_fail(error, 404, "model_not_found", "model", "no such model; the one that is here is %s", call->at->answerer.model);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    if (*call->rest) {
        add_model(doc, root, call->at);
    } else {
        yyjson_mut_obj_add_str(doc, root, "object", "list");
        add_model(doc, yyjson_mut_arr_add_obj(doc, yyjson_mut_obj_add_arr(doc, root, "data")), call->at);
    }
    return rt_api_reply(call, doc, error);
}
