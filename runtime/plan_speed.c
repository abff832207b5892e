/* plan_speed.c: the prediction. A product takes as long as its bytes or its multiplications, whichever is longer; parts follow one another,
 * with barriers between. */
#include "runtime/plan_speed.h"

#include <math.h>

#include "runtime/model_cost.h"
#include "runtime/plan_constants.h"

const char *rt_plan_limit_name(enum rt_plan_limit limit)
{
    static const char *const names[RT_PLAN_LIMITS] = {"memory bandwidth", "integer units", "float units", "work that does not spread",
                                                      "barriers",         "disk",          "hashing"};
    return names[limit];
}

enum rt_plan_limit rt_plan_time_limit(const struct rt_plan_time *time)
{
    enum rt_plan_limit largest = RT_PLAN_LIMIT_READ;
    for (enum rt_plan_limit i = 0; i < RT_PLAN_LIMITS; i++)
        if (time->limits[i] > time->limits[largest])
            largest = i;
    return largest;
}

static void spend(struct rt_plan_time *time, enum rt_part part, enum rt_plan_limit limit, double seconds)
{
    time->seconds += seconds;
    time->parts[part] += seconds;
    time->limits[limit] += seconds;
}

/* ---- counting ---- */

struct rt_plan_work rt_plan_matrix_work(const struct rt_plan_matrix *m, enum kn_format format, const struct rt_plan_step *step)
{
    const double rows = m->live ? step->logits : step->sequences * step->tokens;
    const double distinct = rows <= 0 ? 0 : m->count > 1 ? rt_cost_distinct_experts(m->count, m->used, rows) : 1;
    return (struct rt_plan_work){
        .operations = 2.0 * m->layers * m->used * rows * m->n * m->k,
        .bytes = m->layers * distinct * (double)kn_matrix_bytes(rt_plan_format(m, format), m->n, m->k),
        .rows = rows,
        .distinct = distinct,
    };
}

/* Row i of a sequence sees depth + i + 1 keys, and the last row all; what a sequence keeps is read once in a step at best. */
struct rt_plan_work rt_plan_cache_work(const struct rt_plan_cache *c, const struct rt_plan_step *step)
{
    const double held = step->depth + step->tokens, rows = c->live ? step->logits : step->sequences * step->tokens;
    const double seen = c->live ? held : step->depth + (step->tokens + 1) / 2;
    const double per_key = step->tokens > 1 ? c->prompt_key + c->prompt_value : c->key + c->value;
    return (struct rt_plan_work){
        .operations = 2.0 * c->layers * c->heads * per_key * rows * seen,
        .bytes = c->layers * step->sequences * held * c->elements * sizeof(uint16_t),
        .rows = rows,
    };
}

/* ---- parts of a step ---- */

/* A node's panels are shared out among its workers in blocks of rows, those of all experts at once. How many workers' worth of speed that
 * gives: the node that is last has the most blocks for each of its workers. A router is whole on every node. */
static double busy_workers(const struct rt_plan_machine *machine, const struct rt_plan_matrix *m, const struct rt_plan_work *work)
{
    const double each = work->rows * m->used / work->distinct; /* rows that one of the matrices meets */
    const double one = m->class == RT_PLAN_ROUTER && each > RT_PLAN_FEW_ROWS ? 1 : RT_PLAN_ROW_BLOCK;
    const double blocks = ceil(each / one) * (m->listed ? work->distinct : 1);
    double rounds = 0;
    for (unsigned node = 0; node < machine->node_count; node++) {
        const double pieces = blocks * (double)rt_plan_node_panels(machine, node, m->shared);
        rounds = fmax(rounds, ceil(pieces / machine->nodes[node].workers));
    }
    return blocks * m->shared / rounds;
}

/* Bytes a second at which a matrix is read: each worker reads at most so fast, and each node's memory gives its part of the whole rate to the
 * panels that lie in it. */
struct read_rate {
    double bytes;
    enum rt_plan_limit limit;
};

static struct read_rate matrix_read(const struct rt_plan_machine *machine, const struct rt_plan_matrix *m, double busy, double share)
{
    const double core = fmax(RT_PLAN_CORE_READ, machine->read.value / machine->workers), few = busy * core;
    const double whole = machine->read.value * share;
    double all = whole;
    for (unsigned node = 0; node < machine->node_count && m->class != RT_PLAN_ROUTER; node++)
        all = fmin(all, whole / machine->node_count * m->shared / (double)rt_plan_node_panels(machine, node, m->shared));
    const int spread = few >= whole && all >= 0.9 * whole;
    return (struct read_rate){fmin(few, all), spread ? RT_PLAN_LIMIT_READ : RT_PLAN_LIMIT_SPREAD};
}

static void add_matrix(struct rt_plan_time *time, const struct rt_plan_matrix *m, enum kn_format packed,
                       const struct rt_plan_machine *machine, const struct rt_plan_step *step)
{
    const enum kn_format format = rt_plan_format(m, packed);
    const struct rt_plan_efficiency *e = &rt_plan_efficiencies[format];
    const struct rt_plan_work work = rt_plan_matrix_work(m, packed, step);
    if (work.rows <= 0)
        return;
    const double busy = busy_workers(machine, m, &work);
    const struct read_rate read = matrix_read(machine, m, busy, e->read);
    const double units = (format == KN_BF16 ? machine->floats.value : machine->int8.value) * e->multiply * busy / machine->workers;
    const double met = work.rows * m->used / work.distinct, panel = met > RT_PLAN_FEW_ROWS ? e->many : e->few;
    const double overhead = 2.0 * m->layers * work.distinct * panel * m->n * m->k;
    const double reading = work.bytes / read.bytes, multiplying = (work.operations + overhead) / units;
    if (reading > multiplying)
        spend(time, m->part, read.limit, reading);
    else
        spend(time, m->part, format == KN_BF16 ? RT_PLAN_LIMIT_FLOATS : RT_PLAN_LIMIT_INT8, multiplying);
}

static void add_cache(struct rt_plan_time *time, const struct rt_plan_cache *c, const struct rt_plan_machine *machine,
                      const struct rt_plan_step *step)
{
    const struct rt_plan_work work = rt_plan_cache_work(c, step);
    const double share = step->tokens > 1 ? RT_PLAN_ATTENTION_PROMPT : RT_PLAN_ATTENTION_ROW;
    const double rate = fmin(machine->read.value * RT_PLAN_CACHE_READ, machine->workers * RT_PLAN_CACHE_WORKER);
    const double reading = work.bytes / rate, multiplying = work.operations / (machine->floats.value * share);
    const double elements = step->sequences * step->tokens * c->layers * c->head_elements;
    if (reading > multiplying)
        spend(time, RT_PART_ATTENTION, RT_PLAN_LIMIT_READ, reading);
    else
        spend(time, RT_PART_ATTENTION, RT_PLAN_LIMIT_FLOATS, multiplying);
    spend(time, RT_PART_ATTENTION, RT_PLAN_LIMIT_FLOATS, elements * RT_PLAN_HEAD_SECONDS / machine->workers);
}

/* Norms, quantisation, activation and sums: whole rows go to workers, and of few rows every worker makes all. */
static void add_rows(struct rt_plan_time *time, const struct rt_plan_model *model, const struct rt_plan_machine *machine, double rows)
{
    const double blocks = (double)model->attentions + model->mlps + model->mixtures;
    const double elements = 3 * blocks * model->hidden + (double)model->inner_elements;
    spend(time, RT_PART_ROWS, RT_PLAN_LIMIT_FLOATS, ceil(rows / machine->workers) * elements * RT_PLAN_ELEMENT_SECONDS);
}

static void add_barriers(struct rt_plan_time *time, const struct rt_plan_model *model, const struct rt_plan_machine *machine)
{
    const double further = machine->workers > 2 ? machine->workers - 2 : 0;
    const double each = machine->workers > 1 ? RT_PLAN_BARRIER_SECONDS + further * RT_PLAN_BARRIER_WORKER_SECONDS : 0;
    const double count = (double)model->attentions * RT_PLAN_BARRIERS_ATTENTION + (double)model->mlps * RT_PLAN_BARRIERS_MLP +
                         (double)model->mixtures * RT_PLAN_BARRIERS_MIXTURE + RT_PLAN_BARRIERS_STEP;
    spend(time, RT_PART_WAITING, RT_PLAN_LIMIT_BARRIER, count * each + (machine->workers > 1 ? RT_PLAN_IMBALANCE * time->seconds : 0));
}

void rt_plan_step_time(struct rt_plan_time *out, const struct rt_plan_model *model, enum kn_format format,
                       const struct rt_plan_machine *machine, const struct rt_plan_step *step)
{
    *out = (struct rt_plan_time){0};
    for (size_t i = 0; i < model->matrix_count; i++)
        add_matrix(out, &model->matrices[i], format, machine, step);
    for (size_t i = 0; i < model->cache_count; i++)
        add_cache(out, &model->caches[i], machine, step);
    add_rows(out, model, machine, step->sequences * step->tokens);
    add_barriers(out, model, machine);
}

/* ---- the four figures ---- */

static void add_time(struct rt_plan_time *sum, const struct rt_plan_time *time)
{
    sum->seconds += time->seconds;
    for (int i = 0; i < RT_PARTS; i++)
        sum->parts[i] += time->parts[i];
    for (int i = 0; i < RT_PLAN_LIMITS; i++)
        sum->limits[i] += time->limits[i];
}

/* In steps as the engine takes them, behind the tokens that are there; logits of the last row only. */
static void prefill_time(struct rt_plan_time *out, const struct rt_plan_model *model, enum kn_format format,
                         const struct rt_plan_machine *machine, const struct rt_plan_use *use)
{
    *out = (struct rt_plan_time){0};
    for (uint32_t done = 0; done < use->prompt;) {
        const uint32_t left = use->prompt - done, tokens = left < RT_PLAN_STEP_ROWS ? left : RT_PLAN_STEP_ROWS;
        const struct rt_plan_step step = {1, tokens, use->prompt_depth + done, tokens == left};
        struct rt_plan_time time;
        rt_plan_step_time(&time, model, format, machine, &step);
        add_time(out, &time);
        done += tokens;
    }
}

static void load_time(struct rt_plan_time *out, const struct rt_plan_model *model, enum kn_format format,
                      const struct rt_plan_machine *machine)
{
    const double bytes = (double)rt_plan_weight_bytes(model, format), hashing = machine->workers * RT_PLAN_HASH_WORKER;
    *out = (struct rt_plan_time){0};
    if (hashing < machine->disk.value)
        spend(out, RT_PART_WAITING, RT_PLAN_LIMIT_HASH, bytes / (hashing * RT_PLAN_LOAD_SHARE));
    else
        spend(out, RT_PART_WAITING, RT_PLAN_LIMIT_DISK, bytes / (machine->disk.value * RT_PLAN_LOAD_SHARE));
}

void rt_plan_speed(struct rt_plan_speed *out, const struct rt_plan_model *model, enum kn_format format,
                   const struct rt_plan_machine *machine, const struct rt_plan_use *use)
{
    const struct rt_plan_step one = {1, 1, use->depth, 1}, all = {use->users, 1, use->depth, use->users};
    rt_plan_step_time(&out->decode, model, format, machine, &one);
    rt_plan_step_time(&out->batch, model, format, machine, &all);
    prefill_time(&out->prefill, model, format, machine, use);
    load_time(&out->load, model, format, machine);
    out->decode_tok_s = 1 / out->decode.seconds;
    out->batch_tok_s = use->users / out->batch.seconds;
    out->prefill_tok_s = use->prompt / out->prefill.seconds;
}
