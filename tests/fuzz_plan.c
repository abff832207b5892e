/* fuzz_plan.c: config.json as `cloister plan` reads it. Whatever is accepted must give a plan whose sums hold. */
#include <stdint.h>
#include <stdlib.h>

#include "runtime/plan_speed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rt_plan_machine machine = {
    .packages = 1,
    .workers = 8,
    .node_count = 2,
    .nodes = {{0, 0, 4, 1 << 30}, {1, 4, 4, 1 << 30}},
    .read = {1e11, ""},
    .int8 = {1e12, ""},
    .floats = {1e11, ""},
    .disk = {1e9, ""},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rt_plan_model model;
    static struct rt_plan_memory memory;
    static struct rt_plan_speed speed;
    const struct rt_plan_use use = {.context = 1 << 20, .users = 1024, .prompt = 513, .depth = 100};
    struct rt_error error;
    if (rt_plan_model_config(&model, (const char *)data, size, "config.json", &error))
        return 0;
    for (enum kn_format format = KN_BF16; format <= KN_W4; format++) {
        rt_plan_memory(&memory, &model, format, &machine, &use);
        rt_plan_speed(&speed, &model, format, &machine, &use);
        if (memory.total < memory.sum.weights || !(speed.decode.seconds > 0) || !(speed.prefill_tok_s > 0))
            abort();
    }
    return 0;
}
