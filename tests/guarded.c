/* guarded.c: see guarded.h. One thread. */
#include "tests/guarded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { BUFFERS_MAX = 64, PAGE = 4096 };

static struct {
    void *start;
    size_t bytes;
} buffers[BUFFERS_MAX];
static size_t buffers_used;
static enum guard_side guard_side;

void guarded_use(enum guard_side side)
{
    guard_side = side;
}

void *guarded(size_t bytes)
{
    size_t body = (bytes + PAGE - 1) / PAGE * PAGE, all = body + 2 * PAGE;
    uint8_t *start = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffers_used == BUFFERS_MAX || start == MAP_FAILED || mprotect(start + PAGE, body, PROT_READ | PROT_WRITE)) {
        fputs("guarded: no memory\n", stderr);
        exit(2);
    }
    buffers[buffers_used].start = start;
    buffers[buffers_used++].bytes = all;
    return start + PAGE + (guard_side == GUARD_AFTER ? body - bytes : 0);
}

float *guarded_floats(size_t count)
{
    return guarded(count * sizeof(float));
}

size_t guarded_mark(void)
{
    return buffers_used;
}

void guarded_release(size_t mark)
{
    while (buffers_used > mark) {
        buffers_used--;
        munmap(buffers[buffers_used].start, buffers[buffers_used].bytes);
    }
}

uint64_t random_bits(void)
{
    static uint64_t state = 1;
    uint64_t z = state += UINT64_C(0x9E3779B97F4A7C15); /* splitmix64 */
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

float random_normal(void)
{
    double u = ((double)(random_bits() >> 11) + 1) * 0x1p-53, v = (double)(random_bits() >> 11) * 0x1p-53;
    return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

static float random_extreme(void)
{
    static const float values[] = {0.0f, -0.0f, 0x1p-149f, -0x1p-130f, 1e-30f, 1e30f, -1e30f, 100.0f};
    return values[random_bits() % (sizeof values / sizeof *values)];
}

void random_floats(float *x, size_t count, int extreme)
{
    for (size_t i = 0; i < count; i++)
        x[i] = extreme && random_bits() % 8 == 0 ? random_extreme() : random_normal();
}

void random_bytes(void *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ((uint8_t *)x)[i] = (uint8_t)random_bits();
}
