/* console.h: the terminal's side of an answer: text that cannot command the terminal, Ctrl-C, and timings. Main thread. */
#ifndef CLOISTER_CONSOLE_H
#define CLOISTER_CONSOLE_H

#include <stddef.h>

#include "runtime/generate.h"

/* Prints text that a model or a stranger wrote. On a terminal control characters (C0 but newline and tab, DEL, C1) become U+FFFD: an
 * escape sequence could retitle, recolour or type. Elsewhere the bytes go out as they are. */
void rt_console_put(const char *text, size_t bytes);
/* rt_request.emit: prints each piece at once; stops when nobody reads. rt_request.cancelled: stops when Ctrl-C was pressed. */
int rt_console_emit(void *user, const char *text, size_t bytes);
int rt_console_cancelled(void *user);

/* From here on Ctrl-C does not end the program but is counted. */
RT_MUST_CHECK int rt_console_catch_interrupts(struct rt_error *error);
/* Waits at the prompt of a terminal: 0 when there is a line (or the end) to read, -1 when Ctrl-C is pressed, or was since the last answer.
 * The signal is let in only while waiting, so that none falls between a look and the wait. */
int rt_console_wait(void);
/* Whether it was pressed since the last call. */
int rt_console_interrupted(void);

/* "[12 tokens, 34.5 tok/s; prompt 56 tokens, 789.0 tok/s]" on stderr, where people watch: stdout and stderr are terminals. */
void rt_console_timing(const struct rt_result *result);

#endif
