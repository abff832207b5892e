/* test_warm.c: weights that are kept over a restart. This program is the service manager: it starts a process that opens a bundle, keeps what that
 * stores, and hands it to the next one. The logits are the same to the bit; whatever does not fit is named, loaded again and replaced. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/kept_weights.h"
#include "runtime/memory_file.h"
#include "runtime/site.h"
#include "runtime/topology.h"
#include "runtime/weights_files.h"
#include "runtime/weights_parts.h"
#include "tests/check.h"
#include "tests/program.h"
#include "tests/tiny_bundle.h"

enum { TOKENS = 70, LOGITS = 256, KEPT_MAX = 32, OUT_OF_THE_WAY = 100 };

static struct rt_error error;

/* ---- the service manager ---- */

struct kept {
    char name[RT_SERVICE_NAME_BYTES];
    int fd;
};

static struct manager {
    int fd;
    struct rt_service service; /* only its notify */
    struct kept kept[KEPT_MAX];
    unsigned count;
} manager;

static void manager_open(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(manager.service.notify, sizeof manager.service.notify, "@cloister-test-warm-%d", getpid());
    memcpy(address.sun_path + 1, manager.service.notify + 1, strlen(manager.service.notify) - 1);
    manager.fd = fcntl(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    CHECK(!bind(manager.fd, (struct sockaddr *)&address, (socklen_t)(sizeof address.sun_family + strlen(manager.service.notify))));
}

static void drop_at(unsigned i)
{
    close(manager.kept[i].fd);
    manager.kept[i] = manager.kept[--manager.count];
}

static void forget(const char *name)
{
    for (unsigned i = manager.count; i > 0; i--)
        if (!strcmp(manager.kept[i - 1].name, name))
            drop_at(i - 1);
}

static void forget_all(void)
{
    while (manager.count)
        drop_at(0);
}

static void keep(const char *name, int fd)
{
    CHECK(manager.count < KEPT_MAX);
    snprintf(manager.kept[manager.count].name, RT_SERVICE_NAME_BYTES, "%s", name);
    manager.kept[manager.count++].fd = fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    close(fd);
}

static int *kept_fd(const char *name)
{
    for (unsigned i = 0; i < manager.count; i++)
        if (!strcmp(manager.kept[i].name, name))
            return &manager.kept[i].fd;
    CHECK_THAT(0, "nothing is kept as %s", name);
    return &manager.kept[0].fd;
}

static void obey(const char *text, int fd)
{
    const char *name = strstr(text, "FDNAME=");
    if (!strncmp(text, "FDSTORE=1", 9) && name && fd >= 0)
        keep(name + 7, fd);
    else if (!strncmp(text, "FDSTOREREMOVE=1", 15) && name)
        forget(name + 7);
    else if (fd >= 0)
        close(fd);
}

static void manager_hear(void)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    char text[1024];
    for (;;) {
        struct iovec piece = {text, sizeof text - 1};
        struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
        const ssize_t got = recvmsg(manager.fd, &message, MSG_CMSG_CLOEXEC);
        int fd = -1;
        if (got < 0)
            return;
        text[got] = 0;
        if (CMSG_FIRSTHDR(&message))
            memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        obey(text, fd);
    }
}

/* What is kept, where a service finds it. In a process of its own. */
static void hand_over(struct rt_service *service)
{
    *service = manager.service;
    for (unsigned i = 0; i < manager.count; i++) {
        if (dup2(manager.kept[i].fd, RT_SERVICE_FIRST_FD + (int)i) < 0)
            _exit(2);
        memcpy(service->names[i], manager.kept[i].name, RT_SERVICE_NAME_BYTES);
    }
    service->fd_count = manager.count;
}

/* ---- the service ---- */

struct report {
    int is_ok, is_warm;
    double load_s;
    enum rt_exit code;
    char said[1024];
    float logits[LOGITS];
};

static void compute(float *logits, struct rt_site *site)
{
    uint32_t tokens[TOKENS];
    for (uint32_t i = 0; i < TOKENS; i++)
        tokens[i] = (i * 37 + i * i % 13) % site->manifest->model.vocab;
    struct rt_sequence *sequence = rt_sequence_open(site->engine);
    const struct rt_run run = {.sequence = sequence, .tokens = tokens, .count = TOKENS};
    if (rt_engine_step(site->engine, &run, 1, &error))
        _exit(3);
    memcpy(logits, rt_engine_logits(site->engine, 0), LOGITS * sizeof *logits);
    rt_sequence_close(site->engine, &sequence);
}

/* A process that opens the bundle with what is kept; what it says on stderr goes to `said`. */
static void serve(const char *bundle, const char *trust, int out, int said)
{
    static struct rt_service service;
    struct report report = {.is_ok = 0};
    struct rt_notify notify;
    struct rt_site site;
    dup2(said, STDERR_FILENO);
    hand_over(&service);
    const struct rt_weights_store store = {&service, &notify};
    const struct rt_site_options options = {
        .bundle = bundle, .trust = trust, .context = 256, .kv = KN_KV_BF16, .quiet = 1, .store = &store};
    report.is_ok = !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !rt_notify_open(&notify, &service, &error) &&
                   !rt_site_open(&site, &options, &error);
    if (report.is_ok) {
        report.is_warm = site.is_warm;
        report.load_s = site.load_s;
        compute(report.logits, &site);
    }
    report.code = error.code;
    memcpy(report.said, error.text, sizeof report.said);
    if (write(out, &report, sizeof report) != sizeof report)
        _exit(4);
    if (report.is_ok)
        rt_site_close(&site);
    _exit(0);
}

/* Hears what it says to its manager meanwhile, until it has reported. */
static void wait_for(struct report *report, int from)
{
    struct pollfd events[] = {{.fd = from, .events = POLLIN}, {.fd = manager.fd, .events = POLLIN}};
    enum { LONGEST_MS = 60000 };
    while (poll(events, 2, LONGEST_MS) > 0 && !events[0].revents)
        manager_hear();
    CHECK(read(from, report, sizeof *report) == sizeof *report);
    manager_hear();
}

static struct report start_service(const char *bundle, const char *trust)
{
    struct report report = {.is_ok = 0};
    int ends[2], status;
    const int low = memfd_create("said", 0), said = fcntl(low, F_DUPFD, OUT_OF_THE_WAY);
    CHECK(!pipe(ends));
    const int out = fcntl(ends[1], F_DUPFD, OUT_OF_THE_WAY);
    fflush(stdout);
    const pid_t child = fork();
    if (!child)
        serve(bundle, trust, out, said);
    wait_for(&report, ends[0]);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    if (report.is_ok) {
        const ssize_t got = pread(said, report.said, sizeof report.said - 1, 0);
        report.said[got < 0 ? 0 : got] = 0;
    }
    close(low), close(said), close(out), close(ends[0]), close(ends[1]);
    return report;
}

/* ---- the cases ---- */

static struct {
    struct program_paths paths;
    char *bundle, *other;
    float logits[LOGITS];
} f;

static int open_fixture(void)
{
    if (f.bundle)
        return 0;
    f.bundle = program_bundle("tests/golden/models/qwen3-moe", "w8");
    f.other = program_bundle("tests/golden/models/qwen3-moe", "w4");
    CHECK(f.bundle && f.other && !program_paths_find(&f.paths) && cr_init() == CR_OK);
    manager_open();
    return f.bundle && f.other ? 0 : -1;
}

static int same_logits(const struct report *report)
{
    return !memcmp(report->logits, f.logits, sizeof f.logits);
}

static void a_restart_is_warm_and_answers_the_same(void)
{
    if (open_fixture())
        return;
    struct report cold = start_service(f.bundle, f.paths.trust);
    CHECK_THAT(cold.is_ok && !cold.is_warm && !*cold.said, "%s", cold.said);
    CHECK(cold.logits[0] != 0 && manager.count == 2);
    memcpy(f.logits, cold.logits, sizeof f.logits);
    for (int i = 0; i < 2; i++) {
        struct report warm = start_service(f.bundle, f.paths.trust);
        CHECK_THAT(warm.is_ok && warm.is_warm && !*warm.said, "%s", warm.said);
        CHECK(same_logits(&warm) && manager.count == 2);
    }
}

/* ---- what is kept cannot be changed, and what does not fit is not taken ---- */

static void what_is_kept_cannot_be_written(void)
{
    if (open_fixture())
        return;
    const int header = *kept_fd(RT_KEPT_NAME), weights = *kept_fd(RT_KEPT_NAME "-0");
    const int fds[] = {header, weights};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        CHECK(pwrite(fds[i], "x", 1, 0) < 0 && errno == EPERM);
        CHECK(ftruncate(fds[i], 0) < 0 && errno == EPERM);
        CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[i], 0) == MAP_FAILED);
        CHECK(fcntl(fds[i], F_ADD_SEALS, 0) < 0);
    }
}

/* A copy of a file in memory, with room for changes before it is sealed. */
static uint8_t *copy_of(int fd, size_t *bytes)
{
    struct stat status;
    CHECK(!fstat(fd, &status));
    *bytes = (size_t)status.st_size;
    uint8_t *copy = malloc(*bytes);
    CHECK(copy && pread(fd, copy, *bytes, 0) == (ssize_t)*bytes);
    return copy;
}

static void replace_with(const char *name, int fd)
{
    CHECK_THAT(fd >= 0, "%s", error.text);
    forget(name);
    keep(name, fd);
}

static void lose_header(void)
{
    forget(RT_KEPT_NAME);
}

static void lose_weights(void)
{
    forget(RT_KEPT_NAME "-0");
}

static void double_weights(void)
{
    keep(RT_KEPT_NAME "-0", dup(*kept_fd(RT_KEPT_NAME "-0")));
}

static void unseal_weights(void)
{
    size_t bytes;
    uint8_t *copy = copy_of(*kept_fd(RT_KEPT_NAME "-0"), &bytes);
    const int fd = memfd_create("test", MFD_ALLOW_SEALING);
    CHECK(write(fd, copy, bytes) == (ssize_t)bytes && !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
    replace_with(RT_KEPT_NAME "-0", fd);
    free(copy);
}

static void truncate_weights(void)
{
    size_t bytes;
    uint8_t *copy = copy_of(*kept_fd(RT_KEPT_NAME "-0"), &bytes);
    replace_with(RT_KEPT_NAME "-0", rt_memory_file_of(copy, bytes - 1, &error));
    free(copy);
}

static void exchange_weights(void)
{
    size_t bytes;
    uint8_t *copy = copy_of(*kept_fd(RT_KEPT_NAME "-0"), &bytes);
    copy[bytes / 2] ^= 1;
    replace_with(RT_KEPT_NAME "-0", rt_memory_file_of(copy, bytes, &error));
    free(copy);
}

static void be_another_kind_of_file(void)
{
    replace_with(RT_KEPT_NAME "-0", open("/dev/zero", O_RDONLY));
}

static void unseal_header(void)
{
    size_t bytes;
    uint8_t *copy = copy_of(*kept_fd(RT_KEPT_NAME), &bytes);
    const int fd = memfd_create("test", MFD_ALLOW_SEALING);
    CHECK(write(fd, copy, bytes) == (ssize_t)bytes);
    replace_with(RT_KEPT_NAME, fd);
    free(copy);
}

static void shorten_header(void)
{
    size_t bytes;
    uint8_t *copy = copy_of(*kept_fd(RT_KEPT_NAME), &bytes);
    replace_with(RT_KEPT_NAME, rt_memory_file_of(copy, bytes - 1, &error));
    free(copy);
}

/* A bit of a text, with the digest of before. */
static void change_text(void)
{
    size_t bytes;
    uint8_t *copy = copy_of(*kept_fd(RT_KEPT_NAME), &bytes);
    copy[bytes - 2] ^= 1;
    replace_with(RT_KEPT_NAME, rt_memory_file_of(copy, bytes, &error));
    free(copy);
}

/* The manifest's digest, and the digest over that. */
static void be_of_another_manifest(void)
{
    size_t bytes;
    uint8_t *copy = copy_of(*kept_fd(RT_KEPT_NAME), &bytes);
    char *digest = memmem(copy, bytes, "\nmanifest ", 10);
    CHECK(digest != NULL);
    digest[10] = digest[10] == '0' ? '1' : '0';
    cr_digest(copy, copy + CR_DIGEST_BYTES, bytes - CR_DIGEST_BYTES);
    replace_with(RT_KEPT_NAME, rt_memory_file_of(copy, bytes, &error));
    free(copy);
}

static void be_of_another_bundle(void)
{
    forget_all();
    struct report other = start_service(f.other, f.paths.trust);
    CHECK(other.is_ok && !other.is_warm && manager.count == 2);
}

static void what_does_not_fit_is_named_and_replaced(void)
{
    static const struct {
        void (*damage)(void);
        const char *said;
    } cases[] = {
        {lose_header, "no descriptor is called cloister-weights"},
        {lose_weights, "no descriptor is called cloister-weights-0"},
        {double_weights, "two descriptors are called cloister-weights-0"},
        {unseal_weights, "lacks seals"},
        {truncate_weights, "bytes instead of"},
        {exchange_weights, "another bundle, layout or program"},
        {be_another_kind_of_file, "no file in memory"},
        {unseal_header, "lacks seals"},
        {shorten_header, "bytes instead of"},
        {change_text, "is not what its digest says"},
        {be_of_another_manifest, "another bundle, layout or program"},
        {be_of_another_bundle, "another bundle, layout or program"},
    };
    if (open_fixture())
        return;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cases[i].damage();
        struct report cold = start_service(f.bundle, f.paths.trust), warm = start_service(f.bundle, f.paths.trust);
        CHECK_THAT(cold.is_ok && !cold.is_warm && same_logits(&cold), "case %zu: %s", i, cold.said);
        CHECK_THAT(strstr(cold.said, cases[i].said) && strchr(cold.said, '\n') == cold.said + strlen(cold.said) - 1, "case %zu: %s", i,
                   cold.said);
        CHECK_THAT(warm.is_ok && warm.is_warm && same_logits(&warm) && manager.count == 2, "case %zu: %s", i, warm.said);
    }
}

/* Kept weights do not outlive the trust in whoever signed them. */
static void a_revoked_key_ends_it(void)
{
    struct tiny_key stranger;
    char directory[] = "/tmp/cloister-test-warm.XXXXXX", path[128];
    if (open_fixture())
        return;
    tiny_key_open(&stranger);
    CHECK(mkdtemp(directory) != NULL);
    char *text = NULL;
    CHECK(cr_public_key_print(&text, &stranger.pub) == CR_OK);
    tiny_write(directory, "stranger.pub", text, strlen(text));
    struct report report = start_service(f.bundle, directory);
    CHECK_THAT(!report.is_ok && report.code == RT_EXIT_TRUST, "%d %s", report.code, report.said);
    report = start_service(f.bundle, f.paths.trust);
    CHECK(report.is_ok && report.is_warm);
    snprintf(path, sizeof path, "%s/stranger.pub", directory);
    CHECK(!unlink(path) && !rmdir(directory));
    free(text);
    tiny_key_close(&stranger);
}

/* ---- several nodes, made up ---- */

static const unsigned machines[][4] = {{1, 1}, {2, 1}, {1, 2, 1}};
static const uint8_t some_digest[CR_DIGEST_BYTES] = {1, 2, 3};

struct half { /* one process of two: the first keeps, the second takes */
    const struct rt_manifest *manifest;
    const uint8_t *stream;
    size_t bytes;
    const unsigned *each; /* workers of each node */
    int (*run)(const struct half *half, const struct rt_weights_store *store, struct rt_workers *workers);
};

static struct rt_workers *open_workers(const unsigned *each)
{
    struct rt_placement *placement = calloc(1, sizeof *placement + 16 * sizeof *placement->places);
    struct rt_workers *workers = NULL;
    for (unsigned node = 0; node < 4; node++)
        for (unsigned i = 0; i < each[node]; i++)
            placement->places[placement->count++] = (struct rt_worker_place){.cpu = -1, .node = (int)(100 * node)};
    if (rt_workers_open(&workers, placement, &error))
        _exit(5);
    free(placement);
    return workers;
}

/* Exit codes 0 and 1 are the half's; others say that it did not get so far. */
static int run_half(const struct half *half)
{
    int ends[2], status;
    CHECK(!pipe2(ends, O_CLOEXEC));
    fflush(stdout);
    const pid_t child = fork();
    if (!child) {
        static struct rt_service service;
        struct rt_notify notify;
        const int out = fcntl(ends[1], F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
        hand_over(&service);
        const struct rt_weights_store store = {&service, &notify};
        struct report report = {.is_ok = 1};
        if (rt_notify_open(&notify, &service, &error))
            _exit(6);
        const int code = half->run(half, &store, open_workers(half->each));
        _exit(write(out, &report, sizeof report) == sizeof report ? code : 7);
    }
    struct report report;
    wait_for(&report, ends[0]);
    close(ends[0]), close(ends[1]);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int keep_half(const struct half *half, const struct rt_weights_store *store, struct rt_workers *workers)
{
    struct rt_weights *weights;
    struct rt_texts texts = {0};
    for (size_t i = 0; i < half->manifest->file_count; i++) {
        const struct rt_file *file = &half->manifest->files[i];
        if (file->role != RT_ROLE_WEIGHTS)
            texts.of[file->role].at = calloc(texts.of[file->role].bytes = file->size, 1);
    }
    if (rt_weights_files_open(&weights, half->manifest, workers, &error))
        return 1;
    for (size_t at = 0; at < half->bytes; at += 4096)
        rt_weights_place(weights, at, half->stream + at, half->bytes - at < 4096 ? half->bytes - at : 4096);
    return rt_weights_files_seal(weights, workers, &error) || rt_kept_put(store, weights, &texts, some_digest, workers, &error);
}

static int same_memory(const struct rt_memory *a, const struct rt_memory *b)
{
    return a->bytes == b->bytes && a->node == b->node && !memcmp(a->at, b->at, a->bytes);
}

/* 0: taken, and every node has what it would have been given. */
static int take_half(const struct half *half, const struct rt_weights_store *store, struct rt_workers *workers)
{
    struct rt_weights *weights, *fresh;
    struct rt_texts texts = {0};
    if (rt_kept_take(&weights, &texts, store, half->manifest, some_digest, workers, &error))
        return 1;
    if (rt_weights_open(&fresh, half->manifest, workers, &error))
        return 8;
    rt_weights_place(fresh, 0, half->stream, half->bytes);
    for (unsigned node = 0; node < weights->count; node++)
        if (!same_memory(&weights->nodes[node].memory, &fresh->nodes[node].memory))
            return 9;
    return same_memory(&weights->once, &fresh->once) ? 0 : 10;
}

static void exchange(const char *a, const char *b)
{
    int *first = kept_fd(a), *second = kept_fd(b), fd = *first;
    *first = *second;
    *second = fd;
}

static void judge_machine(struct half half, const unsigned *each, const unsigned *other)
{
    half.each = each;
    forget_all();
    half.run = keep_half;
    int code = run_half(&half);
    CHECK_THAT(code == 0, "keeping: %d", code);
    half.run = take_half;
    code = run_half(&half);
    CHECK_THAT(code == 0, "taking: %d", code);
    exchange(RT_KEPT_NAME "-0", RT_KEPT_NAME "-1");
    CHECK(run_half(&half) == 1);
    exchange(RT_KEPT_NAME "-0", RT_KEPT_NAME "-1");
    half.each = other;
    CHECK(run_half(&half) == 1);
}

static void weights_of_several_nodes_are_kept(void)
{
    struct tiny_key key;
    struct rt_manifest *m;
    struct half half;
    if (open_fixture())
        return;
    tiny_key_open(&key);
    half.stream = tiny_stream(&half.bytes);
    char *text = tiny_manifest();
    struct cr_manifest *verified = tiny_verified(&key, text);
    CHECK_THAT(!rt_manifest_open(&m, verified, "manifest.json", &error), "%s", error.text);
    half.manifest = m;
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        judge_machine(half, machines[i], machines[(i + 1) % (sizeof machines / sizeof *machines)]);
    forget_all();
    rt_manifest_close(&m);
    cr_manifest_close(&verified);
    free(text);
    free((void *)half.stream);
    tiny_key_close(&key);
}

CHECK_MAIN(CHECK_TEST(a_restart_is_warm_and_answers_the_same), CHECK_TEST(what_is_kept_cannot_be_written),
           CHECK_TEST(what_does_not_fit_is_named_and_replaced), CHECK_TEST(a_revoked_key_ends_it),
           CHECK_TEST(weights_of_several_nodes_are_kept))
