/* cpu.c: what this processor, and the operating system on it, allow. The one global of the kernels, filled once; everything else is a
 * pure function of it. Any thread. */
#include "kernels/kernels.h"

#include <cpuid.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { /* XCR0's state components, and arch_prctl's request for one */
       XCR0_AVX = 0x6,
       XCR0_AVX512 = 0xe6,
       XCR0_AMX = 0x60000,
       ARCH_REQ_XCOMP_PERM_ = 0x1023,
       XFEATURE_XTILEDATA_ = 18,
};

struct leaf {
    unsigned a, b, c, d;
};

static struct leaf cpuid(unsigned leaf, unsigned subleaf)
{
    struct leaf r = {0};
    if (!__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d))
        memset(&r, 0, sizeof r);
    return r;
}

static uint8_t bit(unsigned word, int index)
{
    return word >> index & 1;
}

static uint64_t xgetbv(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* "model name" of the processor, blanks trimmed on the left. */
static void read_name(char name[64])
{
    char text[49] = {0};
    for (unsigned i = 0; i < 3; i++) {
        struct leaf r = cpuid(0x80000002 + i, 0);
        memcpy(text + 16 * i, &r, sizeof r);
    }
    const char *start = text + strspn(text, " ");
    size_t length = strlen(start);
    memcpy(name, start, length);
    name[length] = 0;
}

static void read_cpu(struct kn_cpu *cpu)
{
    struct leaf one = cpuid(1, 0), seven = cpuid(7, 0), seven1 = seven.a ? cpuid(7, 1) : (struct leaf){0};
    uint64_t states = bit(one.c, 27) ? xgetbv() : 0;
    read_name(cpu->name);
    if ((states & XCR0_AVX) == XCR0_AVX) {
        cpu->fma = bit(one.c, 12);
        cpu->f16c = bit(one.c, 29);
        cpu->avx2 = bit(one.c, 28) && bit(seven.b, 5) && bit(seven.b, 8); /* BMI2 comes with it */
    }
    if ((states & XCR0_AVX512) == XCR0_AVX512) {
        cpu->avx512 = bit(seven.b, 16) && bit(seven.b, 17) && bit(seven.b, 30) && bit(seven.b, 31); /* F, DQ, BW, VL */
        cpu->avx512_vbmi = bit(seven.c, 1);
        cpu->avx512_vnni = bit(seven.c, 11);
        cpu->avx512_bf16 = bit(seven1.a, 5);
    }
    if ((states & XCR0_AMX) == XCR0_AMX) {
        cpu->amx_tile = bit(seven.d, 24);
        cpu->amx_int8 = bit(seven.d, 25);
        cpu->amx_permitted = cpu->amx_tile && !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM_, XFEATURE_XTILEDATA_);
    }
}

static struct kn_cpu this_cpu;
static pthread_once_t read_once = PTHREAD_ONCE_INIT;

static void read_this_cpu(void)
{
    read_cpu(&this_cpu);
}

const struct kn_cpu *kn_cpu(void)
{
    pthread_once(&read_once, read_this_cpu);
    return &this_cpu;
}

enum kn_isa kn_isa_best(const struct kn_cpu *cpu)
{
    if (!cpu->avx2 || !cpu->fma || !cpu->f16c)
        return KN_PORTABLE;
    if (!cpu->avx512)
        return KN_AVX2;
    if (!cpu->avx512_vnni)
        return KN_AVX512;
    return cpu->amx_tile && cpu->amx_int8 && cpu->amx_permitted ? KN_AMX : KN_VNNI;
}

const char *kn_isa_name(enum kn_isa isa)
{
    static const char *const names[] = {"portable", "avx2", "avx512", "vnni", "amx"};
    return isa >= KN_PORTABLE && isa <= KN_AMX ? names[isa] : "unknown";
}
