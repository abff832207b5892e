/* bundle_parts.h: what an open bundle is, for bundle*.c alone. */
#ifndef CLOISTER_BUNDLE_PARTS_H
#define CLOISTER_BUNDLE_PARTS_H

#include "runtime/bundle.h"
#include "runtime/folder.h"

#define RT_MANIFEST_NAME "manifest.json"

struct rt_bundle {
    char *path;
    struct rt_folder folder;
    struct cr_manifest *verified;
    struct rt_manifest *manifest;
    uint8_t *chunks; /* the verified list of chunk digests, once something is loaded */
};

/* "manifest.json.KEYID.minisig", the key id in capital hex digits, with or without its leading zeros. */
int rt_is_signature_name(const char *name);
/* Reads manifest.json and its signatures, and nothing else, and verifies. */
RT_MUST_CHECK int rt_bundle_verify(struct rt_bundle *bundle, const struct cr_trust *trust, struct rt_error *error);

#endif
