/* api_health.c: GET /health: whether it answers, and what it cannot do.
 *
 *   {"status":"ok","seal":{"denied":52,"absent":3,"allowed":0},"answers":{"waiting":0,"under_way":2}} */
#include "runtime/api_call.h"

static void add_seal(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct rt_seal_report *seal)
{
    uint64_t counts[] = {0, 0, 0};
    yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, root, "seal");
    for (unsigned i = 0; i < seal->count; i++)
        counts[seal->trials[i].outcome]++;
    yyjson_mut_obj_add_uint(doc, object, "denied", counts[RT_TRIAL_DENIED]);
    yyjson_mut_obj_add_uint(doc, object, "absent", counts[RT_TRIAL_ABSENT]);
    yyjson_mut_obj_add_uint(doc, object, "allowed", counts[RT_TRIAL_ALLOWED]);
}

int rt_api_health(struct rt_api_call *call, struct rt_api_error *error)
{
    struct rt_scheduler_state state;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *answers;
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "status", "ok");
    add_seal(doc, root, call->at->seal);
    rt_scheduler_state(call->at->answerer.scheduler, &state);
    answers = yyjson_mut_obj_add_obj(doc, root, "answers");
    yyjson_mut_obj_add_uint(doc, answers, "waiting", state.waiting);
    yyjson_mut_obj_add_uint(doc, answers, "under_way", state.prefilling + state.decoding);
    return rt_api_reply(call, doc, error);
}
