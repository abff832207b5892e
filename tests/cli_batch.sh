#!/bin/bash
# cli_batch.sh - `cloister batch`: a file of requests becomes a file of answers, the same as those of `run`; what was cut off goes on; parts are
# parts; what is wrong is named.
. "$(dirname "$0")/cli.sh"

BUNDLE=$(demo_bundle w4) || exit 1
IN=$SCRATCH/in.jsonl ANSWERS=$SCRATCH/out.jsonl

# chat ID TEXT [MORE MEMBERS]: a line.
chat() {
    printf '{"custom_id":"%s","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"%s"}],"max_tokens":24,%s}}\n' \
        "$1" "$2" "${3:-"\"temperature\":0"}"
}
batch() { "$CLOISTER" batch "$BUNDLE" "$@" --trust "$TRUST"; }
content() { jq -r --arg id "$1" 'select(.custom_id == $id) | .response.body.choices[0].message.content' "${2:-$ANSWERS}"; }

for i in $(seq 20); do chat "q$i" "Austria: what is the capital? ($i)"; done > "$IN"
{
    chat at 'Austria: what is the capital?'
    chat hot 'Who are you?' '"seed":5,"temperature":1.5'
    echo
    printf '{"custom_id":"text","url":"/v1/completions","body":{"prompt":"Finland","max_tokens":4,"temperature":0}}\n'
    chat bad 'Hello' '"temperature":"hot"'
    chat two 'Hello' '"n":2'
} >> "$IN"

case_is 'every request has its answer, and the others are as if it were alone'
needs jq
expect_exit 0 batch "$IN" -o "$ANSWERS" --json
expect_json '[.answered,.refused,.there]' '[24,1,0]'
expect cmp <(jq -r .custom_id "$ANSWERS") <(jq -r .custom_id "$IN")
expect_exit 0 "$CLOISTER" run "$BUNDLE" --trust "$TRUST" -p 'Austria: what is the capital?' --temp 0 -n 24
expect_stdout "$(content at)"
expect_exit 0 "$CLOISTER" run "$BUNDLE" --trust "$TRUST" -p 'Who are you?' --temp 1.5 --seed 5 -n 24
expect_stdout "$(content hot)"
expect [ "$(jq -c 'select(.custom_id == "text") | [.response.status_code, .response.body.object, .error]' "$ANSWERS")" = '[200,"text_completion",null]' ]
expect [ "$(jq -c 'select(.custom_id == "two") | .response.body.choices | length' "$ANSWERS")" = 2 ]

case_is 'what is wrong with a request is its answer'
needs jq
expect [ "$(jq -c 'select(.custom_id == "bad") | [.response.status_code, .response.body.error.param]' "$ANSWERS")" = '[400,"temperature"]' ]

case_is 'what is there is not asked again, and a line cut short is'
needs jq
sort "$ANSWERS" > "$SCRATCH/whole"
head -n 11 "$ANSWERS" > "$SCRATCH/cut"
head -c 50 <(tail -n 1 "$ANSWERS") >> "$SCRATCH/cut"
expect_exit 0 batch "$IN" -o "$SCRATCH/cut" --json
expect_json '[.answered + .refused,.there]' '[14,11]'
expect cmp <(jq -c '[.custom_id, .response.body.choices, .response.status_code]' "$SCRATCH/whole" | sort) \
    <(jq -c '[.custom_id, .response.body.choices, .response.status_code]' "$SCRATCH/cut" | sort)
expect_exit 0 batch "$IN" -o "$SCRATCH/cut" --json
expect_json '[.answered,.refused,.there]' '[0,0,25]'

case_is 'killed amid the work, it goes on where it was'
needs jq
"$CLOISTER" batch "$BUNDLE" "$IN" -o "$SCRATCH/killed" --trust "$TRUST" --slots 1 > /dev/null 2>&1 &
killed=$!
for _ in $(seq 200); do
    [ -s "$SCRATCH/killed" ] && break
    sleep 0.02
done
kill -9 "$killed"
wait "$killed" 2> /dev/null
expect_exit 0 batch "$IN" -o "$SCRATCH/killed"
expect [ "$(jq -r .custom_id "$SCRATCH/killed" | sort -u | wc -l)" = 25 ]
expect [ "$(wc -l < "$SCRATCH/killed")" = 25 ]

case_is 'parts make the whole'
needs jq
for part in 1 2 3; do expect_exit 0 batch "$IN" -o "$SCRATCH/part$part" --part "$part/3"; done
expect cmp <(cat "$SCRATCH"/part? | jq -r .custom_id) <(jq -r .custom_id "$IN")
expect [ "$(wc -l < "$SCRATCH/part1")" = 8 ]

case_is 'a file that is none is named, with its line, and nothing is written'
for line in 'no JSON' '{"url":"/v1/completions","body":{}}' '{"custom_id":"x","url":"/v1/files","body":{}}' \
    '{"custom_id":"x","url":"/v1/completions","body":3}' '{"custom_id":"q1","url":"/v1/completions","body":{"prompt":"a"}}'; do
    cp "$IN" "$SCRATCH/wrong"
    echo "$line" >> "$SCRATCH/wrong"
    expect_exit 2 batch "$SCRATCH/wrong" -o "$SCRATCH/none"
    expect_stderr_line 'line 27'
    expect [ ! -s "$SCRATCH/none" ]
done
echo '{"id":1}' > "$SCRATCH/other"
expect_exit 2 batch "$IN" -o "$SCRATCH/other"
expect_stderr_line 'no answer of a batch'
expect [ "$(cat "$SCRATCH/other")" = '{"id":1}' ]

case_is 'two programs do not write to one file'
exec 9>> "$SCRATCH/locked"
flock 9
expect_exit 2 batch "$IN" -o "$SCRATCH/locked"
expect_stderr_line 'another program'
exec 9>&-

case_is 'wrong usage'
expect_exit 2 batch "$IN"
expect_exit 2 batch "$IN" -o "$SCRATCH/none" --part 3/2
expect_exit 2 batch "$IN" -o "$SCRATCH/none" --part 1/2x
expect_exit 2 batch "$IN" -o "$SCRATCH/none" --slots 0
expect_exit 1 batch "$SCRATCH/missing" -o "$SCRATCH/none"
expect_exit 2 batch /dev/null -o "$SCRATCH/none"

finish
