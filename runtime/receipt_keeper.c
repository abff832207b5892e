/* receipt_keeper.c: the keeper and the pipes to it. It gets one text and answers twice with a struct rt_error: when it is ready, and when the
 * text is on the disk. */
#include "runtime/receipt_keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "runtime/bundle.h"
#include "runtime/new_file.h"
#include "runtime/receipt.h"
#include "runtime/scope.h"
#include "runtime/seal.h"
#include "runtime/secret_key_read.h"

struct rt_receipt_keeper {
    pid_t process;
    int to, from; /* ends of its pipes; -1: closed */
};

/* ---- both sides: exactly so many bytes ---- */

static int send_bytes(int fd, const void *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        const ssize_t wrote = write(fd, (const char *)bytes + done, count - done);
        if (wrote < 0 && errno != EINTR)
            return -1;
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return 0;
}

static int receive_bytes(int fd, void *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        const ssize_t got = read(fd, (char *)bytes + done, count - done);
        if (got == 0 || (got < 0 && errno != EINTR))
            return -1;
        done += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

/* ---- the keeper ---- */

struct duty {
    char *signature_path;
    struct rt_new_file receipt, signature;
    struct cr_secret_key *secret; /* NULL: no signature */
};

static void drop(struct duty *duty)
{
    rt_new_file_drop(&duty->receipt);
    rt_new_file_drop(&duty->signature);
    cr_secret_key_close(&duty->secret);
    free(duty->signature_path);
}

/* A receipt that is signed with a publisher's key could be mistaken for his word. */
static int refuse_publisher(const struct cr_secret_key *secret, const char *site_key, const char *directory, struct rt_error *error)
{
    RT_CLEAN(cr_trust_close) struct cr_trust *trust = NULL;
    struct cr_public_key pub;
    if (rt_trust_open(&trust, directory, error))
        return -1;
    cr_secret_key_public(&pub, secret);
    if (cr_trust_has(trust, &pub))
        return rt_fail(error, RT_EXIT_TRUST, "%s: this key signs bundles here (%s); make one for the site with `minisign -G`", site_key,
                       directory);
    return 0;
}

static int take_key(struct duty *duty, const char *path, const char *site_key, const char *trust, struct rt_error *error)
{
    if (asprintf(&duty->signature_path, "%s.minisig", path) < 0) {
        duty->signature_path = NULL;
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory", path);
    }
    if (cr_init())
        return rt_fail(error, RT_EXIT_FAILED, "the system gives no random numbers, without which no cryptography starts");
    if (rt_secret_key_read(&duty->secret, site_key, error) || refuse_publisher(duty->secret, site_key, trust, error))
        return -1;
    return rt_new_file_begin(&duty->signature, duty->signature_path, 0644, RT_KEEP_EXISTING, error);
}

static int get_ready(struct duty *duty, const char *path, const char *site_key, const char *trust, struct rt_error *error)
{
    if (rt_new_file_begin(&duty->receipt, path, 0644, RT_KEEP_EXISTING, error) ||
        (site_key && take_key(duty, path, site_key, trust, error)))
        return -1;
    return rt_seal_keeper(duty->receipt.directory, error);
}

/* The receipt's text, 0-terminated; NULL where none comes. */
static char *receive_text(int fd)
{
    uint64_t bytes;
    char *text = receive_bytes(fd, &bytes, sizeof bytes) || bytes > RT_RECEIPT_MAX_BYTES ? NULL : malloc(bytes + 1);
    if (text && receive_bytes(fd, text, bytes)) {
        free(text);
        return NULL;
    }
    if (text)
        text[bytes] = 0;
    return text;
}

static int write_signature(struct duty *duty, const char *text, struct rt_error *error)
{
    RT_FREE char *signature = NULL;
    char comment[128];
    snprintf(comment, sizeof comment, "timestamp:%lld\tfile:%.64s\tprehashed", (long long)time(NULL), duty->receipt.name);
    const int status = cr_sign(&signature, duty->secret, (const uint8_t *)text, strlen(text), comment);
    if (status)
        return rt_fail(error, status == CR_E_MEMORY ? RT_EXIT_RESOURCES : RT_EXIT_USAGE, "%s: cannot be signed under this name",
                       duty->receipt.path);
    return rt_new_file_finish(&duty->signature, signature, error);
}

static int finish(struct duty *duty, const char *text, struct rt_error *error)
{
    if (duty->secret && write_signature(duty, text, error))
        return -1;
    return rt_new_file_finish(&duty->receipt, text, error);
}

/* Signals that are meant for the whole program end the process that computes, and that ends the pipe. */
static void ignore_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_IGN);
}

static void keep(int from, int to, const char *path, const char *site_key, const char *trust)
{
    RT_CLEAN(drop) struct duty duty = {.receipt = {.directory = -1, .fd = -1}, .signature = {.directory = -1, .fd = -1}};
    RT_FREE char *text = NULL;
    struct rt_error said = {.code = RT_EXIT_OK};
    ignore_signals();
    const int failed = get_ready(&duty, path, site_key, trust, &said);
    if (send_bytes(to, &said, sizeof said) || failed || !(text = receive_text(from)))
        return;
    (void)!finish(&duty, text, &said);
    (void)!send_bytes(to, &said, sizeof said);
}

/* ---- the program's own side ---- */

static int hear(struct rt_receipt_keeper *keeper, struct rt_error *error)
{
    struct rt_error said;
    if (receive_bytes(keeper->from, &said, sizeof said))
        return rt_fail(error, RT_EXIT_FAILED, "the process that keeps the receipt has ended; no receipt was written");
    if (said.code == RT_EXIT_OK)
        return 0;
    *error = said;
    return -1;
}

/* Two pipes and a fork. The parent's ends are to[1] and from[0]. */
static int start(struct rt_receipt_keeper *keeper, const char *path, const char *site_key, const char *trust)
{
    int to[2] = {-1, -1}, from[2] = {-1, -1};
    if (pipe(to) || pipe(from) || (keeper->process = fork()) < 0) {
        int *const ends[] = {&to[0], &to[1], &from[0], &from[1]};
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
            rt_clean_fd(ends[i]);
        return -1;
    }
    if (!keeper->process) {
        close(to[1]);
        close(from[0]);
        keep(to[0], from[1], path, site_key, trust);
        _exit(0);
    }
    close(to[0]);
    close(from[1]);
    keeper->to = to[1];
    keeper->from = from[0];
    return 0;
}

int rt_receipt_keeper_open(struct rt_receipt_keeper **out, const char *path, const char *site_key, const char *trust,
                           struct rt_error *error)
{
    *out = NULL;
    RT_CLEAN(rt_receipt_keeper_close) struct rt_receipt_keeper *keeper = malloc(sizeof *keeper);
    if (!keeper)
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory", path);
    *keeper = (struct rt_receipt_keeper){.to = -1, .from = -1};
    if (start(keeper, path, site_key, trust))
        return rt_fail(error, RT_EXIT_RESOURCES, "%s: no process to keep the receipt: %s", path, strerror(errno));
    if (hear(keeper, error))
        return -1;
    *out = RT_MOVE(keeper);
    return 0;
}

int rt_receipt_keeper_write(struct rt_receipt_keeper *keeper, const char *text, struct rt_error *error)
{
    const uint64_t bytes = strlen(text);
    signal(SIGPIPE, SIG_IGN); /* a keeper that is gone is an error, not an end */
    if (send_bytes(keeper->to, &bytes, sizeof bytes) || send_bytes(keeper->to, text, bytes))
        return rt_fail(error, RT_EXIT_FAILED, "the process that keeps the receipt has ended; no receipt was written");
    return hear(keeper, error);
}

/* Waits for the keeper's end, which the sealed process can see in the pipe only: nothing is left behind then. */
void rt_receipt_keeper_close(struct rt_receipt_keeper **keeper)
{
    char unread;
    if (!*keeper)
        return;
    rt_clean_fd(&(*keeper)->to);
    while ((*keeper)->from >= 0 && !receive_bytes((*keeper)->from, &unread, 1))
        continue;
    rt_clean_fd(&(*keeper)->from);
    free(*keeper);
    *keeper = NULL;
}
