#!/bin/bash
# cli_minisign.sh - keys and signatures are minisign's, both ways: what we make Debian's minisign accepts, and what it makes
# we accept, but for its legacy signatures.
. "$(dirname "$0")/cli.sh"

bundle=$(golden_bundle qwen3-moe w4) || exit 1
signature=$(printf '%s\n' "$bundle"/manifest.json.*.minisig)

# The key number in a .pub file, as it is in the name of a signature.
key_id() {
    sed -n '1s/.* //p' "$1"
}

# trusting KEY: a trust directory with that key alone
trusting() {
    mkdir -p "$SCRATCH/trust.$(basename "$1")"
    cp "$1" "$SCRATCH/trust.$(basename "$1")/"
    echo "$SCRATCH/trust.$(basename "$1")"
}

case_is "minisign accepts our signature of the manifest"
needs minisign
expect_exit 0 minisign -Vm "$bundle/manifest.json" -x "$signature" -p "$TRUST/test.pub"

case_is "and not of a changed one"
needs minisign
{ cat "$bundle/manifest.json"; echo; } >"$SCRATCH/changed.json"
expect_exit 1 minisign -Vm "$SCRATCH/changed.json" -x "$signature" -p "$TRUST/test.pub"

case_is "a key of minisign signs with cloister-pack"
needs minisign
expect_exit 0 minisign -G -W -p "$SCRATCH/theirs.pub" -s "$SCRATCH/theirs.sec"
copy=$(copy_bundle "$bundle")
expect_exit 0 "$PACK" sign "$copy" -s "$SCRATCH/theirs.sec" -t "signed with their key"
expect_exit 0 minisign -Vm "$copy/manifest.json" -x "$copy/manifest.json.$(key_id "$SCRATCH/theirs.pub").minisig" -p "$SCRATCH/theirs.pub"
expect_stdout_has "Trusted comment: signed with their key"
expect_exit 0 "$CLOISTER" verify "$copy" --trust "$(trusting "$SCRATCH/theirs.pub")"

case_is "a key and a signature of minisign"
needs minisign
copy=$(copy_bundle "$bundle")
rm "$copy"/*.minisig
theirs=$copy/manifest.json.$(key_id "$SCRATCH/theirs.pub").minisig
expect_exit 0 minisign -Sm "$copy/manifest.json" -x "$theirs" -s "$SCRATCH/theirs.sec"
expect_exit 0 "$CLOISTER" verify "$copy" --trust "$(trusting "$SCRATCH/theirs.pub")"
expect_exit 3 "$CLOISTER" verify "$copy" --trust "$TRUST"

case_is "a key of cloister-pack signs with minisign"
needs minisign
copy=$(copy_bundle "$bundle")
rm "$copy"/*.minisig
expect_exit 0 minisign -Sm "$copy/manifest.json" -x "$copy/$(basename "$signature")" -s "$SECRET"
expect_exit 0 "$CLOISTER" verify "$copy" --trust "$TRUST"

case_is "a legacy signature is refused, and the line says so"
needs minisign
rm -f "$copy"/*.minisig
expect_exit 0 minisign -S -l -m "$copy/manifest.json" -x "$copy/$(basename "$signature")" -s "$SECRET"
expect_exit 3 "$CLOISTER" verify "$copy" --trust "$TRUST"
expect_stderr_line "legacy"

finish
