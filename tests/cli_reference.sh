#!/bin/bash
# cli_reference.sh - the plain C of the kernels, with the engine and the sampler around it, gives the golden digests whether gcc or clang compiles it,
# without optimisation or with it.
. "$(dirname "$0")/cli.sh"
. "$(dirname "$0")/answers.sh"

bundles=()
for row in "qwen3_moe w4" "qwen3_moe w8" "mixtral bf16" "llama w4" "mistral w8" "qwen3 bf16"; do
    # shellcheck disable=SC2086 # two words
    bundle=$(tiny_bundle $row) || exit 1
    bundles+=("$bundle")
done
bundle=$(demo_bundle w4) || exit 1
bundles+=("$bundle")

# The Makefile's own variables are not those of the make that runs the tests.
build() {
    env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$TOP" "$1"
}

for compiler in gcc clang; do
    for level in O0 O2; do
        case_is "$compiler -$level: every row has its golden digest"
        ! sanitized || skip "sanitizer build has a C library of its own"
        [ "$compiler" != gcc ] || needs gcc
        program=build/plain/$compiler-$level/make_digests
        expect_exit 0 build "$program"
        expect_exit 0 "$TOP/$program" --isa portable --ways 1 "$TRUST" "${bundles[@]}"
        skipped || judge "$OUT" $((2 * ${#bundles[@]}))
    done
done

finish
