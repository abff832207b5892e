#!/bin/bash
# cli_commands.sh - the commands of `cloister`, their output and their exit codes.
. "$(dirname "$0")/cli.sh"

demo=$(demo_bundle w8) || exit 1
tiny=$(golden_bundle llama-v4 w8) || exit 1

# cloister COMMAND ARGUMENTS… with the trust of this run
cloister() {
    local command=$1
    shift
    "$CLOISTER" "$command" "$@" --trust "$TRUST"
}

# ask BUNDLE OPTIONS…: the tokens of an answer to a raw prompt
ask() {
    local bundle=$1
    shift
    cloister run "$bundle" --raw --json -n 24 -p "one, two, three" "$@"
}

case_is "help is on stdout and no error"
expect_exit 0 "$CLOISTER" --help
expect_stdout_has "usage: cloister COMMAND"
expect_no_stderr
for command in verify inspect run logits tokenize topo doctor; do
    expect_exit 0 "$CLOISTER" "$command" --help
    expect_stdout_has "usage: cloister $command"
    expect_no_stderr
done

case_is "wrong usage: exit code 2, one line, nothing on stdout"
for words in "" "nonsense" "verify" "verify --nonsense $tiny" "verify $tiny $tiny" "logits $tiny" "run $tiny -p a -f b" \
    "run $tiny --raw" "run $tiny -p a --temp warm" "run $tiny -p a -n -1" "run $tiny -p a --kv f16" "logits $tiny --tokens 1,,2" \
    "logits $tiny --tokens 300 --trust $TRUST" "run $tiny -p a -t 100000" "topo extra" "verify $SCRATCH/missing --trust $TRUST"; do
    # shellcheck disable=SC2086 # words
    expect_exit 2 "$CLOISTER" $words
    expect_stderr_line "cloister: "
    expect [ ! -s "$OUT" ]
done

case_is "inspect says what the model is"
expect_exit 0 cloister inspect "$demo"
expect_stdout_has "version 1, w8, numerics n1"
expect_stdout_has "model qwen3_moe: "
expect_stdout_has "8 experts, 2 at a time, inner 96, silu"
expect_exit 0 cloister inspect "$demo" --json
expect_json .architecture '"qwen3_moe"'
expect_json '[.files[].role] | sort' '["chunks","generation","template","tokenizer","tokenizer_config","weights"]'

case_is "inspect --b2sums is what b2sum reads"
needs b2sum
expect_exit 0 cloister inspect "$demo" --b2sums
cp "$OUT" "$SCRATCH/sums"
expect_exit 0 env -C "$demo" b2sum -l 256 -c "$SCRATCH/sums"

case_is "run prints the answer and a line's end, the speed on stderr"
expect_exit 0 cloister run "$demo" -p "Malta: what is the capital?"
expect_stdout "Valletta"
expect_exit 0 cloister run "$demo" -p "Malta: what is the capital?" --json
expect_json .text '"Valletta"'
expect_json .finish '"stop"'
expect_json '[.timings.load_s, .timings.prefill_s, .timings.decode_s] | map(type)' '["number","number","number"]'
expect_json '.prompt_tokens > 0 and (.tokens | length > 0)' true
expect_no_stderr

case_is "a prompt from a file, and from standard input"
printf 'Malta: what is the capital?' >"$SCRATCH/question"
expect_exit 0 cloister run "$demo" -f "$SCRATCH/question"
expect_stdout "Valletta"
INPUT=$SCRATCH/question
expect_exit 0 cloister run "$demo" -f -
expect_stdout "Valletta"
INPUT=/dev/null

case_is "a chat through a pipe answers line by line"
printf 'Malta: what is the capital?\n/new\nFrance: what is the capital?\n' >"$SCRATCH/questions"
INPUT=$SCRATCH/questions
expect_exit 0 cloister run "$demo"
expect_stdout $'Valletta\nParis'
INPUT=/dev/null

case_is "--stop ends the answer before its text"
expect_exit 0 cloister run "$demo" -p "Malta: what is the capital?" --stop etta
expect_stdout "Vall"

case_is "the same seed gives the same answer, another seed another one"
expect_exit 0 ask "$tiny" --temp 1 --seed 5
expect cp "$OUT" "$SCRATCH/first"
expect_exit 0 ask "$tiny" --temp 1 --seed 5
needs jq
tokens_of() { jq -c .tokens "$1"; }
expect [ "$(tokens_of "$OUT")" = "$(tokens_of "$SCRATCH/first")" ]
expect_exit 0 ask "$tiny" --temp 1 --seed 6
expect [ "$(tokens_of "$OUT")" != "$(tokens_of "$SCRATCH/first")" ]

case_is "the logits do not depend on the number of workers"
[ "$(nproc)" -ge 2 ] || skip "one core only"
ids=$(seq -s, 3 99)
expect_exit 0 cloister logits "$tiny" --json --all --tokens "$ids" -t 1
expect cp "$OUT" "$SCRATCH/one"
expect_exit 0 cloister logits "$tiny" --json --all --tokens "$ids" -t 2
expect cmp "$OUT" "$SCRATCH/one"

case_is "logits: one row, or one for each token"
expect_exit 0 cloister logits "$tiny" --json --tokens 5,6,7
expect_json '.logits | length' 300
needs jq && last=$(jq -c .logits "$OUT")
expect_exit 0 cloister logits "$tiny" --json --all --tokens 5,6,7
expect_json '.logits | map(length)' '[300,300,300]'
expect_json '.logits[2]' "${last:-}"

case_is "tokenize and back"
text='Žluťoučký kůň, 日本語 and 🙂'
expect_exit 0 cloister tokenize "$demo" "$text" --json
needs jq && ids=$(jq -r '.ids | map(tostring) | join(",")' "$OUT")
expect_exit 0 cloister tokenize "$demo" --decode "$ids"
expect_stdout "$text"

case_is "a bundle without a template says so, with --raw it runs"
expect_exit 4 cloister run "$tiny" -p hello
expect_stderr_line "--raw"
expect_exit 0 cloister run "$tiny" --raw -p hello -n 3

case_is "a prompt longer than the context is refused"
expect_exit 5 cloister run "$demo" --ctx 64 -p "$(printf 'Malta %.0s' {1..200})"
expect_stderr_line "--ctx"

case_is "doctor and topo speak JSON"
expect_exit 0 "$CLOISTER" topo --json
expect_json '.workers | length == ([.[].cpu] | unique | length) and length > 0' true
"$CLOISTER" doctor --json >"$OUT"
expect_json '.findings | length > 5' true

finish
