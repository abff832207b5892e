/* inspection.c: sums a manifest up: parameters, tensors by format, and runs of like layers. */
#include "runtime/inspection.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"

static const char *const kind_names[] = {[RT_BLOCK_ATTENTION] = "attention", [RT_BLOCK_MLP] = "mlp", [RT_BLOCK_MOE] = "moe"};
static const char *const activation_names[] = {[RT_ACT_SILU] = "silu"};

const char *rt_role_name(enum rt_role role)
{
    static const char *const names[RT_ROLES] = {"weights", "tokenizer", "tokenizer_config", "template", "generation"};
    return names[role];
}

static uint64_t elements(const struct rt_tensor *t)
{
    uint64_t product = 1;
    for (uint32_t i = 0; i < t->dims; i++)
        product *= t->shape[i];
    return product;
}

static void sum_tensors(struct rt_inspection *out)
{
    static const char *const names[] = {"f32", "bf16_rows", "bf16", "w8", "w4"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        out->formats[i].name = names[i];
    for (size_t i = 0; i < out->m->tensor_count; i++) {
        const struct rt_tensor *t = &out->m->tensors[i];
        out->formats[t->format].count++;
        out->formats[t->format].bytes += t->size;
        if (strncmp(t->name, "rope.", strlen("rope.")) != 0 && !(out->m->tied && strcmp(t->name, "head") == 0))
            out->parameters += elements(t);
    }
}

/* ---- layers ---- */

struct line {
    char *text;
    size_t room, used;
};

static void add(struct line *line, const char *format, ...) RT_PRINTF(2, 3);
static void add(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int bytes = vsnprintf(line->text + line->used, line->room - line->used, format, args);
    va_end(args);
    line->used += bytes > 0 ? (size_t)bytes : 0;
    if (line->used >= line->room)
        line->used = line->room - 1;
}

static void add_attention(struct line *line, const struct rt_attention *a)
{
    add(line, "%u heads of %u, %u for keys and values", a->heads, a->head_dim, a->kv_heads);
    if (a->rope >= 0)
        add(line, ", rope %d", a->rope);
    if (a->q_norm.kind || a->k_norm.kind)
        add(line, ", %s%s norm", a->q_norm.kind ? "q" : "", a->k_norm.kind ? "k" : "");
}

static void describe_block(struct line *line, const struct rt_block *block, unsigned biases)
{
    switch (block->kind) {
    case RT_BLOCK_ATTENTION: add_attention(line, &block->attention); break;
    case RT_BLOCK_MLP: add(line, "inner %u, %s", block->mlp.inner, activation_names[block->mlp.activation]); break;
    case RT_BLOCK_MOE:
        add(line, "%u experts, %u at a time, inner %u, %s", block->moe.experts, block->moe.top_k, block->moe.inner,
            activation_names[block->moe.activation]);
        break;
    }
    if (biases)
        add(line, ", %d biases", __builtin_popcount(biases));
    if (block->norm_out.kind)
        add(line, ", norm after");
    if (block->multiplier != 1)
        add(line, ", times %g", (double)block->multiplier);
}

static void describe_layer(struct rt_layer_run *run, const struct rt_manifest *m, uint32_t layer)
{
    const struct rt_layer *l = &m->model.layers[layer];
    *run = (struct rt_layer_run){.first = layer, .last = layer, .blocks = l->count};
    for (uint32_t i = 0; i < l->count; i++) {
        struct line line = {run->text[i].parts, sizeof run->text[i].parts, 0};
        run->text[i].kind = kind_names[l->blocks[i].kind];
        describe_block(&line, &l->blocks[i], m->biases[layer][i]);
    }
}

static int alike(const struct rt_layer_run *a, const struct rt_layer_run *b)
{
    return a->blocks == b->blocks && memcmp(a->text, b->text, sizeof a->text) == 0;
}

int rt_inspection_open(struct rt_inspection *out, const struct rt_manifest *m, const struct cr_manifest *verified, struct rt_error *error)
{
    *out = (struct rt_inspection){.m = m, .verified = verified, .runs = calloc(m->model.layer_count, sizeof *out->runs)};
    if (!out->runs)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    sum_tensors(out);
    for (uint32_t i = 0; i < m->model.layer_count; i++) {
        struct rt_layer_run *next = &out->runs[out->run_count];
        describe_layer(next, m, i);
        if (out->run_count && alike(next - 1, next))
            next[-1].last = i;
        else
            out->run_count++;
    }
    return 0;
}

void rt_inspection_close(struct rt_inspection *inspection)
{
    free(inspection->runs);
    inspection->runs = NULL;
}
