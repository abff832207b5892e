/* guarded.h: buffers that end, or begin, at an inaccessible page, so that reading or writing one byte too far crashes; and the random
 * data that the kernels' tests put into them. */
#ifndef CLOISTER_GUARDED_H
#define CLOISTER_GUARDED_H

#include <stddef.h>
#include <stdint.h>

enum guard_side { GUARD_AFTER, GUARD_BEFORE, GUARD_SIDES };

/* Which side the next buffers are guarded on. */
void guarded_use(enum guard_side side);
/* Zeroed; lives until guarded_release of an earlier mark. Never NULL: ends the program where memory ends. */
void *guarded(size_t bytes);
float *guarded_floats(size_t count);
size_t guarded_mark(void);
void guarded_release(size_t mark);

uint64_t random_bits(void); /* a fixed sequence */
float random_normal(void);
/* Normal numbers, or one in eight extreme: zeros of both signs, denormals, ±1e30. */
void random_floats(float *x, size_t count, int extreme);
void random_bytes(void *x, size_t count);

#endif
