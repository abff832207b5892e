#!/bin/bash
# cli_one_answer.sh - an answer has one digest, however and wherever it is computed. A row is a model, a quantisation and a temperature, of a prompt
# of 512 tokens and an answer of 128: the demo model, and a tiny one of each architecture with random weights, which proves arithmetic only. For
# each row make_digests goes through threads, prompt chunks, neighbours, cached beginnings and instruction sets, and all must give the digest that
# stands in golden/answers.tsv, where another machine put it. `V=1 tests/run.sh BUILD cli_one_answer` prints the rows as they stand there.
. "$(dirname "$0")/cli.sh"

GOLDEN=$TESTS/golden/answers.tsv
DIGESTS=$CLOISTER_BUILD/tests/make_digests
TINY="llama mistral mixtral qwen3 qwen3_moe"
ALL_ISAS=(portable avx2 avx512 vnni amx)

# tiny_bundle ARCHITECTURE QUANT: 96 and 160 are no multiples of what kernels take at once.
tiny_bundle() {
    local model=$SCRATCH/tiny/$1
    if [ ! -e "$model" ]; then
        mkdir -p "$SCRATCH/tiny"
        "$CLOISTER_BUILD/tests/make_synthetic" "$model" --arch "$1" --hidden 96 --inner 160 --layers 2 --heads 6 --kv-heads 2 --head-dim 24 \
            --experts 6 --top-k 2 --expert-inner 80 --vocab 300 --context 1024 --seed 3 >/dev/null || return
    fi
    "$TESTS/bundle.sh" "$model" "$2"
}

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

# judge FILE LINES: FILE has so many lines of make_digests for each row, and each row one digest, which is the golden one.
judge() {
    local model quant temperature digest
    while read -r model quant temperature; do
        mapfile -t digest < <(awk -v m="$model" -v q="$quant" -v t="$temperature" '$1 == m && $2 == q && $3 == t { print $NF }' "$1" | sort -u)
        printf '     %s\t%s\t%s\t%s\n' "$model" "$quant" "$temperature" "${digest[*]}"
        expect [ "${#digest[@]}" -eq 1 ]
        expect grep -qxF "$model"$'\t'"$quant"$'\t'"$temperature"$'\t'"${digest[0]}" "$GOLDEN"
    done < <(awk '{ print $1, $2, $3 }' "$1" | sort -u)
    expect [ "$(wc -l <"$1")" -eq "$2" ]
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
        expect_exit 0 "$DIGESTS" --isa "$others" --few "$TRUST" "$2"
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
