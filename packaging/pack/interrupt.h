/* interrupt.h: SIGINT, SIGTERM and SIGHUP become a flag, so that a half-written bundle is removed before the program ends.
 * One owner: the pack command. pk_interrupted may be called from any thread. */
#ifndef CLOISTER_PACK_INTERRUPT_H
#define CLOISTER_PACK_INTERRUPT_H

#include "runtime/error.h"

void pk_interrupt_watch(
    void);                /* once, before threads start; also ignores SIGXFSZ and SIGPIPE, so that writing fails with an error instead */
int pk_interrupted(void); /* 1 after such a signal */
int pk_interrupt_error(struct rt_error *error); /* fills it, returns -1 */

#endif
