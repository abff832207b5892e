/* cmd_plan.c: `cloister plan`: does a model fit a server, in which format, how fast will it be, and what limits it. Loads no weights. */
#include <stdlib.h>
#include <string.h>

#include "runtime/commands.h"
#include "runtime/isa.h"
#include "runtime/options.h"
#include "runtime/plan_report.h"
#include "runtime/scope.h"
#include "runtime/seal.h"

struct plan_options {
    const char *model, *topology, *trust, *quant;
    struct rt_plan_machine_options machine;
    uint64_t threads, context, users, prompt, depth;
    int json;
};

static const struct format {
    const char *name;
    enum kn_format format;
} formats[RT_PLAN_FORMATS] = {{"bf16", KN_BF16}, {"w8", KN_W8}, {"w4", KN_W4}};

static int check_quant(const char *quant, struct rt_error *error)
{
    if (!quant)
        return 0;
    for (size_t i = 0; i < RT_PLAN_FORMATS; i++)
        if (strcmp(formats[i].name, quant) == 0)
            return 0;
    return rt_fail(error, RT_EXIT_USAGE, "--quant: \"%.40s\" is not w8, w4 or bf16", quant);
}

static int check_figures(const struct rt_plan_machine_options *m, struct rt_error *error)
{
    const double figures[] = {m->memory_gb, m->read_gb_s, m->int8_gops, m->float_gflops, m->disk_gb_s};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (figures[i] < 0 || figures[i] > 1e9)
            return rt_fail(error, RT_EXIT_USAGE, "--memory, --bandwidth, --gops, --gflops and --disk take positive numbers");
    return 0;
}

/* Users' conversations end where the model's context does. */
static struct rt_plan_use use_of(const struct plan_options *options, const struct rt_plan_model *model)
{
    struct rt_plan_use use = {.users = (uint32_t)options->users, .prompt = (uint32_t)options->prompt};
    use.context = (uint32_t)(options->context < model->context ? options->context : model->context);
    use.depth = options->depth == UINT64_MAX ? use.context - 1 : (uint32_t)options->depth;
    use.prompt_depth = options->depth == UINT64_MAX ? 0 : (uint32_t)options->depth;
    return use;
}

static void fill_row(struct rt_plan_row *row, const struct format *format, const struct rt_plan *plan)
{
    row->format = format->format;
    row->name = format->name;
    rt_plan_memory(&row->memory, plan->model, format->format, plan->machine, plan->use);
    rt_plan_speed(&row->speed, plan->model, format->format, plan->machine, plan->use);
}

/* A topology from a file is parsed behind the seal. */
static int open_machine(struct rt_plan_machine *out, const struct plan_options *options, struct rt_error *error)
{
    struct rt_plan_topology topology;
    if (rt_plan_topology_read(&topology, options->topology, error))
        return -1;
    RT_FREE char *xml = topology.xml;
    if (xml && rt_seal(error))
        return -1;
    return rt_plan_machine_open(out, &topology, &options->machine, error);
}

static int make_plan(const struct plan_options *options, struct rt_error *error)
{
    RT_FREE struct rt_plan_model *model = malloc(sizeof *model);
    RT_FREE struct rt_plan_machine *machine = malloc(sizeof *machine);
    RT_FREE struct rt_plan *plan = calloc(1, sizeof *plan);
    if (!model || !machine || !plan)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a plan");
    if (rt_plan_model_open(model, options->model, options->trust, error) || open_machine(machine, options, error))
        return -1;
    const struct rt_plan_use use = use_of(options, model);
    *plan = (struct rt_plan){.model = model, .machine = machine, .use = &use};
    for (size_t i = 0; i < RT_PLAN_FORMATS; i++)
        if (!options->quant || strcmp(options->quant, formats[i].name) == 0)
            fill_row(&plan->rows[plan->count++], &formats[i], plan);
    if (options->json)
        return rt_plan_print_json(plan, error);
    rt_plan_print(plan);
    return 0;
}

int cmd_plan(const struct rt_call *call, struct rt_error *error)
{
    struct plan_options o = {.trust = RT_TRUST_DIRECTORY, .context = 4096, .users = 16, .prompt = 512, .depth = UINT64_MAX};
    const struct rt_option table[] = {
        {"--topology", RT_OPTION_TEXT, &o.topology, "FILE|TEXT",
         "plan for the machine of an hwloc XML file or of a text such as "
         "\"pack:2 numa:1 core:56 pu:2\" (default: this machine)",
         0},
        {"--memory", RT_OPTION_FLOAT, &o.machine.memory_gb, "GB", "memory of that machine, evenly over its nodes", 0},
        {"--bandwidth", RT_OPTION_FLOAT, &o.machine.read_gb_s, "GB/s", "what all its cores together read from memory", 0},
        {"--gops", RT_OPTION_FLOAT, &o.machine.int8_gops, "N", "billion int8 operations a second of all its cores", 0},
        {"--gflops", RT_OPTION_FLOAT, &o.machine.float_gflops, "N", "billion float operations a second", 0},
        {"--disk", RT_OPTION_FLOAT, &o.machine.disk_gb_s, "GB/s", "what its disk reads", 0},
        {"--quant", RT_OPTION_TEXT, &o.quant, "w8|w4|bf16", "one format (default: all three)", 0},
        {"--ctx", RT_OPTION_UNSIGNED, &o.context, "TOKENS", "context of each user (default 4096)", 1 << 24},
        {"--users", RT_OPTION_UNSIGNED, &o.users, "N", "users at once (default 16)", 1024},
        {"--prompt", RT_OPTION_UNSIGNED, &o.prompt, "TOKENS", "prompt whose reading is timed (default 512)", 1 << 20},
        {"--depth", RT_OPTION_UNSIGNED, &o.depth, "TOKENS",
         "tokens already there while reading and writing are timed (default: none, and a full context)", 1 << 24},
        {"--isa", RT_OPTION_TEXT, &o.machine.isa, RT_ISA_NAMES, "measure this machine with no more than this instruction set", 0},
        {"-t", RT_OPTION_UNSIGNED, &o.threads, "N", "use N physical cores (default all)", RT_PLAN_WORKERS_MAX},
        {"--trust", RT_OPTION_TEXT, &o.trust, "DIR", "directory of trusted public keys, for a bundle", 0},
        {"--json", RT_OPTION_FLAG, &o.json, NULL, "print the plan as JSON", 0},
    };
    size_t count = 1;
    const int parsed = rt_options_parse(call, table, sizeof table / sizeof *table, &o.model, &count, error);
    if (parsed)
        return parsed < 0 ? -1 : 0;
    if (count != 1)
        return rt_fail(error, RT_EXIT_USAGE, "give a bundle, a config.json or a shape's name; `plan --help` shows how");
    if (!o.context || !o.users || !o.prompt)
        return rt_fail(error, RT_EXIT_USAGE, "--ctx, --users and --prompt are at least 1");
    if (o.machine.isa && o.topology)
        return rt_fail(error, RT_EXIT_USAGE, "--isa: only this machine is measured; leave it or --topology out");
    if (check_quant(o.quant, error) || check_figures(&o.machine, error))
        return -1;
    o.machine.threads = (unsigned)o.threads;
    return make_plan(&o, error);
}
