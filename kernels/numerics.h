/* numerics.h: the constants of n1 (NUMERICS.md), shared by the reference and by every instruction set. Only numbers: the order in
 * which they are used is written once in the reference and once in the lanes' code, so that comparing the two means something. */
#ifndef CLOISTER_NUMERICS_H
#define CLOISTER_NUMERICS_H

enum {
    KN_LANES = 16,    /* virtual lanes: element i belongs to lane i % 16 */
    KN_K_MAX = 65536, /* inputs of an integer product: 127·127·K and u8 × s8 both stay inside int32 */
};

/* §3: rows whose largest magnitude is below this quantise to zero, so that 127/absmax is finite. */
#define KN_QUANTIZE_MIN 0x1p-100f

/* §6: exp(x) = 2^n · p(r), n = rne(x·log2 e), r = x - n·ln 2 in two parts, p(r) = 1 + r + c2·r² + … + c6·r⁶ on |r| ≤ ln2/2. */
#define KN_EXP_MIN -104.0f /* below: rounds to 0 */
#define KN_EXP_MAX 89.0f   /* above: overflows to infinity */
#define KN_EXP_LOG2E 0x1.715476p+0f
#define KN_EXP_ROUND 0x1.8p+23f /* adding it leaves the nearest integer in the low bits */
#define KN_EXP_LN2_HIGH 0x1.62e43p-1f
#define KN_EXP_LN2_LOW -0x1.05c61p-29f
#define KN_EXP_C2 0x1.fffffcp-2f
#define KN_EXP_C3 0x1.555492p-3f
#define KN_EXP_C4 0x1.5558f2p-5f
#define KN_EXP_C5 0x1.123a2p-7f
#define KN_EXP_C6 0x1.6a23ccp-10f

#endif
