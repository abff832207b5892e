/* brgemm.h: integer products of many rows on AMX through oneDNN's brgemm ukernel. */
#ifndef CLOISTER_BRGEMM_H
#define CLOISTER_BRGEMM_H

#include "kernels/ops.h"

struct kn_brgemm;

/* Generates the kernels for every distinct padded k. KN_OK, KN_E_MEMORY or KN_E_UNSUPPORTED. */
__attribute__((warn_unused_result)) int kn_brgemm_open(struct kn_brgemm **out, const size_t *k, size_t count);
void kn_brgemm_close(struct kn_brgemm **brgemm);
void kn_brgemm_thread_enter(const struct kn_brgemm *brgemm);
void kn_brgemm_thread_leave(const struct kn_brgemm *brgemm);
size_t kn_brgemm_scratch(const struct kn_brgemm *brgemm, size_t k_max);
/* Whether this product is faster here, and its kernels exist. */
int kn_brgemm_takes(const struct kn_brgemm *brgemm, const struct kn_gemm *g);
void kn_brgemm_gemm(const struct kn_brgemm *brgemm, const struct kn_ops *ops, const struct kn_gated *g, size_t panel0, size_t panel1);

#endif
