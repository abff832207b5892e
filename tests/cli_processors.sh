#!/bin/bash
# cli_processors.sh - on other processors the program finds their best instruction set by itself, and gives the golden digests with it: under
# qemu-user's models with AVX2 and without, since this processor's own are a matter of --isa (cli_one_answer.sh). `cloister` itself does not start
# there, since qemu-user has no seccomp; what computes is in make_digests. Nor does test_kernels run: QEMU 7.2 reads the lanes that a masked load
# leaves out, and its data ends at a guard page.
. "$(dirname "$0")/cli.sh"
. "$(dirname "$0")/answers.sh"

# processor MODEL ISA BUNDLE…
processor() {
    local model=$1 isa=$2
    shift 2
    case_is "a processor like $model computes with $isa, and every row has its golden digest"
    ! sanitized || skip "sanitizer build is dynamic"
    needs qemu-x86_64
    expect_exit 0 qemu-x86_64 -cpu "$model" "$DIGESTS" --ways 1 "$TRUST" "$@"
    expect [ "$(grep -c " isa=$isa " "$OUT")" -eq $((2 * $#)) ]
    skipped || judge "$OUT" $((2 * $#))
}

mixture=$(tiny_bundle qwen3_moe w4) || exit 1
dense=$(tiny_bundle llama bf16) || exit 1
processor Haswell avx2 "$mixture" "$dense"
processor Nehalem portable "$mixture"

finish
