#!/bin/bash
# cli_one_answer.sh - an answer has one digest, however it is computed: make_digests goes through threads, prompt chunks, neighbours, cached beginnings
# and the instruction sets of this processor. `V=1 tests/run.sh BUILD cli_one_answer` prints the rows as they stand in golden/answers.tsv, and
# ANSWER_ROWS="demo-w4 llama-bf16" goes through these only.
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

# more_rows ISA WAYS BUNDLE: adds them to $SCRATCH/rows.
more_rows() {
    expect_exit 0 "$DIGESTS" --isa "$1" --ways "$2" "$TRUST" "$3"
    cat "$OUT" >>"$SCRATCH/rows"
    lines=$((lines + 2 * $2))
}

# bundle_is NAME BUNDLE: all ways with the best instruction set of this processor; two that differ in everything with each other one, and one with
# plain C, which takes its time.
bundle_is() {
    local isas isa lines=0
    read -r -a isas < <(isas_here)
    case_is "$1: one digest with any threads, chunks, neighbours, cache and instruction set of this processor (${isas[*]})"
    : >"$SCRATCH/rows"
    more_rows "${isas[0]}" "$ways" "$2"
    for isa in "${isas[@]:1}"; do
        if [ "$isa" = portable ]; then
            more_rows portable 1 "$2"
        else
            more_rows "$isa" 2 "$2"
        fi
    done
    judge "$SCRATCH/rows" "$lines"
}

rows=0 ways=10
if sanitized; then # which takes ten times as long
    ANSWER_ROWS="qwen3_moe-w4 llama-w8" ways=2
fi
for quant in w8 w4 bf16; do
    for model in demo $TINY; do
        [[ " ${ANSWER_ROWS:-$model-$quant} " == *" $model-$quant "* ]] || continue
        if [ "$model" = demo ]; then
            bundle=$(demo_bundle "$quant") || exit 1
        else
            bundle=$(tiny_bundle "$model" "$quant") || exit 1
        fi
        bundle_is "$model $quant" "$bundle"
        rows=$((rows + 2))
    done
done

if [ -z "${ANSWER_ROWS:-}" ]; then
    case_is "every golden row was judged"
    expect [ "$(wc -l <"$GOLDEN")" -eq "$rows" ]
fi

finish
