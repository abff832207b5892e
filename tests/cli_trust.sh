#!/bin/bash
# cli_trust.sh - what `cloister` refuses: every way to change a bundle or its signatures, each with exit code 3 and one line that
# names the file; that a refusal over a signature has read nothing else; and that keys and signatures are minisign's.
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/cli.sh"

good=$(demo_bundle w4) || exit 1
verify() { "$CLOISTER" verify "$1" --trust "${2:-$TRUST}"; }
signature_of() { basename "$1"/manifest.json.*.minisig; }

# flip FILE OFFSET [MASK]: exchanges bits of one byte
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf '%b' "\\x$(printf %02x $((byte ^ ${3:-1})))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# refused BUNDLE TEXT [TRUST]: exit code 3, TEXT in the one line on stderr, nothing on stdout
refused() {
    expect_exit 3 "$CLOISTER" verify "$1" --trust "${3:-$TRUST}"
    expect_stderr_line "$2"
    expect [ ! -s "$OUT" ]
}

# ---- a good bundle ----

case_is "a signed bundle is good, and says who signed it"
expect_exit 0 verify "$good"
expect_stdout_has "signed by"
expect_stdout_has " version 1: 6 files, "
expect_no_stderr

case_is "verify --json"
expect_exit 0 "$CLOISTER" verify "$good" --trust "$TRUST" --json
expect_json '[.ok, .version, .files, (.signers | length), .signers[0].trusted]' '[true,1,6,1,true]'
expect_json .name "$(jq -c .name "$good/manifest.json" 2>&1)"
expect_json .bytes "$(cd "$good" && cat ./*.bin token* chat* gen* | wc -c)"
expect_json .manifest_blake2b "\"$(b2sum -l 256 "$good/manifest.json" | cut -d' ' -f1)\""
expect_json .signers[0].key_id "\"$(signature_of "$good" | cut -d. -f3)\""

case_is "a bundle may be named through a symbolic link"
ln -s "$good" "$SCRATCH/link"
expect_exit 0 verify "$SCRATCH/link"

case_is "inspect --b2sums suits b2sum"
expect_exit 0 "$CLOISTER" inspect "$good" --trust "$TRUST" --b2sums
cp "$OUT" "$SCRATCH/sums"
expect [ "$(wc -l <"$SCRATCH/sums")" -eq "$(find "$good" -type f ! -name 'manifest.json*' | wc -l)" ]
expect env -C "$good" b2sum --quiet -l 256 -c "$SCRATCH/sums"

case_is "inspect of both programs shows the same"
expect_exit 0 "$CLOISTER" inspect "$good" --trust "$TRUST"
expect_stdout_has "4 heads of 32"
cp "$OUT" "$SCRATCH/text"
expect_exit 0 "$PACK" inspect "$good" --trust "$TRUST"
expect cmp "$OUT" "$SCRATCH/text"
expect_exit 0 "$CLOISTER" inspect "$good" --trust "$TRUST" --json
expect_json '[.numerics, .layers[0].first, .layers[0].last, .layers[0].blocks[1].kind]' '["n1",0,3,"moe"]'
expect_json '.tensors | map(.bytes) | add' "$(jq '[.tensors[].size] | add' "$good/manifest.json" 2>&1)"

# ---- bits ----

bundle=$(copy_bundle "$good")
for name in chunks.b2 tokenizer.json tokenizer_config.json chat_template.jinja generation.json weights-00001-of-00001.bin; do
    case_is "a flipped bit in $name"
    size=$(stat -c %s "$bundle/$name")
    for offset in 0 $((size / 7)) $((size / 3)) $((size / 2)) $((size * 5 / 6)) $((size - 1)); do
        flip "$bundle/$name" "$offset" $((1 << offset % 8))
        refused "$bundle" "$name"
        flip "$bundle/$name" "$offset" $((1 << offset % 8))
    done
    expect verify "$bundle"
done

case_is "a flipped bit in manifest.json"
size=$(stat -c %s "$bundle/manifest.json")
for ((offset = 0; offset < size; offset += size / 40)); do
    flip "$bundle/manifest.json" "$offset" $((1 << offset % 8))
    refused "$bundle" "manifest.json.$(signature_of "$bundle" | cut -d. -f3).minisig: the signature of a trusted key does not hold"
    flip "$bundle/manifest.json" "$offset" $((1 << offset % 8))
done
expect verify "$bundle"

case_is "a flipped bit in the signature file" # test_crypto flips each one
signature=$bundle/$(signature_of "$bundle")
size=$(stat -c %s "$signature")
for ((offset = 0; offset < size; offset += 5)); do
    flip "$signature" "$offset" $((1 << (offset * 3 + 7) % 8))
    refused "$bundle" "$(signature_of "$bundle"): "
    flip "$signature" "$offset" $((1 << (offset * 3 + 7) % 8))
done
expect verify "$bundle"

case_is "a program that would run the weights refuses them as well"
flip "$bundle/weights-00001-of-00001.bin" 1500000
expect_exit 3 "$CLOISTER" logits "$bundle" --trust "$TRUST" --tokens 1,2
expect_stderr_line "weights-00001-of-00001.bin: the 1 MiB from byte 1048576 on is not what was signed"
flip "$bundle/weights-00001-of-00001.bin" 1500000
flip "$bundle/tokenizer.json" 100
expect_exit 3 "$CLOISTER" logits "$bundle" --trust "$TRUST" --tokens 1,2
expect_stderr_line tokenizer.json
rm -rf "$bundle"

# ---- files ----

case_is "a file cut short, at its end and within"
for name in chunks.b2 tokenizer.json weights-00001-of-00001.bin; do
    bundle=$(copy_bundle "$good")
    truncate -s -1 "$bundle/$name"
    refused "$bundle" "$name"
    truncate -s 0 "$bundle/$name"
    refused "$bundle" "$name"
    rm -rf "$bundle"
done
bundle=$(copy_bundle "$good")
truncate -s -1 "$bundle/manifest.json"
refused "$bundle" "does not hold"
truncate -s 0 "$bundle/manifest.json"
refused "$bundle" "manifest.json"

case_is "a file with a byte more"
bundle=$(copy_bundle "$good")
for name in generation.json chunks.b2 weights-00001-of-00001.bin manifest.json "$(signature_of "$bundle")"; do
    printf x >>"$bundle/$name"
    case $name in
        manifest.json) refused "$bundle" "does not hold" ;;
        *) refused "$bundle" "$name: " ;;
    esac
    truncate -s -1 "$bundle/$name"
done

case_is "a file missing"
for path in "$good"/*; do
    bundle=$(copy_bundle "$good")
    rm "$bundle/${path##*/}"
    refused "$bundle" "$bundle"
    rm -rf "$bundle"
done

case_is "a file too many"
bundle=$(copy_bundle "$good")
for name in README weights-00002-of-00002.bin .hidden manifest.json.bak manifest.json.0123456789abcdef.minisig zzz; do
    touch "$bundle/$name"
    refused "$bundle" "$name"
    rm "$bundle/$name"
done
mkdir "$bundle/directory"
refused "$bundle" "directory: not part of the signed bundle; remove it"
rmdir "$bundle/directory"
expect verify "$bundle"

case_is "files and chunks exchanged"
mv "$bundle/tokenizer_config.json" "$bundle/x"
mv "$bundle/generation.json" "$bundle/tokenizer_config.json"
mv "$bundle/x" "$bundle/generation.json"
refused "$bundle" "json"
rm -rf "$bundle"
bundle=$(copy_bundle "$good")
dd if="$good/weights-00001-of-00001.bin" of="$bundle/weights-00001-of-00001.bin" bs=1M skip=1 count=1 conv=notrunc status=none
dd if="$good/weights-00001-of-00001.bin" of="$bundle/weights-00001-of-00001.bin" bs=1M seek=1 count=1 conv=notrunc status=none
refused "$bundle" "weights-00001-of-00001.bin: the 1 MiB from byte 0 on"

case_is "a link or a pipe instead of a file"
for path in "$good"/*; do
    bundle=$(copy_bundle "$good")
    ln -sf "$path" "$bundle/${path##*/}"
    refused "$bundle" "${path##*/}: a symbolic link"
    rm "$bundle/${path##*/}"
    mkfifo "$bundle/${path##*/}"
    refused "$bundle" "${path##*/}: not a regular file"
    rm -rf "$bundle"
done

case_is "no directory, or one that is no bundle"
expect_exit 2 verify "$SCRATCH/nothing"
expect_stderr_line "$SCRATCH/nothing"
mkdir "$SCRATCH/empty"
refused "$SCRATCH/empty" "not a bundle"

# ---- signers ----

mkdir "$SCRATCH/foreign" "$SCRATCH/both"
"$PACK" keygen -W -p "$SCRATCH/foreign/other.pub" -s "$SCRATCH/other.sec" >/dev/null || exit 1
cp "$SCRATCH/foreign/other.pub" "$TRUST"/*.pub "$SCRATCH/both"

case_is "a bundle without a signature says how to sign it"
bundle=$(copy_bundle "$good")
rm "$bundle"/*.minisig
refused "$bundle" "not signed"
expect_stderr_line "cloister-pack sign $bundle -s "

case_is "a key that is not trusted"
refused "$good" "signed by no trusted key, only by $(signature_of "$good" | cut -d. -f3)" "$SCRATCH/foreign"
rm -rf "$bundle"
bundle=$(copy_bundle "$good")
expect_exit 0 "$PACK" sign "$bundle" -s "$SCRATCH/other.sec"
expect_exit 0 verify "$bundle"
expect_stdout_has "a key that is not trusted here: ignored"
expect_exit 0 verify "$bundle" "$SCRATCH/foreign"
expect_exit 0 verify "$bundle" "$SCRATCH/both"

case_is "a second trusted signature that does not hold spoils the first"
other=$(demo_bundle w8) || exit 1
mkdir "$SCRATCH/w8" && cp -r "$other/." "$SCRATCH/w8"
expect_exit 0 "$PACK" sign "$SCRATCH/w8" -s "$SCRATCH/other.sec"
id=$(head -n 1 "$SCRATCH/foreign/other.pub" | grep -oE '[0-9A-F]{16}')
cp "$SCRATCH/w8/manifest.json.$id.minisig" "$bundle"
refused "$bundle" "manifest.json.$id.minisig: the signature of a trusted key does not hold" "$SCRATCH/both"
expect_exit 0 verify "$bundle"

case_is "the manifest of another bundle, with its own good signature"
cp "$other"/manifest.json* "$bundle"
rm "$bundle/manifest.json.$id.minisig"
refused "$bundle" "$bundle"
rm -rf "$bundle"

case_is "a signature under another key's name"
bundle=$(copy_bundle "$good")
mv "$bundle"/*.minisig "$bundle/manifest.json.$id.minisig"
refused "$bundle" "under another name"
rm -rf "$bundle"

case_is "a legacy signature" # from the fuzzer's seeds: a letter that names the parser, then what minisign wrote
bundle=$(copy_bundle "$good")
rm "$bundle"/*.minisig
mkdir "$SCRATCH/legacy"
tail -c +2 "$TESTS/corpus/keys/pub" >"$SCRATCH/legacy/sample.pub"
tail -c +2 "$TESTS/corpus/keys/legacy" >"$bundle/manifest.json.28237B8A388E631D.minisig"
refused "$bundle" "a legacy signature" "$SCRATCH/legacy"

case_is "an untrusted comment of one's own"
sed -i '1s/ minisign / my very own /' "$bundle"/*.minisig
refused "$bundle" "untrusted comment" "$SCRATCH/legacy"
rm -rf "$bundle"

case_is "trust stores that are missing, empty or hold something else"
refused "$good" "$SCRATCH/nowhere" "$SCRATCH/nowhere"
refused "$good" "no public key" "$SCRATCH/empty"
mkdir "$SCRATCH/odd"
cp "$TRUST"/*.pub "$SCRATCH/odd"
echo hello >"$SCRATCH/odd/notes.txt"
expect_exit 0 verify "$good" "$SCRATCH/odd"
echo hello >"$SCRATCH/odd/zz.pub"
refused "$good" "zz.pub: not a minisign public key" "$SCRATCH/odd"

case_is "errors as JSON are one line as well"
expect_exit 3 "$CLOISTER" verify "$good" --trust "$SCRATCH/foreign" --json
expect [ "$(wc -l <"$ERR")" -eq 1 ]
cp "$ERR" "$OUT"
expect_json '[.error.code, (.error.message | test("no trusted key"))]' '[3,true]'

# ---- what a refusal has read ----

# Names in the bundle's directory that a traced `verify BUNDLE [TRUST]` opened.
opened() {
    strace -f -qq -o "$SCRATCH/trace" -e trace=open,openat,openat2 "$CLOISTER" verify "$1" --trust "${2:-$TRUST}" >/dev/null 2>&1
    grep -oE '"[^"/]+"' "$SCRATCH/trace" | tr -d '"' | grep -vE '^\.$|\.pub$' | sort -u
}
# … that are neither the manifest nor a signature.
payload_opened() { opened "$@" | grep -vE '^manifest\.json(\.[0-9A-F]{16}\.minisig)?$'; }

case_is "before a signature holds, nothing but it and the manifest is opened"
if needs strace; then
    expect_output payload_opened "$good"
    expect_silence payload_opened "$good" "$SCRATCH/foreign"
    bundle=$(copy_bundle "$good")
    flip "$bundle/manifest.json" 77
    expect_output opened "$bundle"
    expect_silence payload_opened "$bundle"
    flip "$bundle/manifest.json" 77
    flip "$bundle/$(signature_of "$bundle")" 100
    expect_silence payload_opened "$bundle"
    rm "$bundle"/*.minisig
    expect_silence opened "$bundle"
fi

# ---- minisign ----

mkdir "$SCRATCH/minisign"
unsigned() {
    bundle=$(copy_bundle "$good") && rm "$bundle"/*.minisig
}

# minisign_sign SECRET ID [OPTION…] <PASSWORD
minisign_sign() {
    local secret=$1 id=$2
    shift 2
    minisign -S "$@" -s "$secret" -m "$bundle/manifest.json" -x "$bundle/manifest.json.$id.minisig" >/dev/null
}
id_of() { head -n 1 "$1" | grep -oE '[0-9A-F]{1,16}$'; } # without leading zeros: minisign shows none

case_is "minisign accepts our signature"
if needs minisign; then
    expect_exit 0 minisign -V -m "$good/manifest.json" -x "$good/$(signature_of "$good")" -p "$TRUST/test.pub"
    expect_stdout_has "file:manifest.json"
fi

case_is "a key of minisign -G -W signs, by minisign and by us"
if needs minisign; then
    minisign -G -W -p "$SCRATCH/minisign/a.pub" -s "$SCRATCH/a.sec" >/dev/null
    unsigned
    expect minisign_sign "$SCRATCH/a.sec" "$(id_of "$SCRATCH/minisign/a.pub")" -t "from minisign"
    expect_exit 0 verify "$bundle" "$SCRATCH/minisign"
    expect_stdout_has "from minisign"
    minisign_sign "$SCRATCH/a.sec" "$(id_of "$SCRATCH/minisign/a.pub")" -l
    refused "$bundle" "a legacy signature" "$SCRATCH/minisign"
    rm "$bundle"/*.minisig
    expect_exit 0 "$PACK" sign "$bundle" -s "$SCRATCH/a.sec"
    expect_exit 0 verify "$bundle" "$SCRATCH/minisign"
fi

case_is "a key of ours signs by minisign"
if needs minisign; then
    unsigned
    expect minisign_sign "$SCRATCH/other.sec" "$(id_of "$SCRATCH/foreign/other.pub")"
    expect_exit 0 verify "$bundle" "$SCRATCH/foreign"
fi

# Two scrypts of 1 GiB each: seconds.
case_is "protected keys open in both programs"
if needs minisign; then
    INPUT=$SCRATCH/password
    printf 'pw\npw\n' >"$INPUT"
    expect_exit 0 minisign -G -p "$SCRATCH/minisign/b.pub" -s "$SCRATCH/b.sec"
    expect_exit 0 "$PACK" keygen -p "$SCRATCH/minisign/c.pub" -s "$SCRATCH/c.sec"
    unsigned
    expect_exit 0 "$PACK" sign "$bundle" -s "$SCRATCH/b.sec"
    expect minisign_sign "$SCRATCH/c.sec" "$(id_of "$SCRATCH/minisign/c.pub")" <"$INPUT"
    expect_exit 0 verify "$bundle" "$SCRATCH/minisign"
    expect [ "$(grep -c 'signed by' "$OUT")" -eq 2 ]
    echo wrong >"$INPUT"
    expect_exit 1 "$PACK" sign "$bundle" -s "$SCRATCH/b.sec"
    expect_stderr_line "b.sec: the password does not open it"
    INPUT=/dev/null
fi

case_is "an expired bundle is refused, even signed"
if needs minisign; then
    unsigned
    sed -i '0,/"version": *[0-9]*,/s//&"expires":"2020-01-01T00:00:00Z",/' "$bundle/manifest.json"
    expect_exit 3 "$PACK" sign "$bundle" -s "$SCRATCH/other.sec"
    expect_stderr_line "expired at 2020-01-01"
    expect minisign_sign "$SCRATCH/other.sec" "$(id_of "$SCRATCH/foreign/other.pub")"
    refused "$bundle" "manifest.json: the bundle expired at 2020-01-01T00:00:00Z" "$SCRATCH/foreign"
    sed -i 's/2020-01-01/9999-01-01/' "$bundle/manifest.json"
    expect_exit 0 "$PACK" sign "$bundle" -s "$SCRATCH/other.sec"
    expect_exit 0 verify "$bundle" "$SCRATCH/foreign"
fi

# ---- keygen and sign ----

case_is "keygen overwrites nothing and hides the secret key"
expect [ "$(stat -c %a "$SCRATCH/other.sec")" = 600 ]
cp "$SCRATCH/other.sec" "$SCRATCH/before"
expect_exit 2 "$PACK" keygen -W -p "$SCRATCH/new.pub" -s "$SCRATCH/other.sec"
expect_stderr_line "other.sec: exists"
expect_exit 2 "$PACK" keygen -W -p "$SCRATCH/foreign/other.pub" -s "$SCRATCH/new.sec"
expect_stderr_line "other.pub: exists"
expect_exit 1 "$PACK" keygen -W -p "$SCRATCH/no/such.pub" -s "$SCRATCH/new.sec"
expect cmp "$SCRATCH/other.sec" "$SCRATCH/before"
expect_silence find "$SCRATCH" -name 'new*' -o -name '*.new'

case_is "keygen wants a password, twice the same, or -W"
INPUT=$SCRATCH/password
printf 'one\ntwo\n' >"$INPUT"
expect_exit 2 "$PACK" keygen -p "$SCRATCH/new.pub" -s "$SCRATCH/new.sec"
expect_stderr_line "differ"
printf '\n\n' >"$INPUT"
expect_exit 2 "$PACK" keygen -p "$SCRATCH/new.pub" -s "$SCRATCH/new.sec"
expect_stderr_line "empty"
INPUT=/dev/null
expect_exit 1 "$PACK" keygen -p "$SCRATCH/new.pub" -s "$SCRATCH/new.sec"
expect_stderr_line "no password"
expect_exit 2 "$PACK" keygen -W -p "$SCRATCH/new.pub"
expect_silence find "$SCRATCH" -name 'new*'

case_is "sign is repeatable for one comment, and refuses a bad one"
unsigned
expect_exit 0 "$PACK" sign "$bundle" -s "$SECRET" -t "for the ministry"
cp "$bundle"/*.minisig "$SCRATCH/first"
expect_exit 0 "$PACK" sign "$bundle" -s "$SECRET" -t "for the ministry"
expect cmp "$SCRATCH/first" "$bundle"/*.minisig
expect_exit 0 verify "$bundle"
expect_stdout_has "for the ministry"
expect_exit 2 "$PACK" sign "$bundle" -s "$SECRET" -t $'two\nlines'
expect cmp "$SCRATCH/first" "$bundle"/*.minisig

case_is "sign refuses a bundle that is not what its manifest says"
rm "$bundle"/*.minisig
flip "$bundle/weights-00001-of-00001.bin" 99
expect_exit 3 "$PACK" sign "$bundle" -s "$SECRET"
expect_stderr_line "weights-00001-of-00001.bin"
flip "$bundle/weights-00001-of-00001.bin" 99
touch "$bundle/more"
expect_exit 3 "$PACK" sign "$bundle" -s "$SECRET"
rm "$bundle/more"
echo '{}' >"$bundle/manifest.json"
expect_exit 3 "$PACK" sign "$bundle" -s "$SECRET"
expect_silence find "$bundle" -name '*.minisig*'

case_is "sign names a key it cannot use"
expect_exit 2 "$PACK" sign "$good" -s "$SCRATCH/none.sec"
expect_stderr_line "none.sec"
expect_exit 1 "$PACK" sign "$good" -s "$TRUST/test.pub"
expect_stderr_line "test.pub: not a minisign secret key"

finish
