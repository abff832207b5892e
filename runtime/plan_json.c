/* plan_json.c: the plan as one JSON object. Sizes are bytes, times seconds, rates per second. */
#include "runtime/plan_report.h"
#include "runtime/report.h"

static const char *const part_names[RT_PARTS] = {
    [RT_PART_ROWS] = "rows",       [RT_PART_PROJECTIONS] = "projections", [RT_PART_ATTENTION] = "attention",
    [RT_PART_ROUTER] = "router",   [RT_PART_EXPERTS] = "experts",         [RT_PART_HEAD] = "head",
    [RT_PART_WAITING] = "barriers"};

static void add_model(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct rt_plan_model *model)
{
    yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, root, "model");
    yyjson_mut_obj_add_strcpy(doc, object, "name", model->name);
    yyjson_mut_obj_add_str(doc, object, "architecture", model->architecture);
    yyjson_mut_obj_add_uint(doc, object, "parameters", rt_plan_parameters(model));
    yyjson_mut_obj_add_uint(doc, object, "active_parameters", rt_plan_active_parameters(model));
    yyjson_mut_obj_add_uint(doc, object, "layers", model->layers);
    yyjson_mut_obj_add_uint(doc, object, "context", model->context);
    yyjson_mut_obj_add_uint(doc, object, "cache_bytes_per_token", rt_plan_cache_token(model));
    yyjson_mut_obj_add_bool(doc, object, "supported", !model->unsupported[0]);
    if (model->unsupported[0])
        yyjson_mut_obj_add_str(doc, object, "unsupported", model->unsupported);
    if (model->packed[0])
        yyjson_mut_obj_add_str(doc, object, "packed", model->packed);
}

static void add_figure(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const struct rt_plan_figure *figure)
{
    yyjson_mut_val *value = yyjson_mut_obj_add_obj(doc, object, key);
    yyjson_mut_obj_add_real(doc, value, "value", 1e-9 * figure->value);
    yyjson_mut_obj_add_str(doc, value, "source", figure->source);
}

static void add_machine(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct rt_plan_machine *machine)
{
    yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, root, "machine");
    yyjson_mut_obj_add_strcpy(doc, object, "name", machine->name);
    yyjson_mut_obj_add_uint(doc, object, "packages", machine->packages);
    yyjson_mut_obj_add_uint(doc, object, "nodes", machine->node_count);
    yyjson_mut_obj_add_uint(doc, object, "workers", machine->workers);
    if (rt_plan_machine_memory(machine))
        yyjson_mut_obj_add_uint(doc, object, "memory", rt_plan_machine_memory(machine));
    else
        yyjson_mut_obj_add_null(doc, object, "memory");
    add_figure(doc, object, "read_gb_s", &machine->read);
    add_figure(doc, object, "int8_gops", &machine->int8);
    add_figure(doc, object, "float_gops", &machine->floats);
    add_figure(doc, object, "disk_gb_s", &machine->disk);
}

static void add_bytes(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct rt_plan_bytes *bytes)
{
    yyjson_mut_obj_add_uint(doc, object, "weights", bytes->weights);
    yyjson_mut_obj_add_uint(doc, object, "cache", bytes->cache);
    yyjson_mut_obj_add_uint(doc, object, "buffers", bytes->buffers);
}

static void add_memory(yyjson_mut_doc *doc, yyjson_mut_val *row, const struct rt_plan_memory *memory, const struct rt_plan_machine *machine)
{
    yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, row, "memory");
    add_bytes(doc, object, &memory->sum);
    yyjson_mut_obj_add_uint(doc, object, "total", memory->total);
    yyjson_mut_val *nodes = yyjson_mut_obj_add_arr(doc, object, "nodes");
    for (unsigned i = 0; i < machine->node_count; i++) {
        yyjson_mut_val *node = yyjson_mut_arr_add_obj(doc, nodes);
        yyjson_mut_obj_add_int(doc, node, "node", machine->nodes[i].index);
        yyjson_mut_obj_add_uint(doc, node, "workers", machine->nodes[i].workers);
        add_bytes(doc, node, &memory->nodes[i]);
    }
}

static void add_time(yyjson_mut_doc *doc, yyjson_mut_val *row, const char *key, double tok_s, const struct rt_plan_time *time)
{
    yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, row, key);
    if (tok_s > 0)
        yyjson_mut_obj_add_real(doc, object, "tok_s", tok_s);
    yyjson_mut_obj_add_real(doc, object, "seconds", time->seconds);
    yyjson_mut_obj_add_str(doc, object, "limit", rt_plan_limit_name(rt_plan_time_limit(time)));
    yyjson_mut_val *limits = yyjson_mut_obj_add_obj(doc, object, "limits");
    for (enum rt_plan_limit i = 0; i < RT_PLAN_LIMITS; i++)
        if (time->limits[i] > 0)
            yyjson_mut_obj_add_real(doc, limits, rt_plan_limit_name(i), time->limits[i]);
    if (tok_s <= 0)
        return;
    yyjson_mut_val *parts = yyjson_mut_obj_add_obj(doc, object, "parts");
    for (int i = 0; i < RT_PARTS; i++)
        yyjson_mut_obj_add_real(doc, parts, part_names[i], time->parts[i]);
}

static void add_row(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct rt_plan_row *row, const struct rt_plan_machine *machine)
{
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);
    yyjson_mut_obj_add_str(doc, object, "format", row->name);
    if (row->memory.fit == RT_PLAN_FIT_UNKNOWN)
        yyjson_mut_obj_add_null(doc, object, "fits");
    else
        yyjson_mut_obj_add_bool(doc, object, "fits", row->memory.fit == RT_PLAN_FITS);
    add_memory(doc, object, &row->memory, machine);
    add_time(doc, object, "decode", row->speed.decode_tok_s, &row->speed.decode);
    add_time(doc, object, "batch", row->speed.batch_tok_s, &row->speed.batch);
    add_time(doc, object, "prefill", row->speed.prefill_tok_s, &row->speed.prefill);
    add_time(doc, object, "load", 0, &row->speed.load);
}

int rt_plan_print_json(const struct rt_plan *plan, struct rt_error *error)
{
    const int best = rt_plan_best(plan);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    add_model(doc, root, plan->model);
    add_machine(doc, root, plan->machine);
    yyjson_mut_obj_add_uint(doc, root, "users", plan->use->users);
    yyjson_mut_obj_add_uint(doc, root, "context", plan->use->context);
    yyjson_mut_obj_add_uint(doc, root, "prompt", plan->use->prompt);
    yyjson_mut_obj_add_uint(doc, root, "depth", plan->use->depth);
    yyjson_mut_val *rows = yyjson_mut_obj_add_arr(doc, root, "formats");
    for (size_t i = 0; i < plan->count; i++)
        add_row(doc, rows, &plan->rows[i], plan->machine);
    if (best >= 0)
        yyjson_mut_obj_add_str(doc, root, "best", plan->rows[best].name);
    else
        yyjson_mut_obj_add_null(doc, root, "best");
    return rt_report_json(doc, error);
}
