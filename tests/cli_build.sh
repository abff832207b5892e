#!/bin/bash
# cli_build.sh - what kind of file `cloister` is: static, without an interpreter, able to run in an empty room, and
# without the code that makes keys and bundles.
. "$(dirname "$0")/cli.sh"

# Names of functions in the program $1 that make a key or write one.
key_functions() {
    nm --defined-only "$1" | awk '{ print $3 }' | grep -E '^(cr_secret_key_(generate|print)|cr_public_key_print|crypto_sign(_ed25519)?_keypair)(\..*)?$'
}

interpreters_and_needs() {
    readelf -lW "$1" | grep -w INTERP
    readelf -dW "$1" | grep -w NEEDED
}

musl_build_only() {
    if sanitized; then
        skip "sanitizer build is dynamic"
    fi
}

case_is "both programs are static-pie: no interpreter, no library needed"
needs readelf
musl_build_only
for program in "$CLOISTER" "$PACK"; do
    expect_silence interpreters_and_needs "$program"
    expect_exit 0 readelf -hW "$program"
    expect_stdout_has "DYN (Position-Independent Executable file)"
done

case_is "no segment of them is writable and executable, and no stack"
needs readelf
for program in "$CLOISTER" "$PACK"; do
    expect_exit 0 readelf -lW "$program"
    expect_stdout_has "GNU_STACK"
    expect_silence grep -E ' RWE ' "$OUT"
done

case_is "a dynamic program would be noticed"
needs readelf
expect_output interpreters_and_needs "$(command -v readelf)"

case_is "cloister makes no keys: none of the functions is in it, and it signs receipts only"
needs nm
musl_build_only
expect_silence key_functions "$CLOISTER"
expect_exit 2 "$CLOISTER" sign x
expect_exit 2 "$CLOISTER" keygen

case_is "the same look finds them in cloister-pack, and finds verification in cloister"
needs nm
expect_output key_functions "$PACK"
expect_exit 0 nm --defined-only "$CLOISTER"
expect_stdout_has "cr_manifest_verify"

case_is "it verifies and answers in an empty room with an empty environment"
musl_build_only
bundle=$(golden_bundle qwen3-moe w4) || exit 1
room=$SCRATCH/room
mkdir "$room"
cp "$CLOISTER" "$room/cloister"
cp -r "$bundle" "$room/bundle"
cp -r "$TRUST" "$room/trust"
chroot=$(PATH=$PATH:/usr/sbin:/sbin command -v chroot)
in_room=(env -i "$chroot" "$room")
if [ "$(id -u)" -ne 0 ]; then
    in_room=(env -i "$(command -v unshare)" -r "$chroot" "$room")
    unshare -r true 2>/dev/null || skip "not root, and no user namespaces for chroot"
fi
expect_exit 0 "$CLOISTER" logits "$bundle" --trust "$TRUST" --json --tokens 5,6,7
expect cp "$OUT" "$SCRATCH/outside"
expect_exit 0 "${in_room[@]}" /cloister verify /bundle --trust /trust
expect_exit 0 "${in_room[@]}" /cloister logits /bundle --trust /trust --json --tokens 5,6,7
expect cmp "$OUT" "$SCRATCH/outside"

finish
