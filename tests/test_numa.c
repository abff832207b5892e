/* test_numa.c: on a machine with several NUMA nodes, every worker's panels lie on the node of the processor that the worker runs on, as the kernel
 * itself tells; and the answer is that of one node. Where there is one node only, cli_numa.sh runs this program as the first process of an
 * emulated machine; what it needs lies in / then. */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/bundle.h"
#include "runtime/machine_memory.h"
#include "runtime/scope.h"
#include "runtime/topology.h"
#include "runtime/weights_files.h"
#include "tests/check.h"
#include "tests/program.h"

enum { PAGE = 4096, PAGES_MAX = 4096, OTHER_NUMBERS = 900, HOGS = 8, FILES_MAX = 16, MIB = 1 << 20, BIND = 2 /* MPOL_BIND */ };

static struct rt_error error;
static struct program_paths paths = {.cloister = "/cloister", .trust = "/trust"};
static char *bundle_path = "/bundle";

/* ---- weights on this machine ---- */

struct loaded {
    struct rt_placement *placement;
    struct rt_workers *workers;
    struct rt_bundle *bundle;
    struct rt_weights *weights;
};

enum { PRIVATE, IN_FILES };

static int load(struct loaded *l, int numbers_from, int in_files)
{
    int (*const open_weights)(struct rt_weights **, const struct rt_manifest *, struct rt_workers *,
                              struct rt_error *) = in_files ? rt_weights_files_open : rt_weights_open;
    struct cr_trust *trust = NULL;
    *l = (struct loaded){0};
    if (rt_placement_open(&l->placement, 0, &error))
        return -1;
    for (unsigned i = 0; i < l->placement->count; i++)
        l->placement->places[i].node += numbers_from;
    int failed = rt_workers_open(&l->workers, l->placement, &error) || rt_trust_open(&trust, paths.trust, &error) ||
                 rt_bundle_open(&l->bundle, bundle_path, trust, &error) ||
                 open_weights(&l->weights, rt_bundle_manifest(l->bundle), l->workers, &error) ||
                 rt_bundle_load(l->bundle, l->weights, l->workers, NULL, &error) ||
                 (in_files && rt_weights_files_seal(l->weights, l->workers, &error));
    cr_trust_close(&trust);
    if (!failed && !in_files)
        rt_weights_protect(l->weights);
    return failed ? -1 : 0;
}

static void unload(struct loaded *l)
{
    rt_weights_close(&l->weights);
    rt_bundle_close(&l->bundle);
    rt_workers_close(&l->workers);
    free(l->placement);
}

/* ---- where pages lie ---- */

struct found { /* by all workers together */
    const struct loaded *loaded;
    _Atomic size_t pages, elsewhere;
    unsigned shift; /* a node that many further on is taken for home */
};

/* Counts the pages of [at, at + bytes), and those that are not on the node. */
static void look_at(struct found *found, const uint8_t *at, size_t bytes, int node)
{
    void *pages[PAGES_MAX];
    int nodes[PAGES_MAX];
    uintptr_t page = (uintptr_t)at / PAGE * PAGE, end = (uintptr_t)at + bytes;
    while (page < end) {
        size_t count = 0;
        for (; page < end && count < PAGES_MAX; page += PAGE)
            pages[count++] = (void *)page; /* NOLINT: an address that the kernel is asked about */
        CHECK(syscall(SYS_move_pages, 0, count, pages, NULL, nodes, 0) == 0);
        found->pages += count;
        for (size_t i = 0; i < count; i++)
            found->elsewhere += nodes[i] != node;
    }
}

static void look_at_matrix(struct found *found, unsigned worker, int node, const struct kn_matrix *w, size_t stride, size_t matrices)
{
    size_t bytes = kn_panel_bytes(w->format, w->k), first, last;
    rt_workers_share(found->loaded->workers, worker, kn_panels(w->n), &first, &last);
    for (size_t i = 0; i < matrices && first < last; i++)
        look_at(found, w->panels + i * stride + (first - w->first_panel) * bytes, (last - first) * bytes, node);
}

static void look_at_block(struct found *found, unsigned worker, int node, const struct rt_block *block)
{
    if (block->kind == RT_BLOCK_ATTENTION) {
        const struct rt_linear *linears[] = {&block->attention.q, &block->attention.k, &block->attention.v, &block->attention.o};
        for (size_t i = 0; i < sizeof linears / sizeof *linears; i++)
            look_at_matrix(found, worker, node, &linears[i]->w, 0, 1);
    } else if (block->kind == RT_BLOCK_MOE) {
        const struct rt_moe *moe = &block->moe;
        look_at_matrix(found, worker, node, &moe->gate, moe->gate_stride, moe->experts);
        look_at_matrix(found, worker, node, &moe->up, moe->up_stride, moe->experts);
        look_at_matrix(found, worker, node, &moe->down, moe->down_stride, moe->experts);
        look_at(found, moe->router.w.panels, kn_matrix_bytes(KN_BF16, moe->router.w.n, moe->router.w.k), node);
    }
    look_at(found, (const uint8_t *)block->norm_in.weight, sizeof(float), node);
}

/* Everything that this worker reads, against the node that this thread runs on. */
static void look_around(void *user, unsigned worker)
{
    struct found *found = user;
    const struct rt_model *model = rt_weights_model(found->loaded->weights, rt_workers_node(found->loaded->workers, worker));
    unsigned cpu, node;
    CHECK(syscall(SYS_getcpu, &cpu, &node, NULL) == 0 && (int)cpu == found->loaded->placement->places[worker].cpu);
    node = (node + found->shift) % rt_workers_nodes(found->loaded->workers);
    look_at_matrix(found, worker, (int)node, &model->head.w, 0, 1);
    for (uint32_t l = 0; l < model->layer_count; l++)
        for (uint32_t b = 0; b < model->layers[l].count; b++)
            look_at_block(found, worker, (int)node, &model->layers[l].blocks[b]);
}

static void judge_pages(const char *what, const struct loaded *l)
{
    struct found found = {.loaded = l}, wrong = {.loaded = l, .shift = 1};
    rt_workers_run(l->workers, look_around, &found);
    printf("     %s: %zu pages that %u workers on %u nodes read, %zu of them on another node\n", what, (size_t)found.pages,
           rt_workers_count(l->workers), rt_workers_nodes(l->workers), (size_t)found.elsewhere);
    CHECK(found.pages > 0 && found.elsewhere == 0);
    rt_workers_run(l->workers, look_around, &wrong); /* seen from the next node, none is at home */
    CHECK(wrong.elsewhere == wrong.pages);
}

/* The line of numa_maps for the mapping that holds the address. */
static void find_mapping(char *line, size_t room, const void *address)
{
    RT_CLOSE_FILE FILE *file = fopen("/proc/self/numa_maps", "re");
    char next[1024];
    line[0] = 0;
    while (file && fgets(next, sizeof next, file) && strtoul(next, NULL, 16) <= (uintptr_t)address)
        snprintf(line, room, "%s", next);
}

static void judge_mappings(const struct loaded *l)
{
    for (unsigned node = 0; node < rt_workers_nodes(l->workers); node++) {
        char line[1024], own[16], bound[16];
        int number = rt_workers_node_number(l->workers, node);
        snprintf(own, sizeof own, " N%d=", number);
        snprintf(bound, sizeof bound, " bind:%d ", number);
        find_mapping(line, sizeof line, rt_weights_model(l->weights, node)->head.w.panels);
        printf("     numa_maps: %s", line);
        CHECK(strstr(line, bound) && strstr(line, own));
        for (unsigned other = 0; other < rt_workers_nodes(l->workers); other++) {
            snprintf(own, sizeof own, " N%d=", rt_workers_node_number(l->workers, other));
            CHECK(other == node || !strstr(line, own));
        }
    }
}

static void check_reports(const struct loaded *l, enum rt_pages pages, enum rt_binding binding)
{
    unsigned count;
    const struct rt_memory_report *reports = rt_weights_report(l->weights, &count);
    CHECK(count == rt_workers_nodes(l->workers));
    for (unsigned i = 0; i < count; i++) {
        CHECK_THAT(reports[i].pages == pages && reports[i].binding == binding, "node %u: pages %d, binding %d", i, (int)reports[i].pages,
                   (int)reports[i].binding);
        CHECK(binding == RT_BINDING_TOUCH || (reports[i].looked_at > 0 && reports[i].at_home == reports[i].looked_at));
    }
}

/* ---- tests ---- */

static void every_panel_is_on_its_workers_node(void)
{
    struct loaded l;
    CHECK_THAT(!load(&l, 0, PRIVATE), "%s", error.text);
    judge_pages("bound", &l);
    judge_mappings(&l);
    check_reports(&l, RT_PAGES_TRANSPARENT, RT_BINDING_NODE);
    unload(&l);
}

/* As in a container that may not bind memory: these nodes do not exist. */
static void without_binding_the_first_touch_decides(void)
{
    struct loaded l;
    CHECK_THAT(!load(&l, OTHER_NUMBERS, PRIVATE), "%s", error.text);
    judge_pages("not bound", &l);
    check_reports(&l, RT_PAGES_TRANSPARENT, RT_BINDING_TOUCH);
    unload(&l);
}

static int set_reserved(unsigned node, unsigned pages)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/node/node%u/hugepages/hugepages-2048kB/nr_hugepages", node);
    RT_CLOSE_FILE FILE *file = fopen(path, "we");
    return file && fprintf(file, "%u\n", pages) > 0 ? 0 : -1;
}

static void reserved_pages_are_taken_where_there_are_enough(void)
{
    struct loaded l;
    unsigned nodes = 0;
    if (getpid() != 1)
        CHECK_SKIP("this machine's reserved pages are its administrator's");
    while (!set_reserved(nodes, 24))
        nodes++;
    CHECK_THAT(!load(&l, 0, PRIVATE), "%s", error.text);
    judge_pages("reserved", &l);
    check_reports(&l, RT_PAGES_RESERVED, RT_BINDING_NODE);
    unload(&l);
    for (unsigned i = 0; i < nodes; i++)
        set_reserved(i, 0);
}

/* Lets go of the weights, and takes their files again, as the next process would. */
static void take_again(struct loaded *l)
{
    const unsigned count = rt_weights_files_count(l->workers);
    int fds[FILES_MAX];
    CHECK(count > 1 && count <= FILES_MAX);
    for (unsigned i = 0; i < count; i++)
        fds[i] = dup(rt_weights_files_fd(l->weights, i));
    rt_weights_close(&l->weights);
    CHECK_THAT(!rt_weights_files_take(&l->weights, rt_bundle_manifest(l->bundle), l->workers, fds, &error), "%s", error.text);
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

static void judge_files(const char *what, enum rt_pages pages)
{
    struct loaded l;
    CHECK_THAT(!load(&l, 0, IN_FILES), "%s", error.text);
    judge_pages(what, &l);
    check_reports(&l, pages, RT_BINDING_NODE);
    take_again(&l);
    judge_pages("taken again", &l);
    check_reports(&l, pages, RT_BINDING_NODE);
    unload(&l);
}

static void files_in_memory_are_too_also_when_they_are_taken_again(void)
{
    unsigned nodes = 0;
    judge_files("in files", rt_memory_transparent_files() ? RT_PAGES_TRANSPARENT : RT_PAGES_SMALL);
    if (getpid() != 1)
        return;
    while (!set_reserved(nodes, 24))
        nodes++;
    judge_files("in files, reserved", RT_PAGES_RESERVED);
    for (unsigned i = 0; i < nodes; i++)
        set_reserved(i, 0);
}

/* Takes what a node has, more than once: the kernel finds a little more whenever it is pressed. Bound by hand: our own mapping would let so
 * much spill over. */
static unsigned fill_node(struct rt_memory *hogs, unsigned max, int node)
{
    const unsigned long only = 1ul << node;
    unsigned count = 0;
    for (uint64_t left; count < max && (left = rt_memory_available_on(node)) > 4 * MIB; count++) {
        CHECK(!rt_memory_map(&hogs[count], left - 2 * MIB, node, &error));
        CHECK(!syscall(SYS_mbind, hogs[count].at, hogs[count].bytes, BIND, &only, 8 * sizeof only + 1, 0ul));
        CHECK(!rt_memory_touch(&hogs[count], 0, 1));
    }
    return count;
}

static void a_full_node_spills_over(void)
{
    struct loaded l;
    struct rt_memory hogs[HOGS];
    unsigned count;
    if (getpid() != 1)
        CHECK_SKIP("this machine's memory is needed by others");
    unsigned taken = fill_node(hogs, HOGS, 1);
    CHECK_THAT(!load(&l, 0, PRIVATE), "%s", error.text);
    const struct rt_memory_report *reports = rt_weights_report(l.weights, &count);
    printf("     of %u pages looked at, the full node has %u\n", reports[1].looked_at, reports[1].at_home);
    CHECK_THAT(reports[1].binding == RT_BINDING_PREFER && reports[0].binding == RT_BINDING_NODE, "bindings %d and %d",
               (int)reports[0].binding, (int)reports[1].binding);
    unload(&l);
    while (taken > 0)
        rt_memory_unmap(&hogs[--taken]);
}

/* `cloister logits` on the processors of one node, or of all. */
static struct program_output ask_logits(const cpu_set_t *cpus)
{
    cpu_set_t all;
    const char *argv[] = {paths.cloister, "logits", bundle_path, "--trust", paths.trust, "--json", "--tokens", "1,2,3,50,4,80,200", NULL};
    CHECK(!sched_getaffinity(0, sizeof all, &all) && !sched_setaffinity(0, sizeof *cpus, cpus));
    struct program_output out = program_run(argv);
    CHECK(!sched_setaffinity(0, sizeof all, &all));
    CHECK_THAT(out.code == 0 && out.bytes > 1000, "exit code %d, %zu bytes", out.code, out.bytes);
    return out;
}

static void logits_are_those_of_one_node(void)
{
    RT_FREE struct rt_placement *placement = NULL;
    cpu_set_t all, one;
    CHECK(!sched_getaffinity(0, sizeof all, &all) && !rt_placement_open(&placement, 0, &error));
    CPU_ZERO(&one);
    for (unsigned i = 0; i < placement->count && placement->places[i].node == placement->places[0].node; i++)
        CPU_SET(placement->places[i].cpu, &one);
    CHECK(CPU_COUNT(&one) < CPU_COUNT(&all));
    struct program_output here = ask_logits(&one), everywhere = ask_logits(&all);
    CHECK(here.text && everywhere.text && here.bytes == everywhere.bytes && !memcmp(here.text, everywhere.text, here.bytes));
    free(here.text);
    free(everywhere.text);
}

/* ---- as the first process ---- */

static void prepare_machine(void)
{
    mkdir("/proc", 0755);
    mkdir("/sys", 0755);
    if (mount("proc", "/proc", "proc", 0, NULL) || mount("sysfs", "/sys", "sysfs", 0, NULL))
        perror("mount");
    RT_CLOSE_FILE FILE *huge = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "we"); /* off by itself where memory is small */
    if (!huge || fputs("madvise\n", huge) < 0)
        perror("transparent_hugepage");
}

static unsigned count_nodes(void)
{
    RT_FREE struct rt_placement *placement = NULL;
    return rt_placement_open(&placement, 0, &error) ? 0 : placement->nodes;
}

static int prepare_here(void)
{
    bundle_path = program_bundle("tests/golden/models/qwen3-moe", "w8");
    return bundle_path ? program_paths_find(&paths) : -1;
}

int main(void)
{
    static const struct check_test tests[] = {
        CHECK_TEST(every_panel_is_on_its_workers_node),
        CHECK_TEST(without_binding_the_first_touch_decides),
        CHECK_TEST(reserved_pages_are_taken_where_there_are_enough),
        CHECK_TEST(files_in_memory_are_too_also_when_they_are_taken_again),
        CHECK_TEST(a_full_node_spills_over),
        CHECK_TEST(logits_are_those_of_one_node),
    };
    int is_first = getpid() == 1;
    if (is_first)
        prepare_machine();
    if (!is_first && count_nodes() < 2) {
        puts("SKIP test_numa: this machine has one NUMA node; cli_numa emulates some\n0 passed, 0 failed, 1 skipped");
        return 0;
    }
    if (cr_init() || (!is_first && prepare_here()))
        return 1;
    int failed = check_run(tests, sizeof tests / sizeof *tests);
    if (is_first)
        reboot(RB_POWER_OFF);
    return failed;
}
