/* progress.h: how far a long operation is, on stderr: a bar with amount, rate and time left on a terminal, a line for each tenth
 * where stderr is a pipe or a file. Silent for what takes less than a second. One thread. */
#ifndef CLOISTER_PROGRESS_H
#define CLOISTER_PROGRESS_H

#include <stdint.h>

struct rt_progress_bar { /* plain memory, nothing to free */
    const char *label;
    int quiet, terminal, drawn;
    unsigned tenths; /* lines written so far */
    double last;     /* second of the last drawing */
};

/* label: "packing". With quiet nothing is ever written. */
void rt_progress_bar_open(struct rt_progress_bar *bar, const char *label, int quiet);
/* bar is a struct rt_progress_bar, so that this fits struct rt_progress; bytes done of total after so many seconds. */
void rt_progress_bar_report(void *bar, uint64_t done, uint64_t total, double seconds);
/* Removes the bar from the terminal. Call it before anything else is written there. */
void rt_progress_bar_close(struct rt_progress_bar *bar);

#endif
