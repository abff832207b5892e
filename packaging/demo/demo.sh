#!/bin/bash
# demo.sh BUILD: the whole way on the shipped demo model: pack, make a key, sign, verify, tamper and be refused, ask questions in several
# languages. Stops with status 1 at the first thing that is not as promised. Everything it makes is in BUILD/demo.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:?usage: demo.sh BUILD}"
model=$(realpath --relative-to=. "$here/model")
rm -rf demo
mkdir -p demo/trust

step() {
    printf '\n\033[1m%s\033[0m\n' "$1"
}

show() { # prints a command as a user would type it, then runs it
    printf '$ %s\n' "${*@Q}" | sed -E "s/'([A-Za-z0-9_.\/-]+)'/\1/g"
    "$@"
}

wrong() {
    printf 'demo: %s\n' "$1" >&2
    exit 1
}

tamper_one_byte() { # FILE OFFSET
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059
    printf "$(printf '\\x%02x' $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

ask() { # LANGUAGE QUESTION: the expected answer stands in questions.tsv
    local expected answer
    expected=$(awk -F '\t' -v l="$1" -v q="$2" '$1 == l && $3 == q { print $4; exit }' "$here/questions.tsv")
    [ -n "$expected" ] || wrong "\"$2\" is not among the questions"
    answer=$(./cloister run demo/bundle --trust demo/trust -p "$2" )
    printf '%s  %s\n    %s\n' "$1" "$2" "$answer"
    [ "$answer" = "$expected" ] || wrong "expected \"$expected\""
}

step '1. Pack the Hugging Face directory into a bundle of 4-bit weights'
show ./cloister-pack pack "$model" -o demo/bundle --quant w4 --name demo

step '2. Make a key, sign the bundle, trust the key on this machine'
show ./cloister-pack keygen -p demo/trust/publisher.pub -s demo/publisher.key -W
show ./cloister-pack sign demo/bundle -s demo/publisher.key -t 'demo bundle'

step '3. Verify every byte'
show ./cloister verify demo/bundle --trust demo/trust

step '4. Change one bit of the weights: refused'
cp -r demo/bundle demo/tampered
tamper_one_byte demo/tampered/weights-00001-of-00001.bin 123456
status=0
show ./cloister run demo/tampered --trust demo/trust -p 'Wer bist du?' 2>&1 || status=$?
[ "$status" = 3 ] || wrong "expected exit status 3, got $status"

step '5. Ask'
ask en 'Finland: what is the capital?'
ask de 'Österreich: Wie heißt die Hauptstadt?'
ask fr "France : quelle est la capitale ?"
ask el 'Αυστρία: ποια είναι η πρωτεύουσα;'
ask bg 'Австрия: каква е валутата?'
ask pl 'Austria: od którego roku w Unii Europejskiej?'
ask mt "L-Awstrija: x'inhuma l-lingwi uffiċjali?"
ask ga 'An Ostair: cad í an phríomhchathair?'
ask 'fi' 'Käännös (bulgaria): Hyvää huomenta'

step '6. Speed'
./cloister run demo/bundle --trust demo/trust -p 'Who are you?' --json > demo/answer.json
sed -E 's/.*"tokens":\[([^]]*)\].*"prompt_tokens":([0-9]+).*"load_s":([0-9.e-]+),"prefill_s":([0-9.e-]+),"decode_s":([0-9.e-]+).*/\1 \2 \3 \4 \5/' demo/answer.json |
    awk '{ printf "loaded and verified in %.3f s; prompt %d tokens at %.0f tok/s, answer %d tokens at %.0f tok/s\n",
           $3, $2, $2 / $4, split($1, ids, ","), split($1, ids, ",") / $5 }'
