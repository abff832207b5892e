#!/bin/bash
# cli_one_answer.sh - an answer has one digest, however it is computed: make_digests goes through threads, prompt chunks, neighbours, cached beginnings
# and the instruction sets of this processor. `V=1 tests/run.sh BUILD cli_one_answer` prints the rows as they stand in golden/answers.tsv.
. "$(dirname "$0")/cli.sh"
. "$(dirname "$0")/answers.sh"

ALL_ISAS=(portable avx2 avx512 vnni amx)

# The instruction sets of this processor, the best first.
isas_here() {
    local best isa list=()
    best=$("$CLOISTER" doctor | awk '$2 == "instructions" { print $3 }')
    for isa in "${ALL_ISAS[@]}"; do
        list=("$isa" "${list[@]}")
        [ "$isa" != "$best" ] || break
    done
    echo "${list[@]}"
}

# bundle_is NAME BUNDLE: all ways with the best instruction set of this processor, two with each other one.
bundle_is() {
    local isas others lines=20
    read -r -a isas < <(isas_here)
    case_is "$1: one digest with any threads, chunks, neighbours, cache and instruction set of this processor (${isas[*]})"
    if sanitized; then
        isas=("${isas[0]}")
    fi
    others=$(IFS=,; echo "${isas[*]:1}")
    expect_exit 0 "$DIGESTS" "$TRUST" "$2"
    expect cp "$OUT" "$SCRATCH/rows"
    if [ -n "$others" ]; then
        expect_exit 0 "$DIGESTS" --isa "$others" --ways 2 "$TRUST" "$2"
        cat "$OUT" >>"$SCRATCH/rows"
        lines=$((lines + 4 * (${#isas[@]} - 1)))
    fi
    judge "$SCRATCH/rows" "$lines"
}

bundles=()
for quant in w8 w4 bf16; do
    bundle=$(demo_bundle "$quant") || exit 1
    bundles+=("$bundle")
    bundle_is "demo $quant" "$bundle"
    for architecture in $TINY; do
        bundle=$(tiny_bundle "$architecture" "$quant") || exit 1
        bundles+=("$bundle")
        bundle_is "$architecture $quant" "$bundle"
    done
done

case_is "every golden row was judged"
expect [ "$(wc -l <"$GOLDEN")" -eq $((2 * ${#bundles[@]})) ]

finish
