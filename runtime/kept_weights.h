/* kept_weights.h: verified weights that outlive the process: in sealed files in memory whose descriptors the service manager keeps
 * (FileDescriptorStoreMax=), with a header that says whose they are and holds the bundle's small texts. The next process verifies the manifest and
 * its signatures against the trust store of its own day and, if the header tells of this very manifest, needs nothing else of the bundle.
 *
 * Why that may be believed: only the manager hands descriptors over; whoever serves is sealed before it reads a stranger's byte and can then
 * neither make such a file, nor receive one (no recvmsg); nobody can write to a sealed one; and the header names each file by its number, so
 * that they cannot be exchanged either.
 * Before the seal; one thread. */
#ifndef CLOISTER_KEPT_WEIGHTS_H
#define CLOISTER_KEPT_WEIGHTS_H

#include "runtime/notify.h"
#include "runtime/weights.h"

#define RT_KEPT_NAME "cloister-weights" /* the header's descriptor; "-0", "-1" … are appended for the weights' */

struct rt_weights_store { /* both outlive the call that is given this */
    const struct rt_service *service;
    const struct rt_notify *notify;
};

struct rt_texts { /* the bundle's small files by role; NULL where it has none, and for the weights */
    struct {
        char *at; /* 0-terminated */
        size_t bytes;
    } of[RT_ROLES];
};
void rt_texts_close(struct rt_texts *texts);

/* Whether the manager has handed over anything under these names. */
int rt_kept_is_there(const struct rt_weights_store *store);
/* Opens the weights from what is kept, and the texts, and closes the descriptors. Fails where something does not fit, in words for one who asks
 * why the start was slow; then nothing is taken, and rt_kept_drop follows. */
RT_MUST_CHECK int rt_kept_take(struct rt_weights **out, struct rt_texts *texts, const struct rt_weights_store *store,
                               const struct rt_manifest *manifest, const uint8_t manifest_digest[CR_DIGEST_BYTES],
                               struct rt_workers *workers, struct rt_error *error);
/* Closes what was handed over and has the manager forget it, so that its memory comes free: soon, since the manager does it. */
void rt_kept_drop(const struct rt_weights_store *store);
/* Has the manager keep weights that rt_weights_files_seal has sealed, and the texts. */
RT_MUST_CHECK int rt_kept_put(const struct rt_weights_store *store, struct rt_weights *weights, const struct rt_texts *texts,
                              const uint8_t manifest_digest[CR_DIGEST_BYTES], const struct rt_workers *workers, struct rt_error *error);

#endif
