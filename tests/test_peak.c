/* test_peak.c: the loops that limits are measured with do what they are asked for, on every instruction set of this processor. */
#include "kernels/peak.h"

#include "tests/check.h"
#include "tests/guarded.h"

static void every_instruction_set_multiplies(void)
{
    for (int isa = KN_PORTABLE; isa <= (int)kn_isa_best(kn_cpu()); isa++) {
        double one = kn_peak_operations((enum kn_isa)isa, 1), floats = kn_peak_float_operations((enum kn_isa)isa, 1);
        CHECK_THAT(one > 1000 && kn_peak_operations((enum kn_isa)isa, 5) == 5 * one, "%s", kn_isa_name((enum kn_isa)isa));
        CHECK_THAT(floats > 1000 && kn_peak_float_operations((enum kn_isa)isa, 5) == 5 * floats, "%s", kn_isa_name((enum kn_isa)isa));
        CHECK(kn_peak_instruction((enum kn_isa)isa)[0]);
    }
}

/* Reading a byte too many would crash. */
static void reading_stays_inside(void)
{
    for (int side = GUARD_AFTER; side < GUARD_SIDES; side++) {
        guarded_use((enum guard_side)side);
        for (int isa = KN_PORTABLE; isa <= (int)kn_isa_best(kn_cpu()); isa++) {
            size_t mark = guarded_mark();
            const uint8_t *memory = guarded(3 * 4096);
            kn_peak_reading((enum kn_isa)isa, memory, 3 * 4096);
            CHECK(memory[0] == 0);
            guarded_release(mark);
        }
    }
}

CHECK_MAIN(CHECK_TEST(every_instruction_set_multiplies), CHECK_TEST(reading_stays_inside))
