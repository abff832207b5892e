/* fuzz_generation.c: rt_generation_read on any text. What it takes is in range. */
#include <stdlib.h>

#include "runtime/generation_defaults.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_generation g = {.sampling = {.top_p = 1, .repeat_penalty = 1}};
    struct rt_error error;
    if (rt_generation_read(&g, (const char *)data, size, &error))
        return 0;
    if (g.stop_count > RT_STOPS_MAX || !(g.sampling.temperature >= 0) || !(g.sampling.top_p <= 1) || !(g.sampling.repeat_penalty > 0))
        abort();
    return 0;
}
