/* progress.c: draws on stderr. */
#include "runtime/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR_CELLS = 24 };
static const double SILENT_S = 1, REDRAW_S = 0.2;

void rt_progress_bar_open(struct rt_progress_bar *bar, const char *label, int quiet)
{
    *bar = (struct rt_progress_bar){.label = label, .quiet = quiet, .terminal = isatty(STDERR_FILENO)};
}

/* "1.25 of 4.00 GB" in the unit that suits total. */
static void print_amount(char *out, size_t room, uint64_t done, uint64_t total)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double unit = 1e3;
    size_t i = 0;
    for (; i < 3 && (double)total >= 1000 * unit; i++)
        unit *= 1e3;
    snprintf(out, room, "%.2f of %.2f %s", (double)done / unit, (double)total / unit, units[i]);
}

static void print_left(char *out, size_t room, uint64_t done, uint64_t total, double seconds)
{
    double left = done ? seconds * (double)(total - done) / (double)done : 0;
    unsigned long whole = left < 1e7 ? (unsigned long)(left + 0.5) : 9999999;
    if (whole >= 3600)
        snprintf(out, room, "%lu:%02lu:%02lu left", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(out, room, "%lu:%02lu left", whole / 60, whole % 60);
}

static void draw(struct rt_progress_bar *bar, uint64_t done, uint64_t total, double seconds)
{
    char cells[BAR_CELLS + 1], amount[64], left[32];
    size_t full = (size_t)((double)done / (double)total * BAR_CELLS);
    memset(cells, '#', full);
    memset(cells + full, '.', BAR_CELLS - full);
    cells[BAR_CELLS] = 0;
    print_amount(amount, sizeof amount, done, total);
    print_left(left, sizeof left, done, total, seconds);
    fprintf(stderr, "\r%s [%s] %3.0f %%  %s  %.0f MB/s  %s\033[K", bar->label, cells, 100.0 * (double)done / (double)total, amount,
            (double)done / seconds / 1e6, left);
    fflush(stderr);
    bar->drawn = 1;
    bar->last = seconds;
}

static void write_line(struct rt_progress_bar *bar, unsigned tenths, uint64_t done, uint64_t total, double seconds)
{
    char amount[64], left[32];
    print_amount(amount, sizeof amount, done, total);
    print_left(left, sizeof left, done, total, seconds);
    fprintf(stderr, "%s: %u %%, %s, %.0f MB/s, %s\n", bar->label, tenths * 10, amount, (double)done / seconds / 1e6, left);
    bar->tenths = tenths;
}

void rt_progress_bar_report(void *user, uint64_t done, uint64_t total, double seconds)
{
    struct rt_progress_bar *bar = user;
    if (bar->quiet || total == 0 || seconds < SILENT_S)
        return;
    if (done > total)
        done = total;
    unsigned tenths = (unsigned)((double)done / (double)total * 10);
    if (bar->terminal && (!bar->drawn || done == total || seconds - bar->last >= REDRAW_S))
        draw(bar, done, total, seconds);
    else if (!bar->terminal && tenths > bar->tenths)
        write_line(bar, tenths, done, total, seconds);
}

void rt_progress_bar_close(struct rt_progress_bar *bar)
{
    if (bar->drawn)
        fputs("\r\033[K", stderr);
    bar->drawn = 0;
}
