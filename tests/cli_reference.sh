#!/bin/bash
# cli_reference.sh - the plain C of the kernels, with the engine and the sampler around it, gives the golden digests whether gcc or clang compiles it,
# without optimisation or with it.
. "$(dirname "$0")/cli.sh"
. "$(dirname "$0")/answers.sh"

bundles=()
for quant in w8 w4 bf16; do
    for architecture in $TINY; do
        bundle=$(tiny_bundle "$architecture" "$quant") || exit 1
        bundles+=("$bundle")
    done
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
        expect_exit 0 "$TOP/$program" --isa portable --few "$TRUST" "${bundles[@]}"
        skipped || judge "$OUT" $((4 * ${#bundles[@]}))
    done
done

finish
