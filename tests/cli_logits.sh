#!/bin/bash
# cli_logits.sh - what auditors and other programs ask: logits, tokens and the description of a bundle.
. "$(dirname "$0")/cli.sh"

demo=$(demo_bundle w8) || exit 1
tiny=$(golden_bundle llama-v4 w8) || exit 1

logits() {
    "$CLOISTER" logits "$tiny" --trust "$TRUST" "$@"
}

case_is "one row, or one for each token"
needs jq
expect_exit 0 logits --json --tokens 5,6,7
expect_json '.logits | length' 300
last=$(jq -c .logits "$OUT" 2>/dev/null)
expect_exit 0 logits --json --all --tokens 5,6,7
expect_json '.logits | map(length)' '[300,300,300]'
expect_json '.logits[2]' "$last"

case_is "the same bits with one worker and with two"
[ "$(nproc)" -ge 2 ] || skip "one core only"
ids=$(seq -s, 3 99)
expect_exit 0 logits --json --all --tokens "$ids" -t 1
expect cp "$OUT" "$SCRATCH/one"
expect_exit 0 logits --json --all --tokens "$ids" -t 2
expect cmp "$OUT" "$SCRATCH/one"

case_is "every golden model gives the same bits in plain C"
for model in "$TESTS"/golden/models/*; do
    for quant in w4 bf16; do
        golden=$(golden_bundle "$(basename "$model")" "$quant") || exit 1
        expect_exit 0 "$CLOISTER" logits "$golden" --trust "$TRUST" --json --all --tokens "$ids"
        expect cp "$OUT" "$SCRATCH/best"
        expect_exit 0 "$CLOISTER" logits "$golden" --trust "$TRUST" --json --all --tokens "$ids" --isa portable
        expect cmp "$OUT" "$SCRATCH/best"
    done
done

case_is "an instruction set that this processor lacks, or that there is not, is refused"
if grep -qw amx_int8 /proc/cpuinfo; then
    skip "this processor has all"
fi
expect_exit 4 logits --tokens 1 --isa amx
expect_stderr_line "--isa amx: this processor has "
expect_exit 2 logits --tokens 1 --isa sse9
expect_stderr_line "--isa sse9: it is one of portable|avx2|avx512|vnni|amx"

case_is "for people: the likeliest tokens and their texts"
expect_exit 0 logits --tokens 5,6,7
expect_stdout_has "position 2"
expect [ "$(wc -l <"$OUT")" -eq 11 ]

case_is "wrong usage: exit code 2, one line, nothing on stdout"
for words in "" "--tokens 1,,2" "--tokens 300" "--tokens 1 --kv f16" "--tokens 1 -t 100000" "--tokens x" "--tokens 1 --nonsense"; do
    # shellcheck disable=SC2086 # words
    expect_exit 2 logits $words
    expect_stderr_line "cloister: logits: "
    expect [ ! -s "$OUT" ]
done

case_is "more tokens than the context is refused"
expect_exit 2 logits --tokens "$(printf '5,%.0s' {1..512})5"
expect_stderr_line "512"

case_is "tokenize and back"
needs jq
text='Žluťoučký kůň, 日本語 and 🙂'
expect_exit 0 "$CLOISTER" tokenize "$demo" "$text" --trust "$TRUST" --json
ids=$(jq -r '.ids | map(tostring) | join(",")' "$OUT" 2>/dev/null)
expect_exit 0 "$CLOISTER" tokenize "$demo" --decode "$ids" --trust "$TRUST"
expect_stdout "$text"

case_is "inspect says what the model is"
expect_exit 0 "$CLOISTER" inspect "$demo" --trust "$TRUST"
expect_stdout_has "version 1, w8, numerics n1"
expect_stdout_has "model qwen3_moe: "
expect_stdout_has "8 experts, 2 at a time, inner 96, silu"
expect_exit 0 "$CLOISTER" inspect "$demo" --trust "$TRUST" --json
expect_json .architecture '"qwen3_moe"'
expect_json '[.files[].role] | sort' '["chunks","generation","template","tokenizer","tokenizer_config","weights"]'

finish
