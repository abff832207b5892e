/* plan_report.c: the plan as a page of text. */
#include "runtime/plan_report.h"

#include <stdio.h>
#include <string.h>

#include "runtime/plan_constants.h"
#include "runtime/report.h"

int rt_plan_best(const struct rt_plan *plan)
{
    int best = -1;
    for (size_t i = 0; i < plan->count; i++) {
        const struct rt_plan_row *row = &plan->rows[i];
        if (row->memory.fit != RT_PLAN_FITS)
            continue;
        if (best < 0 || row->format == KN_W8 || (row->format == KN_W4 && plan->rows[best].format == KN_BF16))
            best = (int)i;
    }
    return best;
}

/* ---- what was asked ---- */

static void print_model(const struct rt_plan *plan)
{
    const struct rt_plan_model *model = plan->model;
    printf("%s: %.4g billion weights, of which a token uses %.3g billion; %u layers, context %u\n", model->name,
           1e-9 * (double)rt_plan_parameters(model), 1e-9 * (double)rt_plan_active_parameters(model), model->layers, model->context);
    if (model->packed[0])
        printf("  a bundle, packed as %s; the other formats are what packing it anew would give\n", model->packed);
    if (model->unsupported[0])
        printf("  NOT YET: this version cannot run it (%s); the figures are what it would need and do\n", model->unsupported);
}

static void print_figure(const char *name, const struct rt_plan_figure *figure, const char *unit)
{
    printf("  %-16s %8.*f %-5s  %s\n", name, figure->value < 100e9, 1e-9 * figure->value, unit, figure->source);
}

static void print_machine(const struct rt_plan *plan)
{
    const struct rt_plan_machine *machine = plan->machine;
    const uint64_t memory = rt_plan_machine_memory(machine);
    printf("%s: %u socket%s, %u NUMA node%s, %u cores\n", machine->name, machine->packages, machine->packages == 1 ? "" : "s",
           machine->node_count, machine->node_count == 1 ? "" : "s", machine->workers);
    if (memory)
        printf("  %-16s %8.0f %-5s  %s\n", "memory", 1e-9 * (double)memory, "GB", machine->memory_source);
    else
        printf("  %-16s %8s %-5s  %s\n", "memory", "?", "GB", machine->memory_source);
    print_figure("memory reads", &machine->read, "GB/s");
    print_figure("int8 arithmetic", &machine->int8, "GOPS");
    print_figure("float arithmetic", &machine->floats, "GOPS");
    print_figure("disk", &machine->disk, "GB/s");
}

/* ---- the table ---- */

static const char *fit_word(enum rt_plan_fit fit)
{
    return fit == RT_PLAN_FITS ? "yes" : fit == RT_PLAN_TOO_LARGE ? "NO" : "?";
}

static void print_sizes(const struct rt_plan *plan)
{
    printf("\n%-8s %12s %12s %12s %12s  %s\n", "format", "weights", "cache", "buffers", "memory", "fits");
    for (size_t i = 0; i < plan->count; i++) {
        const struct rt_plan_memory *memory = &plan->rows[i].memory;
        printf("%-8s %12s %12s %12s %12s  %s\n", plan->rows[i].name, rt_size_text(memory->sum.weights).text,
               rt_size_text(memory->sum.cache).text, rt_size_text(memory->sum.buffers).text, rt_size_text(memory->total).text,
               fit_word(memory->fit));
    }
}

static void print_rate(const char *name, double rate, const char *unit, const struct rt_plan_time *time)
{
    const enum rt_plan_limit limit = rt_plan_time_limit(time);
    printf("  %-28s %9.4g %-6s limited by %s (%.0f %% of the time)\n", name, rate, unit, rt_plan_limit_name(limit),
           100 * time->limits[limit] / time->seconds);
}

static void print_speed(const struct rt_plan *plan, const struct rt_plan_row *row)
{
    char users[48], prompt[48];
    snprintf(users, sizeof users, "%u users, all together", plan->use->users);
    snprintf(prompt, sizeof prompt, "reading a prompt of %u", plan->use->prompt);
    printf("%s%s\n", row->name, row->memory.fit == RT_PLAN_TOO_LARGE ? " (if there were memory for it)" : "");
    print_rate("1 user", row->speed.decode_tok_s, "tok/s", &row->speed.decode);
    if (plan->use->users > 1)
        print_rate(users, row->speed.batch_tok_s, "tok/s", &row->speed.batch);
    print_rate(prompt, row->speed.prefill_tok_s, "tok/s", &row->speed.prefill);
    print_rate("loading and verifying", row->speed.load.seconds, "s", &row->speed.load);
}

/* ---- nodes ---- */

static void print_node(const struct rt_plan *plan, const struct rt_plan_row *row, unsigned i)
{
    const struct rt_plan_node *node = &plan->machine->nodes[i];
    const struct rt_plan_bytes *at = &row->memory.nodes[i];
    char index[16] = "-";
    if (node->index >= 0)
        snprintf(index, sizeof index, "%d", node->index);
    printf("  %-6s %6u %12s %12s %12s %12s %12s\n", index, node->workers, rt_size_text(at->weights).text, rt_size_text(at->cache).text,
           rt_size_text(at->buffers).text, rt_size_text(at->weights + at->cache + at->buffers).text,
           node->memory ? rt_size_text(node->memory).text : "?");
}

static void print_nodes(const struct rt_plan *plan, const struct rt_plan_row *row)
{
    printf("\nmemory by NUMA node, %s\n  %-6s %6s %12s %12s %12s %12s %12s\n", row->name, "node", "cores", "weights", "cache", "buffers",
           "together", "there is");
    for (unsigned i = 0; i < plan->machine->node_count; i++)
        print_node(plan, row, i);
}

/* ---- the answer ---- */

static void print_best(const struct rt_plan *plan, const struct rt_plan_row *best)
{
    const struct rt_plan_row *last = &plan->rows[plan->count - 1];
    printf("\nanswer: %s fits as %s: %.3g tok/s for one user, %.3g for %u\n", plan->model->name, best->name, best->speed.decode_tok_s,
           best->speed.batch_tok_s, plan->use->users);
    if (best->format == KN_W8 && last->format == KN_W4)
        printf("        as w4, less exact and in half the memory: %.3g and %.3g\n", last->speed.decode_tok_s, last->speed.batch_tok_s);
}

static void print_answer(const struct rt_plan *plan)
{
    const int best = rt_plan_best(plan);
    if (best >= 0)
        print_best(plan, &plan->rows[best]);
    else if (!rt_plan_machine_memory(plan->machine))
        printf("\nanswer: it fits where there is the memory of the table; this machine's is not known\n");
    else
        printf("\nanswer: %s does not fit; the table says how much memory it needs\n", plan->model->name);
}

void rt_plan_print(const struct rt_plan *plan)
{
    const int best = rt_plan_best(plan);
    print_model(plan);
    print_machine(plan);
    printf("for %u user%s with up to %u tokens each, timed at %u; prompts are read in steps of %d\n", plan->use->users,
           plan->use->users == 1 ? "" : "s", plan->use->context, plan->use->depth, RT_PLAN_STEP_ROWS);
    print_sizes(plan);
    printf("\n");
    for (size_t i = 0; i < plan->count; i++)
        print_speed(plan, &plan->rows[i]);
    print_nodes(plan, &plan->rows[best >= 0 ? (size_t)best : plan->count - 1]);
    print_answer(plan);
}
