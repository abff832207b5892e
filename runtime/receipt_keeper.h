/* receipt_keeper.h: a process beside the program's own that signs a receipt and gives it its name. The process that computes is sealed and can do
 * neither, and never holds the site's secret key; the keeper sees no prompt, no weights and no network, and can make no file but these two.
 * Where no receipt comes, for whatever reason, it leaves nothing behind. One thread. */
#ifndef CLOISTER_RECEIPT_KEEPER_H
#define CLOISTER_RECEIPT_KEEPER_H

#include "runtime/error.h"

struct rt_receipt_keeper;

/* Starts it, before any thread. `path`: where the receipt goes, and its signature under the same name with ".minisig"; neither may exist.
 * site_key: a minisign secret key file, whose password is asked for if it has one, or NULL: no signature. A key that the directory `trust`
 * holds is refused (RT_EXIT_TRUST): who signs bundles does not sign receipts. Returns when the keeper is ready, or says why it is not. */
RT_MUST_CHECK int rt_receipt_keeper_open(struct rt_receipt_keeper **out, const char *path, const char *site_key, const char *trust,
                                         struct rt_error *error);
/* Hands over the receipt's text and waits until it is on the disk. Once. */
RT_MUST_CHECK int rt_receipt_keeper_write(struct rt_receipt_keeper *keeper, const char *text, struct rt_error *error);
void rt_receipt_keeper_close(struct rt_receipt_keeper **keeper);

#endif
