#!/bin/bash
# answers.sh - what is asked in order to see that an answer has one digest, and the judgement. A row is a model, a quantisation and a temperature, of
# a prompt of 512 tokens and an answer of 128: the demo model, and a tiny one of each architecture with random weights, which proves arithmetic
# only. Its digest stands in golden/answers.tsv, where another machine put it. Sourced after cli.sh.
#
#   tiny_bundle ARCHITECTURE QUANT   prints the path of its bundle, as demo_bundle does
#   judge FILE LINES                 FILE holds so many lines of make_digests, and every row in it has one digest, the golden one

GOLDEN=$TESTS/golden/answers.tsv
DIGESTS=$CLOISTER_BUILD/tests/make_digests
TINY="llama mistral mixtral qwen3 qwen3_moe"

# 96 and 160 are no multiples of what kernels take at once. The seed keeps llama and mistral apart, which compute alike.
tiny_bundle() {
    local model=$SCRATCH/tiny/$1
    if [ ! -e "$model" ]; then
        mkdir -p "$SCRATCH/tiny"
        "$CLOISTER_BUILD/tests/make_synthetic" "$model" --arch "$1" --hidden 96 --inner 160 --layers 2 --heads 6 --kv-heads 2 --head-dim 24 \
            --experts 6 --top-k 2 --expert-inner 80 --vocab 300 --context 1024 --seed "${#1}" >/dev/null || return
    fi
    "$TESTS/bundle.sh" "$model" "$2"
}

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
