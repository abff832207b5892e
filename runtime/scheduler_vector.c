/* scheduler_vector.c: one vector for a text, from the hidden states of its tokens. Sums are in double, in the order of tokens, so that they are the
 * same however the text was cut into steps. */
#include "runtime/scheduler_parts.h"

#include <math.h>

void rt_job_pool(struct rt_job *job, const struct rt_engine *engine, uint32_t first_row, uint32_t count, uint32_t width)
{
    for (uint32_t row = first_row; row < first_row + count; row++) {
        const float *state = rt_engine_hidden(engine, row);
        for (uint32_t i = 0; i < width; i++)
            job->sum[i] = (job->terms.pool == RT_POOL_MEAN ? job->sum[i] : 0) + (double)state[i];
    }
}

/* Its length is 1, so the mean need not be divided. */
void rt_job_finish_vector(struct rt_job *job, uint32_t width)
{
    double square = 0;
    for (uint32_t i = 0; i < width; i++)
        square += job->sum[i] * job->sum[i];
    for (uint32_t i = 0; i < width; i++)
        job->vector[i] = square > 0 ? (float)(job->sum[i] / sqrt(square)) : 0;
}
