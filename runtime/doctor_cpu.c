/* doctor_cpu.c: processor, instruction set, frequency governor, cores and NUMA nodes. */
#include <stdio.h>
#include <string.h>

#include "kernels/kernels.h"
#include "runtime/doctor.h"
#include "runtime/scope.h"
#include "runtime/topology.h"

/* What keeps the next better kernels from running here; NULL where there are none better. */
static const char *what_is_missing(const struct kn_cpu *cpu)
{
    switch (kn_isa_best(cpu)) {
    case KN_PORTABLE: return "avx2 needs AVX2, FMA, F16C and BMI2, and an operating system that saves their registers";
    case KN_AVX2: return "avx512 needs AVX-512 F, BW, DQ and VL, and an operating system that saves their registers";
    case KN_AVX512: return "vnni needs AVX-512 VNNI";
    case KN_VNNI:
        return cpu->amx_tile && cpu->amx_int8 ? "amx needs the kernel's permission, see below" : "amx needs AMX-TILE and AMX-INT8";
    case KN_AMX: break;
    }
    return NULL;
}

static void find_instruction_set(struct rt_findings *findings, const struct kn_cpu *cpu)
{
    static const char *const advice[] = {
        [KN_PORTABLE] = "plain C kernels run here, very slowly: any x86-64 processor with AVX2 is far faster",
        [KN_AVX2] = "a processor with AVX-512 VNNI is several times faster",
        [KN_AVX512] = "a processor with AVX-512 VNNI is several times faster",
        [KN_VNNI] = NULL,
        [KN_AMX] = NULL,
    };
    const enum kn_isa isa = kn_isa_best(cpu);
    const char *missing = what_is_missing(cpu);
    rt_finding_add(findings, "instructions", isa == KN_PORTABLE ? RT_VERDICT_WARN : RT_VERDICT_OK, advice[isa], "%s runs%s%s",
                   kn_isa_name(isa), missing ? "; " : "", missing ? missing : "");
}

static void find_amx(struct rt_findings *findings, const struct kn_cpu *cpu)
{
    if (!cpu->amx_tile || !cpu->amx_int8)
        rt_finding_add(findings, "AMX", RT_VERDICT_OK, NULL, "this processor has none");
    else if (cpu->amx_permitted)
        rt_finding_add(findings, "AMX", RT_VERDICT_OK, NULL, "permitted by the kernel");
    else
        rt_finding_add(findings, "AMX", RT_VERDICT_WARN, "Linux 5.16 or newer grants it; a hypervisor or container runtime may forbid it",
                       "there, but the kernel does not permit it");
}

static void find_governor(struct rt_findings *findings)
{
    char governor[64];
    if (rt_doctor_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", governor, sizeof governor))
        rt_finding_add(findings, "governor", RT_VERDICT_UNKNOWN, NULL, "the kernel does not say (usual in virtual machines)");
    else
        rt_finding_add(findings, "governor", strcmp(governor, "powersave") ? RT_VERDICT_OK : RT_VERDICT_WARN,
                       "write \"performance\" to /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor", "%s", governor);
}

static void find_cores(struct rt_findings *findings)
{
    RT_FREE struct rt_placement *placement = NULL;
    struct rt_error error;
    if (rt_placement_open(&placement, 0, &error)) {
        rt_finding_add(findings, "cores", RT_VERDICT_BAD, NULL, "%s", error.text);
        return;
    }
    rt_finding_add(findings, "cores", RT_VERDICT_OK, NULL, "%u physical cores allowed, %u CPUs online, %u packages",
                   placement->cores_allowed, placement->cpus_online, placement->packages);
    rt_finding_add(findings, "NUMA", RT_VERDICT_OK, NULL, "%u nodes", placement->nodes);
}

void rt_doctor_cpu(struct rt_findings *findings)
{
    const struct kn_cpu *cpu = kn_cpu();
    rt_finding_add(findings, "processor", RT_VERDICT_OK, NULL, "%s", cpu->name[0] ? cpu->name : "unnamed");
    find_instruction_set(findings, cpu);
    find_amx(findings, cpu);
    find_governor(findings);
    find_cores(findings);
}
