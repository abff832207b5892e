/* bundle.h: a bundle on a disk or stick: opened, its signature verified before anything is parsed, its bytes hashed while they are
 * copied into private memory. Nothing of it is ever mapped, and after rt_bundle_close no file of it is open. One thread; loading
 * uses the workers it is given. */
#ifndef CLOISTER_BUNDLE_H
#define CLOISTER_BUNDLE_H

#include "runtime/manifest.h"

struct rt_bundle;
struct rt_weights;
struct rt_workers;

/* Reads every *.pub of a directory (symbolic links allowed: it is the administrator's). RT_EXIT_TRUST where it is missing, empty
 * or holds a file that is not a key. */
RT_MUST_CHECK int rt_trust_open(struct cr_trust **out, const char *directory, struct rt_error *error);

/* Opens the directory, reads manifest.json and its signatures, verifies, parses, then compares the directory's listing and every
 * file's type and size with the manifest (a surplus, missing or linked file is refused). Reads no payload. */
RT_MUST_CHECK int rt_bundle_open(struct rt_bundle **out, const char *path, const struct cr_trust *trust, struct rt_error *error);
/* The same with a manifest that is verified already, whose ownership it takes (*verified becomes NULL, also on failure): for the
 * publisher, who looks at a bundle with the signature still in memory. */
RT_MUST_CHECK int rt_bundle_open_verified(struct rt_bundle **out, const char *path, struct cr_manifest **verified, struct rt_error *error);
void rt_bundle_close(struct rt_bundle **bundle);

struct rt_manifest *rt_bundle_manifest(struct rt_bundle *bundle);
/* The same, handed over: the bundle can be closed and the caller closes the manifest. Last call before rt_bundle_close. */
struct rt_manifest *rt_bundle_take_manifest(struct rt_bundle *bundle);
const struct cr_manifest *rt_bundle_verified(const struct rt_bundle *bundle);

struct rt_progress { /* called from the calling thread now and then, and once at the end */
    void (*report)(void *user, uint64_t done, uint64_t total, double seconds);
    void *user;
};

/* Reads, hashes and compares the file of a role into fresh memory (*text is 0-terminated, *bytes without that 0; free it).
 * A role the bundle has no file for gives *text = NULL and success. */
RT_MUST_CHECK int rt_bundle_read(struct rt_bundle *bundle, enum rt_role role, char **text, size_t *bytes, struct rt_error *error);

/* Reads, hashes and compares all weights and puts each where it belongs. All workers read. */
RT_MUST_CHECK int rt_bundle_load(struct rt_bundle *bundle, struct rt_weights *weights, struct rt_workers *workers,
                                 const struct rt_progress *progress, struct rt_error *error);
/* The same comparison for every payload file without keeping anything: `verify`. */
RT_MUST_CHECK int rt_bundle_check(struct rt_bundle *bundle, struct rt_workers *workers, const struct rt_progress *progress,
                                  struct rt_error *error);

#endif
