#!/bin/bash
# cli_receipt.sh - receipts: what is written and signed, by whom, what is left behind when nothing is; that they replay as equal, and that whatever
# was changed is named.
. "$(dirname "$0")/cli.sh"

bundle=$(demo_bundle w4) || exit 1
other=$(demo_bundle w8) || exit 1
question="Wer bist du?"

run() {
    "$CLOISTER" run "$bundle" --trust "$TRUST" -p "$question" "$@"
}

replay() {
    local receipt=$1
    shift
    "$CLOISTER" replay "$receipt" "$bundle" --trust "$TRUST" "$@"
}

# change FILTER: the receipt with a value changed, in $SCRATCH/changed.
change() {
    jq -c "$1" <"$SCRATCH/drawn" >"$SCRATCH/changed"
}

# Nobody's temporary files are left in the scratch folder.
nothing_is_left() {
    find "$SCRATCH" -name '*.new'
}

case_is "a receipt replays as equal, greedy or drawn, with any threads and instruction set"
expect_exit 0 run --receipt "$SCRATCH/greedy"
expect_stdout "Ich bin das Demomodell von Cloister. Ich kenne die Mitgliedstaaten und einige Redewendungen."
expect_no_stderr
expect_exit 0 run --receipt "$SCRATCH/drawn" --temp 3 --seed 2 -n 40 --repeat-penalty 1.2 --top-p 0.95
for receipt in greedy drawn; do
    expect_exit 0 replay "$SCRATCH/$receipt" -p "$question"
    expect_stdout_has "equal: "
    expect_exit 0 replay "$SCRATCH/$receipt" -p "$question" --isa portable -t 1
    expect_stdout_has "computed again on portable"
done
expect_silence nothing_is_left

case_is "it says what an auditor asks"
needs jq
expect cp "$SCRATCH/drawn" "$OUT"
expect_json .receipt 1
expect_json .numerics '"n1"'
expect_json '.parameters | [.kv, .temperature, .seed, .top_k]' '["bf16",3,2,0]'
expect_json '.output.tokens | length' 40
expect_json .bundle.digest "\"$(b2sum -l 256 "$bundle/manifest.json" | cut -d' ' -f1)\""
expect_json .prompt.tokens null
expect_json '.prompt.form' '"chat"'

case_is "its digests can be made with stock tools"
needs jq b2sum
terms=$(jq -j '"cloister receipt 1\nprogram \(.program)\nnumerics \(.numerics)\nisa \(.isa)\nthreads \(.threads)\nbundle \(.bundle.name)\n",
    "version \(.bundle.version)\nmanifest \(.bundle.digest)\nparameters \(.parameters.digest)\n",
    "prompt \(.prompt.form) \(.prompt.count) \(.prompt.digest)\n"' "$SCRATCH/drawn" | b2sum -l 256 | cut -d' ' -f1)
expect [ "$terms" = "$(jq -r .terms "$SCRATCH/drawn")" ]

case_is "with the prompt's tokens it replays by itself; without, the prompt is asked for"
expect_exit 0 run --receipt "$SCRATCH/whole" --receipt-prompt
expect_exit 0 replay "$SCRATCH/whole" --json
expect_json '[.equal, .signed]' '[true,false]'
expect_exit 2 replay "$SCRATCH/greedy"
expect_stderr_line "give the prompt with -p or -f"
expect_exit 0 "$CLOISTER" run "$bundle" --trust "$TRUST" --raw -p "abc" -n 5 --receipt "$SCRATCH/raw"
expect_exit 0 replay "$SCRATCH/raw" -p abc

case_is "a changed token is named"
needs jq
change '.output.tokens[7] = 5'
expect_exit 3 replay "$SCRATCH/changed" -p "$question"
expect_stderr_line "$SCRATCH/changed: token 7 of the output differs"
expect_stderr_line "the receipt says 5"
change '.output.tokens |= .[:-1]'
expect_exit 3 replay "$SCRATCH/changed" -p "$question"
expect_stderr_line "their digest in the receipt is another"
change '.output.tokens[0] = 4000000000'
expect_exit 3 replay "$SCRATCH/changed" -p "$question"
expect_stderr_line "not in the bundle's vocabulary"

case_is "a changed parameter is named, and so is the digest of the logits"
needs jq
change '.parameters.seed = 12'
expect_exit 3 replay "$SCRATCH/changed" -p "$question"
expect_stderr_line "$SCRATCH/changed: its parameters are not those that it was made with"
change '.logits = .terms'
expect_exit 3 replay "$SCRATCH/changed" -p "$question"
expect_stderr_line "the digest of their logits in the receipt is another"
change '.threads = 7'
expect_exit 3 replay "$SCRATCH/changed" -p "$question"
expect_stderr_line "its terms are others"

case_is "another prompt, another bundle, and a changed byte of the bundle are named"
expect_exit 3 replay "$SCRATCH/drawn" -p "Wer bist Du?"
expect_stderr_line "made with another prompt"
expect_exit 3 "$CLOISTER" replay "$SCRATCH/drawn" "$other" --trust "$TRUST" -p "$question"
expect_stderr_line "$other: another bundle: "
broken=$(copy_bundle "$bundle") || exit 1
printf '\377' | dd of="$broken/weights-00001-of-00001.bin" bs=1 seek=70000 conv=notrunc status=none
expect_exit 3 "$CLOISTER" replay "$SCRATCH/drawn" "$broken" --trust "$TRUST" -p "$question"
expect_stderr_line "weights-00001-of-00001.bin: "

case_is "a receipt is signed with the site's key, which minisign verifies"
expect_exit 0 "$PACK" keygen -W -p "$SCRATCH/site.pub" -s "$SCRATCH/site.key"
expect_exit 0 run --receipt "$SCRATCH/signed" --receipt-prompt --site-key "$SCRATCH/site.key"
expect_exit 0 replay "$SCRATCH/signed" --signer "$SCRATCH/site.pub" --json
expect_json '[.equal, .signed]' '[true,true]'
needs minisign
expect_exit 0 minisign -Vm "$SCRATCH/signed" -p "$SCRATCH/site.pub"
expect_stdout_has "file:signed"

case_is "a signed receipt that was changed, or is not signed, is refused"
expect cp "$SCRATCH/signed.minisig" "$SCRATCH/changed.minisig"
sed 's/"seed":0/"seed":1/' "$SCRATCH/signed" >"$SCRATCH/changed"
expect_exit 3 replay "$SCRATCH/changed" --signer "$SCRATCH/site.pub"
expect_stderr_line "not a signature of $SCRATCH/changed"
expect_exit 1 replay "$SCRATCH/whole" --signer "$SCRATCH/site.pub"
expect_stderr_line "whole.minisig: no such file"

case_is "the password of a protected key is asked for"
printf 'secret\nsecret\n' >"$SCRATCH/passwords"
INPUT=$SCRATCH/passwords
expect_exit 0 "$PACK" keygen -p "$SCRATCH/locked.pub" -s "$SCRATCH/locked.key"
expect_exit 0 run --receipt "$SCRATCH/locked" --receipt-prompt --site-key "$SCRATCH/locked.key"
expect_exit 0 replay "$SCRATCH/locked" --signer "$SCRATCH/locked.pub"
printf 'wrong\n' >"$SCRATCH/passwords"
expect_exit 1 run --receipt "$SCRATCH/wrong" --site-key "$SCRATCH/locked.key"
expect_stderr_line "the password does not open it"
INPUT=/dev/null

case_is "who signs bundles does not sign receipts"
expect_exit 3 run --receipt "$SCRATCH/publisher" --site-key "$SECRET"
expect_stderr_line "this key signs bundles here"

case_is "what is there is never overwritten, and a failure leaves nothing"
cp "$SCRATCH/greedy" "$SCRATCH/before"
expect_exit 2 run --receipt "$SCRATCH/greedy"
expect_stderr_line "exists, and is never overwritten"
expect cmp "$SCRATCH/greedy" "$SCRATCH/before"
expect_exit 1 run --receipt "$SCRATCH/nowhere/receipt"
expect_stderr_line "$SCRATCH/nowhere/receipt: cannot be written"
expect_exit 3 "$CLOISTER" run "$broken" --trust "$TRUST" -p "$question" --receipt "$SCRATCH/none" --site-key "$SCRATCH/site.key"
expect [ ! -e "$SCRATCH/none" ]
expect [ ! -e "$SCRATCH/publisher" ]
expect [ ! -e "$SCRATCH/wrong" ]
expect_silence nothing_is_left

case_is "killed amid an answer, the program leaves nothing"
"$CLOISTER" run "$bundle" --trust "$TRUST" -p "$question" --temp 5 --repeat-penalty 3 --receipt "$SCRATCH/killed" >/dev/null 2>&1 &
for ((i = 0; i < 100; i++)); do
    [ -z "$(nothing_is_left)" ] || break
    sleep 0.02
done
expect_output nothing_is_left
kill -KILL $! && wait $! 2>/dev/null
for ((i = 0; i < 100; i++)); do
    [ -n "$(nothing_is_left)" ] || break
    sleep 0.02
done
expect_silence nothing_is_left
expect [ ! -e "$SCRATCH/killed" ]

case_is "wrong usage"
for words in "--receipt-prompt" "--site-key $SCRATCH/site.key"; do
    # shellcheck disable=SC2086 # words
    expect_exit 2 run $words
    expect_stderr_line "needs --receipt FILE"
done
expect_exit 2 "$CLOISTER" run "$bundle" --trust "$TRUST" --receipt "$SCRATCH/chat"
expect_stderr_line "--receipt needs a prompt"
expect_exit 2 "$CLOISTER" replay "$SCRATCH/greedy"
expect_stderr_line "give a receipt and the bundle"
expect_exit 1 replay "$SCRATCH/absent" -p x
expect_stderr_line "absent: no such file"
printf '{"receipt":1' >"$SCRATCH/half"
expect_exit 3 replay "$SCRATCH/half" -p x
expect_stderr_line "half: not a receipt"

finish
