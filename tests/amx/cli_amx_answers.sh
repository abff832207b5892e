#!/bin/bash
# cli_amx_answers.sh - answers on processors with AVX-512, VNNI and AMX have the golden digests, and a receipt made on one is equal on the others. What
# this processor lacks is emulated (processors.sh); there some rows are asked for, and with CLOISTER_BIG=1 all of them, which takes
# a quarter of an hour.
. "$(dirname "$0")/../cli.sh"
. "$(dirname "$0")/../answers.sh"
. "$(dirname "$0")/processors.sh"

ROWS="qwen3_moe-w4 llama-w8 mixtral-bf16"
[ -z "${CLOISTER_BIG:-}" ] || ROWS=all GUEST_SECONDS=3000
QUESTION='Wer bist du?'
ASK=(--trust trust -p "$QUESTION" --temp 0.8 --seed 5)

# Every row's bundle, or those of ROWS; the receipts' bundle comes first.
prepare() {
    local quant model bundle
    bundle=$(demo_bundle w4) || exit 1
    mkdir "$DATA" && cp -r "$TRUST" "$bundle" "$CLOISTER" "$CLOISTER_BUILD/tests/make_digests" "$CLOISTER_BUILD/tests/make_receipt" "$DATA" || exit 1
    demo=$(basename "$bundle")
    for quant in w8 w4 bf16; do
        for model in demo $TINY; do
            [ "$ROWS" = all ] || [[ " $ROWS " == *" $model-$quant "* ]] || continue
            if [ "$model" = demo ]; then
                bundle=$(demo_bundle "$quant") || exit 1
            else
                bundle=$(tiny_bundle "$model" "$quant") || exit 1
            fi
            [ -e "$DATA/$(basename "$bundle")" ] || cp -r "$bundle" "$DATA"
            rows+=("$(basename "$bundle")")
        done
    done
}

# make_receipt ISA: asks there, and leaves the receipt in $SCRATCH/receipt.ISA.out. replay_on RECEIPT ISA: computes it again.
make_receipt() {
    begin receipt "$1" ./make_receipt answer ./cloister run "$demo" "${ASK[@]}" --receipt answer --receipt-prompt
}

replay_on() {
    begin "replay-$1" "$2" ./cloister replay "$1.json" "$demo" --trust trust
}

rows=()
if [ ${#free[@]} -gt 0 ]; then
    prepare
    for isa in "${free[@]}"; do
        make_receipt "$isa"
        for row in "${rows[@]}"; do
            begin "digests-$row" "$isa" ./make_digests --ways 1 trust "$row"
        done
    done
    [ -e "$SCRATCH/receipt.$HERE.out" ] || make_receipt "$HERE"
    wait
    for isa in "$HERE" "${free[@]}"; do
        cp "$SCRATCH/receipt.$isa.out" "$DATA/$isa.json"
    done
    for isa in "${free[@]}"; do
        [ "$isa" = "$HERE" ] || replay_on "$HERE" "$isa"
        [ "$isa" = "$HERE" ] || replay_on "$isa" "$HERE"
    done
    case $HERE in vnni | amx) ;; *) replay_on vnni amx ;; esac # which the loop has not begun
    wait
fi

for isa in "${ISAS[@]}"; do
    if case_on "$isa" "${#rows[@]} bundles have their golden digests"; then
        cat "$SCRATCH"/digests-*."$isa".out >"$SCRATCH/rows"
        expect [ "$(grep -c " isa=$isa " "$SCRATCH/rows")" -eq $((2 * ${#rows[@]})) ]
        judge "$SCRATCH/rows" $((2 * ${#rows[@]}))
    fi
    if [ "$isa" != "$HERE" ] && case_on "$isa" "a receipt made with $HERE is equal"; then
        expect_ended "replay-$HERE" "$isa"
        expect grep -q "^equal: .* on $HERE, computed again on $isa$" "$SCRATCH/replay-$HERE.$isa.out"
    fi
    if [ "$isa" != "$HERE" ] && case_on "$isa" "a receipt made there is equal with $HERE, made"; then
        expect_ended "replay-$isa" "$HERE"
        expect grep -q "^equal: .* on $isa, computed again on $HERE$" "$SCRATCH/replay-$isa.$HERE.out"
    fi
done
if case_on amx "a receipt made with vnni is equal"; then
    expect_ended replay-vnni amx
    expect grep -q "^equal: .* on vnni, computed again on amx$" "$SCRATCH/replay-vnni.amx.out"
fi

finish
