/* shapes.c: the table of named shapes, and reading one from a file. */
#include "runtime/shapes.h"

#include <stdio.h>
#include <string.h>

#include "runtime/input.h"
#include "runtime/scope.h"

/* The table is text in the manifest's form, so that there is one reader, and a file for --shape can begin as a copy of a line. */
#define NORM "{\"kind\":\"rms\",\"eps\":1e-6}"
#define ATTENTION_128(heads, kv_heads) /* heads of 128, normed, as in Qwen3 */ \
    "{\"kind\":\"attention\",\"norm_in\":" NORM ",\"heads\":" #heads ",\"kv_heads\":" #kv_heads \
    ",\"head_dim\":128,\"scale\":0.0883883461,\"rope\":0,\"q_norm\":" NORM ",\"k_norm\":" NORM "}"
#define MLP(inner) "{\"kind\":\"mlp\",\"norm_in\":" NORM ",\"inner\":" #inner ",\"activation\":\"silu\"}"
#define MOE(experts, top_k, inner) \
    "{\"kind\":\"moe\",\"norm_in\":" NORM ",\"experts\":" #experts ",\"top_k\":" #top_k ",\"inner\":" #inner \
    ",\"activation\":\"silu\",\"router\":{\"kind\":\"softmax\",\"renormalise\":true}}"
#define MODEL(architecture, vocab, hidden, layers, ...) \
    "{\"architecture\":\"" architecture "\",\"vocab\":" #vocab ",\"hidden\":" #hidden ",\"context\":40960,\"final_norm\":" NORM \
    ",\"ropes\":[{\"kind\":\"half\",\"dim\":128,\"theta\":1e6}],\"layers\":[{\"repeat\":" #layers ",\"blocks\":[" __VA_ARGS__ "]}]}"

static const struct {
    const char *name;
    const char *json;    /* NULL: cannot be run */
    const char *lacking; /* what the engine lacks for it */
} shapes[] = {
    {"moe-7b", MODEL("qwen3_moe", 32000, 2048, 24, ATTENTION_128(32, 4) "," MOE(64, 8, 768)), NULL},
    {"moe-small", MODEL("qwen3_moe", 32000, 1024, 8, ATTENTION_128(16, 4) "," MOE(32, 4, 512)), NULL},
    {"dense-1b", MODEL("qwen3", 32000, 2048, 16, ATTENTION_128(16, 8) "," MLP(6144)), NULL},
    {"qwen3-30b-a3b", MODEL("qwen3_moe", 151936, 2048, 48, ATTENTION_128(32, 4) "," MOE(128, 8, 768)), NULL},
    {"deepseek-v3", NULL, "latent attention, shared experts and a sigmoid router"},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static int unknown(const char *name, struct rt_error *error)
{
    char names[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < SHAPES && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", shapes[i].name);
    return rt_fail(error, RT_EXIT_USAGE, "no shape is called %.40s; there are %s, and --shape FILE", name, names);
}

/* What a signed manifest may not say is here a wrong file of the user's. */
static int read_shape(struct rt_manifest **out, const char *name, const char *json, size_t bytes, struct rt_error *error)
{
    if (rt_manifest_open_shape(out, json, bytes, error)) {
        if (error->code == RT_EXIT_TRUST)
            error->code = RT_EXIT_USAGE;
        return rt_wrap(error, "%s", name);
    }
    snprintf((*out)->name, sizeof(*out)->name, "%s", name);
    return 0;
}

int rt_shape_open(struct rt_manifest **out, const char *name, struct rt_error *error)
{
    *out = NULL;
    size_t i = 0;
    while (i < SHAPES && strcmp(shapes[i].name, name) != 0)
        i++;
    if (i == SHAPES)
        return unknown(name, error);
    if (!shapes[i].json)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s cannot be run yet: the engine has no %s", name, shapes[i].lacking);
    return read_shape(out, name, shapes[i].json, strlen(shapes[i].json), error);
}

int rt_shape_open_file(struct rt_manifest **out, const char *path, struct rt_error *error)
{
    *out = NULL;
    RT_FREE char *text = NULL;
    size_t bytes;
    if (rt_input_read(path, &text, &bytes, error))
        return -1;
    return read_shape(out, path, text, bytes, error);
}

int rt_shape_cut(struct rt_manifest *shape, uint32_t layers, struct rt_error *error)
{
    if (layers > shape->model.layer_count)
        return rt_fail(error, RT_EXIT_USAGE, "%s has %u layers, fewer than --layers %u", shape->name, shape->model.layer_count, layers);
    shape->model.layer_count = layers;
    return 0;
}
