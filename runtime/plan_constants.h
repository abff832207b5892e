/* plan_constants.h: every number of `cloister plan` that is measured or assumed and not counted. tests/plan_against_bench.sh compares what
 * follows from them with `cloister bench`; to recalibrate, change them here and run it again. */
#ifndef CLOISTER_PLAN_CONSTANTS_H
#define CLOISTER_PLAN_CONSTANTS_H

#include "kernels/kernels.h"

/* ---- assumed of a server that is not this machine ---- */
#define RT_PLAN_CHANNELS 8           /* memory channels a socket */
#define RT_PLAN_CHANNEL_BYTES 44.8e9 /* bytes a second of one, DDR5-5600 */
#define RT_PLAN_CHANNEL_SHARE 0.80   /* of that, what reading with all cores reaches */
#define RT_PLAN_CORE_INT8 665e9      /* operations a second of a core: two vpdpbusd of 512 bits a cycle at 2.6 GHz, all cores busy */
#define RT_PLAN_CORE_FLOATS 256e9    /* at most: two products and sums of 16 floats a cycle at 4 GHz */
#define RT_PLAN_CORE_READ 12e9       /* bytes a second that one core can read, however few read with it */
#define RT_PLAN_DISK 2e9             /* bytes a second */

/* ---- efficiencies: medians of `cloister bench` on moe-7b, moe-small and dense-1b, at depths 0 and 8192, with two cores of Zen 5 (983 GOPS of
 * int8 each, 45 to 79 GB/s together) ---- */
struct rt_plan_efficiency { /* of one format */
    double read;            /* of the machine's bandwidth, by a product of few rows */
    double multiply;        /* of the units that multiply: int8, or floats for bf16 */
    double few, many;       /* what opening a panel costs, in rows' worth of multiplying: where at most RT_PLAN_FEW_ROWS meet it, or more */
};
static const struct rt_plan_efficiency rt_plan_efficiencies[] = {
    [KN_BF16] = {.read = 0.97, .multiply = 0.92, .few = 2, .many = 2},
    [KN_W8] = {.read = 0.96, .multiply = 0.92, .few = 4, .many = 7},
    [KN_W4] = {.read = 0.88, .multiply = 0.92, .few = 7.5, .many = 9},
};
#define RT_PLAN_FEW_ROWS 4
#define RT_PLAN_CACHE_READ 0.76         /* of bandwidth, by attention of one row over a long cache */
#define RT_PLAN_CACHE_WORKER 23e9       /* bytes of cache a second that a worker turns into floats */
#define RT_PLAN_ATTENTION_ROW 0.62      /* of the float units, by attention of one row */
#define RT_PLAN_ATTENTION_PROMPT 0.86   /* and of a prompt's rows */
#define RT_PLAN_HEAD_SECONDS 1.2e-9     /* a worker's time for an element of a query, key or value: norm, rotation, storing */
#define RT_PLAN_ELEMENT_SECONDS 0.24e-9 /* and for one of a row that is normed, quantised or added up */

/* Meeting at a barrier: what two workers take, more for each further one, whose cache line must travel (assumed), and of all work the share
 * that some worker does more than the mean. */
#define RT_PLAN_BARRIER_SECONDS 1.2e-6
#define RT_PLAN_BARRIER_WORKER_SECONDS 50e-9
#define RT_PLAN_IMBALANCE 0.02
#define RT_PLAN_BARRIERS_ATTENTION 5
#define RT_PLAN_BARRIERS_MLP 2
#define RT_PLAN_BARRIERS_MIXTURE 2
#define RT_PLAN_BARRIERS_STEP 3

/* Loading: what one worker hashes a second, and the share of the disk's rate that reading, hashing and placing together keep. */
#define RT_PLAN_HASH_WORKER 1.0e9
#define RT_PLAN_LOAD_SHARE 0.95

/* ---- memory ---- */
#define RT_PLAN_ROW_BLOCK 32         /* rows by which a panel is shared out */
#define RT_PLAN_STEP_ROWS 512        /* tokens of a prompt in one step */
#define RT_PLAN_PROGRAM_BYTES (64e6) /* program, tokenizer, stacks */
#define RT_PLAN_SYSTEM_SHARE 0.03    /* of memory that the operating system keeps */

#endif
