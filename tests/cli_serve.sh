#!/bin/bash
# cli_serve.sh - `cloister serve` asked by curl: each endpoint, whole and streamed; what is refused, and how; clients that are slow, rude or gone;
# how it ends.
. "$(dirname "$0")/cli.sh"
. "$TESTS/serve.sh"

case_is "the tools are here"
needs curl jq || finish
expect command -v curl

bundle=$(demo_bundle w4) || exit 1
question="Wer bist du?"
answer="Ich bin das Demomodell von Cloister. Ich kenne die Mitgliedstaaten und einige Redewendungen."
chat_path=/v1/chat/completions

# What the events in $OUT add up to: the contents of choice $1.
joined() {
    sed -n 's/^data: {/{/p' "$OUT" | jq -j --argjson index "${1:-0}" '.choices[]? | select(.index == $index) | .delta.content // .text // ""'
}

events() {
    sed -n 's/^data: {/{/p' "$OUT" | jq -c "$1"
}

log_has() {
    grep -qE -- "$1" "$LOG"
}

# Sends stdin as it is; what comes within half a second is in $OUT.
raw() {
    { cat; sleep 0.5; } | timeout 5 curl -sS --max-time 2 --unix-socket "$SOCKET" telnet://cloister >"$OUT" 2>/dev/null
}

# The body of a request for $1 answers that do not end by themselves, and further members $2: work for seconds.
long_work() {
    printf '{"prompt": "a", "n": %d, "max_tokens": 1000, "temperature": 5, "seed": 1, "logit_bias": {"0": -100, "2": -100}%s}' "$1" "${2:-}"
}

# Waits until the figure $1 of /metrics is $2.
figure_becomes() {
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        [ "$(get /metrics | awk -v name="cloister_$1" '$1 == name { print $2 }')" = "$2" ] && return
        sleep 0.1
    done
    return 1
}

case_is "it needs a bundle, a socket and sense"
expect_exit 2 "$CLOISTER" serve --socket "$SOCKET"
expect_exit 2 "$CLOISTER" serve "$bundle" --trust "$TRUST"
expect_stderr_line "--socket"
expect_exit 2 "$CLOISTER" serve "$bundle" --trust "$TRUST" --socket "$SOCKET" --timeout 0
expect_exit 2 "$CLOISTER" serve "$bundle" --trust "$TRUST" --socket "$SOCKET" --name 'two words'
expect_exit 3 "$CLOISTER" serve "$bundle" --trust "$SCRATCH" --socket "$SOCKET"
expect [ ! -e "$SOCKET" ]

serve_start "$bundle" --name demo --timeout 4 --max-body 200000 || exit 1

case_is "a chat is answered as by run"
expect_status 200 post $chat_path "$(chat "$question")"
expect_json '.choices[0].message' "{\"role\":\"assistant\",\"content\":\"$answer\",\"refusal\":null}"
expect_json '[.object, .model, .choices[0].finish_reason, .choices[0].index, .choices[0].logprobs]' '["chat.completion","demo","stop",0,null]'
expect_json '.id | test("^chatcmpl-[0-9a-f]{24}$")' true
expect_json '.usage | [.total_tokens == .prompt_tokens + .completion_tokens, .prompt_tokens_details.cached_tokens >= 0]' '[true,true]'
expect_json '.created > 1700000000' true
digest=$(b2sum -l 256 "$bundle/manifest.json" | cut -c1-12)
expect_json .system_fingerprint "\"fp_${digest}_n1\""

case_is "streamed, the pieces are the same answer"
expect_status 200 post $chat_path "$(chat "$question" ', "stream": true, "stream_options": {"include_usage": true}')"
expect grep -qi '^Content-Type: text/event-stream' "$HEADERS"
expect [ "$(joined)" = "$answer" ]
expect [ "$(tail -n 2 "$OUT" | head -n 1)" = 'data: [DONE]' ]
expect [ "$(events .choices[0].delta | head -n 1)" = '{"role":"assistant","content":""}' ]
expect [ "$(events '.choices[0].finish_reason // empty')" = '"stop"' ]
expect [ "$(events '.usage.completion_tokens // empty')" = 36 ]
expect [ "$(events .id | sort -u | wc -l)" -eq 1 ]

case_is "content in parts, roles, and what is not known"
expect_status 200 post $chat_path '{"messages": [{"role": "user", "content": [{"type": "text", "text": "Wer bist "}, {"type": "text", "text": "du?"}]}],
    "store": true, "some_future_field": {"a": 1}, "user": "x", "metadata": null}'
expect_json '.choices[0].message.content' "\"$answer\""
expect_status 200 post $chat_path '{"messages": [{"role": "developer", "content": "x"}, {"role": "user", "content": "Malta?"},
    {"role": "assistant", "content": "y"}, {"role": "user", "content": "z"}], "max_completion_tokens": 3}'
expect_json '[.choices[0].finish_reason, .usage.completion_tokens]' '["length",3]'

case_is "several choices, drawn by seeds that follow each other"
expect_status 200 post $chat_path "$(chat "$question" ', "n": 3, "temperature": 3, "seed": 5, "max_tokens": 8')"
expect_json '[.choices[].index]' '[0,1,2]'
expect_json '[.choices[].message.content] | unique | length' 3
expect_json '.usage.completion_tokens > 3 and .usage.completion_tokens <= 24' true
second=$(jq .choices[1].message.content "$OUT")
expect_status 200 post $chat_path "$(chat "$question" ', "temperature": 3, "seed": 6, "max_tokens": 8')"
expect_json .choices[0].message.content "$second"
expect_status 200 post $chat_path "$(chat "$question" ', "n": 3, "temperature": 3, "seed": 5, "max_tokens": 8, "stream": true')"
expect [ "$(joined 1 | jq -Rs .)" = "$second" ]
expect [ "$(events '.choices[0].finish_reason // empty' | wc -l)" -eq 3 ]

case_is "stops end an answer and are no part of it"
expect_status 200 post $chat_path "$(chat "$question" ', "stop": "Cloister"')"
expect_json '[.choices[0].message.content, .choices[0].finish_reason]' '["Ich bin das Demomodell von ","stop"]'
expect_status 200 post $chat_path "$(chat "$question" ', "stop": ["nie", "Demo"], "stream": true')"
expect [ "$(joined)" = "Ich bin das " ]

case_is "logprobs of a chat"
expect_status 200 post $chat_path "$(chat "$question" ', "logprobs": true, "top_logprobs": 3')"
expect_json '.choices[0].logprobs.content | length' 36
expect_json '.choices[0].logprobs.content | map(.token) | join("")' "\"$answer\""
expect_json '[.choices[0].logprobs.content[] | (.top_logprobs | length) == 3 and .top_logprobs[0].token == .token and .logprob <= 0] | all' true
expect [ "$(jq -r '[.choices[0].logprobs.content[].bytes[]] | map(tostring) | join(" ")' "$OUT" | xargs printf '\\x%x' | xargs -0 printf %b)" = "$answer" ]
cp "$OUT" "$SCRATCH/whole"
expect_status 200 post $chat_path "$(chat "$question" ', "logprobs": true, "top_logprobs": 3, "stream": true')"
expect [ "$(events '.choices[0].logprobs.content[]?.logprob' | paste -sd,)" = "$(jq '.choices[0].logprobs.content[].logprob' "$SCRATCH/whole" | paste -sd,)" ]

case_is "answers that follow a schema or a grammar, and their receipts"
schema='{"type": "object", "properties": {"name": {"enum": ["Malta", "Zypern"]}, "n": {"type": "integer", "minimum": 1, "maximum": 9}}, "required": ["name", "n"], "additionalProperties": false}'
expect_status 200 post $chat_path "$(chat "$question" ", \"temperature\": 2, \"seed\": 1, \"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"x\", \"schema\": $schema}}")"
expect_json '.choices[0].message.content | fromjson | [(keys | join(" ")), (.name == "Malta" or .name == "Zypern"), .n >= 1 and .n <= 9]' '["n name",true,true]'
id=$(jq -r .id "$OUT")
expect_status 200 get "/v1/receipts/$id"
expect_json .parameters.grammar.kind '"schema"'
cp "$OUT" "$SCRATCH/receipt"
expect_exit 0 "$CLOISTER" replay "$SCRATCH/receipt" "$bundle" --trust "$TRUST"
expect_stdout_has "equal: "
expect_status 200 post $chat_path "$(chat "$question" ', "response_format": {"type": "json_object"}, "max_tokens": 200')"
expect_json '.choices[0].finish_reason == "length" or (.choices[0].message.content | fromjson | type) == "object"' true
expect_status 200 post /v1/completions '{"prompt": "Wer", "grammar": "root ::= \"ja\" | \"nein\"", "stream": true}'
expect [ "$(joined | grep -cxE 'ja|nein')" -eq 1 ]
expect_status 200 post $chat_path "$(chat "$question" ', "response_format": {"type": "text"}')"
expect_json '.choices[0].message.content' "\"$answer\""

case_is "plain completions: texts, tokens, several, echo, logprobs"
expect_status 200 post /v1/completions '{"prompt": "Wer bist", "max_tokens": 4, "logprobs": 2}'
expect_json '[.object, .choices[0].finish_reason, (.id | startswith("cmpl-"))]' '["text_completion","length",true]'
expect_json '.choices[0].logprobs | [(.tokens | length), (.token_logprobs | length), (.top_logprobs | map(length)), .text_offset[0]]' '[4,4,[2,2,2,2],0]'
expect_json '.choices[0] | .text == (.logprobs.tokens | join(""))' true
one=$(jq .choices[0].text "$OUT")
expect_status 200 post /v1/completions '{"prompt": ["Malta", "Wer bist"], "max_tokens": 4, "echo": true}'
expect_json '.choices[1].text' "\"Wer bist$(jq -r . <<<"$one")\""
expect_json '[.choices[].index]' '[0,1]'
expect_status 200 post /tokenize '{"prompt": "Wer bist"}'
expect_json '.count == (.tokens | length)' true
tokens=$(jq -c .tokens "$OUT")
expect_status 200 post /v1/completions "{\"prompt\": [$tokens, $tokens], \"max_tokens\": 4}"
expect_json '[.choices[].text]' "[$one,$one]"
expect_status 200 post /v1/completions "{\"prompt\": $tokens, \"max_tokens\": 4, \"stream\": true, \"echo\": true}"
expect [ "$(joined | jq -Rs .)" = "\"Wer bist$(jq -r . <<<"$one")\"" ]
expect_status 200 post /detokenize "{\"tokens\": $tokens}"
expect_json .prompt '"Wer bist"'

case_is "vectors of texts and tokens, as numbers and in base64"
expect_status 200 post /v1/embeddings '{"input": "Malta", "model": "demo"}'
expect_json '[.object, .data[0].object, .data[0].index, (.data[0].embedding | length), .model, .usage.prompt_tokens == .usage.total_tokens]' \
    '["list","embedding",0,128,"demo",true]'
expect_json '.data[0].embedding | map(. * .) | add | . * 10000 | round' 10000
one=$(jq -c .data[0].embedding "$OUT")
expect_status 200 post /tokenize '{"prompt": "Malta"}'
tokens=$(jq -c .tokens "$OUT")
expect_status 200 post /v1/embeddings "{\"input\": [$tokens, [1, 2]]}"
expect_json '.data[0].embedding' "$one"
expect_status 200 post /v1/embeddings '{"input": ["Malta"], "encoding_format": "base64"}'
expect [ "$(jq -r .data[0].embedding "$OUT" | base64 -d | od -An -v -tf4 -w4 | jq -sc 'map(. * 100000 | round)')" = "$(jq -c 'map(. * 100000 | round)' <<<"$one")" ]
expect_status 200 post /v1/embeddings '{"input": "Malta ist", "pooling": "last"}'
expect [ "$(jq -c .data[0].embedding "$OUT")" != "$one" ]
jq -cn '{input: [range(600) | "Malta \(.)"]}' >"$SCRATCH/many"
expect_status 200 post /v1/embeddings "@$SCRATCH/many"
expect_json '[.data[].index] == [range(600)]' true
expect_error 400 input "input is no string" post /v1/embeddings '{}'
expect_error 400 input "at least one token" post /v1/embeddings '{"input": []}'
expect_error 400 dimensions "from 128 to 128" post /v1/embeddings '{"input": "x", "dimensions": 64}'
expect_error 400 pooling "mean" post /v1/embeddings '{"input": "x", "pooling": "max"}'
expect_error 400 encoding_format "base64" post /v1/embeddings '{"input": "x", "encoding_format": "hex"}'

case_is "the prompt of a chat in tokens is what the answer counts"
expect_status 200 post /tokenize "$(chat "$question")"
count=$(jq .count "$OUT")
expect_status 200 post $chat_path "$(chat "$question")"
expect_json .usage.prompt_tokens "$count"

case_is "models, health, page, figures"
expect_status 200 get /v1/models
expect_json '[.object, .data[0].id, .data[0].object, .data[0].bundle.weights]' '["list","demo","model","w4"]'
expect_status 200 get /v1/models/demo
expect_json .id '"demo"'
expect_error 404 model "demo" get /v1/models/other
expect_status 200 get /health
expect_json .status '"ok"'
expect_status 200 get /
expect_status 200 get /metrics
expect_stdout_has 'cloister_http_requests_total{path="/v1/chat/completions",status="200"}'
expect_stdout_has 'cloister_first_token_seconds_bucket{le="+Inf"}'
expect_silence grep -vE '^(# (HELP|TYPE) cloister_[a-z_]+ .+|cloister_[a-z_]+(\{[^}]*\})? [0-9.e+-]+)$' "$OUT"

case_is "a receipt of each choice, for whoever asked, which replays"
expect_status 200 post $chat_path "$(chat "$question" ', "temperature": 2, "seed": 3, "n": 2, "max_tokens": 30')"
id=$(jq -r .id "$OUT")
for receipt in "$id" "$id-1"; do
    expect_status 200 get "/v1/receipts/$receipt"
    expect_json '.prompt.tokens | length == 14' true
    cp "$OUT" "$SCRATCH/receipt"
    expect_exit 0 "$CLOISTER" replay "$SCRATCH/receipt" "$bundle" --trust "$TRUST"
    expect_stdout_has "equal: "
done
expect [ "$(jq .parameters.seed "$SCRATCH/receipt")" = 4 ]
expect_error 404 null "no receipt" get /v1/receipts/chatcmpl-0
expect_status 200 post /v1/completions '{"prompt": "Wer", "max_tokens": 5, "stream": true}'
id=$(events .id | head -n 1 | jq -r .)
expect_status 200 get "/v1/receipts/$id"
expect_json '.prompt.form' '"raw"'

case_is "methods and paths that are not there"
expect_error 404 null "/v1/nothing" post /v1/nothing '{}'
expect_error 405 null "POST" get $chat_path
expect grep -qi '^Allow: POST, OPTIONS' "$HEADERS"
expect_error 405 null "GET" post /v1/models '{}'
expect_error 405 null "GET" get /health -X DELETE
expect_status 204 get $chat_path -X OPTIONS
expect_silence grep -i '^Access-Control' "$HEADERS"
expect_status 200 get /v1/models -I

case_is "bodies that are no JSON name the byte"
expect_error 400 null "byte 1:" post $chat_path '{'
expect_error 400 null "empty" post $chat_path ''
expect_error 400 null "not a JSON object" post $chat_path '[]'
expect_error 400 null "byte 2" post $chat_path '{}{}'
printf '{"messages": "\xff"}' >"$SCRATCH/invalid"
expect_error 400 null "byte 14: invalid UTF-8" post $chat_path "@$SCRATCH/invalid"
printf '{"a":%s%s}' "$(printf '%080d' 0 | tr 0 '[')" "$(printf '%080d' 0 | tr 0 ']')" >"$SCRATCH/deep"
expect_error 400 null "byte 68: more than 64" post $chat_path "@$SCRATCH/deep"
expect_error 415 null "application/json" get $chat_path -d '{}'
expect_error 415 null "application/json" get $chat_path -d '{}' -H 'Content-Type: text/plain'

case_is "bodies that are too large"
head -c 300000 /dev/zero | tr '\0' ' ' >"$SCRATCH/large"
expect_error 413 null "200000 bytes" post $chat_path "@$SCRATCH/large"
expect_error 413 null "200000 bytes" post $chat_path "@$SCRATCH/large" -H 'Transfer-Encoding: chunked' -H 'Expect:'
expect_error 400 null "empty" post $chat_path ''

# refused PARAM TEXT MEMBERS: a chat with further members.
refused() {
    expect_error 400 "$1" "$2" post $chat_path "$(chat "$question" ", $3")"
}

case_is "members of the wrong type or range are named"
refused temperature "from 0 to 100" '"temperature": -1'
refused temperature "infinity" '"temperature": 1e999'
refused temperature "byte" '"temperature": NaN'
refused temperature "not a number" '"temperature": "1"'
refused top_p "from 0 to 1" '"top_p": 1.5'
refused top_k "whole number" '"top_k": 1.5'
refused top_k "range" '"top_k": -2'
refused min_p "from 0 to 1" '"min_p": -0.1'
refused frequency_penalty "from -2 to 2" '"frequency_penalty": 3'
refused presence_penalty "from -2 to 2" '"presence_penalty": -3'
refused repetition_penalty "from 0.01" '"repetition_penalty": 0'
refused seed "whole number" '"seed": "x"'
refused seed "range" '"seed": -1'
refused n "from 1 to 128" '"n": 0'
refused max_tokens "from 1" '"max_tokens": 0'
refused max_completion_tokens "whole" '"max_completion_tokens": true'
refused stop "1 to 1024 bytes" '"stop": ""'
refused stop "1 to 1024 bytes" '"stop": ["a", 1]'
refused stop "more than 16" '"stop": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]'
refused stream "neither true nor false" '"stream": 1'
refused stream_options '"stream": true' '"stream_options": {}'
refused top_logprobs '"logprobs": true' '"top_logprobs": 2'
refused top_logprobs "from 0 to 20" '"logprobs": true, "top_logprobs": 21'
refused logit_bias "not the id" '"logit_bias": {"x": 1}'
refused logit_bias "not the id" '"logit_bias": {"99999999": 1}'
refused logit_bias "from -100 to 100" '"logit_bias": {"5": 101}'
refused functions "send tools" '"functions": []'
refused response_format "response_format.type" '"response_format": {"type": "xml"}'
refused response_format "not an object" '"response_format": {"type": "json_schema"}'
refused response_format "" '"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object", "properties": {"a": {"type": "no type"}}}}}'
refused grammar "" '"grammar": "root ::= nothing"'
refused grammar "exclude" '"grammar": "root ::= \\"a\\"", "response_format": {"type": "json_object"}'
refused reasoning_effort "medium" '"reasoning_effort": "enormous"'
refused chat_template_kwargs "not an object" '"chat_template_kwargs": []'
refused tools "not a list" '"tools": {}'
refused tools "tools[0]" '"tools": [{"type": "function"}]'

case_is "messages and prompts that make no sense"
expect_error 400 messages "at least one" post $chat_path '{"messages": []}'
expect_error 400 messages "at least one" post $chat_path '{}'
expect_error 400 model "not a string" post $chat_path '{"model": 7}'
expect_error 400 'messages[0].role' "is not" post $chat_path '{"messages": [{"role": "king", "content": "x"}]}'
expect_error 400 'messages[0].role' "is not" post $chat_path '{"messages": ["x"]}'
expect_error 400 'messages[1].content' "neither" post $chat_path '{"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": 1}]}'
expect_error 400 'messages[0].content' "neither" post $chat_path '{"messages": [{"role": "user"}]}'
expect_error 400 'messages[0].content[1]' "image_url" post $chat_path \
    '{"messages": [{"role": "user", "content": ["x", {"type": "image_url", "image_url": {"url": "data:"}}]}]}'
expect_error 400 prompt "prompt is no" post /v1/completions '{}'
expect_error 400 prompt "at least one token" post /v1/completions '{"prompt": []}'
expect_error 400 prompt "prompt[1]" post /v1/completions '{"prompt": [1, 3000]}'
expect_error 400 prompt "prompt[1]" post /v1/completions '{"prompt": [1, -1]}'
expect_error 400 suffix "not supported" post /v1/completions '{"prompt": "x", "suffix": "y"}'
expect_error 400 tokens "not a list" post /detokenize '{"tokens": 1}'
expect_error 400 prompt "not a string" post /tokenize '{}'
printf '{"messages": [{"role": "user", "content": "%0180000d"}]}' 0 >"$SCRATCH/long"
expect_error 400 messages "180000 bytes" post $chat_path "@$SCRATCH/long"
long=$(printf '%5000s' '' | sed 's/ /Malta /g')
expect_error 400 messages "the context 1024" post $chat_path "$(chat "$long")"

case_is "the log tells who, what and how long, and not what was said"
expect log_has '^POST /v1/chat/completions status=200 owner=uid:[0-9]+ id=chatcmpl-[0-9a-f]+ in=14 cached=[0-9]+ out=36 .*total_s='
expect log_has '^POST /v1/chat/completions status=400 .*param=temperature'
expect_silence log_has 'Wer bist|Demomodell'

case_is "a request that stays half is cut, and hurts nobody"
printf 'POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"mess' "$chat_path" >"$SCRATCH/half"
printf 'GET /hea' >"$SCRATCH/head"
for half in half head; do
    { cat "$SCRATCH/$half"; sleep 12; } | timeout 20 curl -sS --unix-socket "$SOCKET" "telnet://cloister" >/dev/null 2>&1 &
done
expect figure_becomes http_connections 3
expect_status 200 post $chat_path "$(chat "$question")"
expect figure_becomes http_connections 1
wait $!

case_is "what is no HTTP is refused"
printf '\x16\x03\x01\x02\x01hello\r\n\r\n' | raw
expect [ ! -s "$OUT" ]
printf 'GET /%s HTTP/1.1\r\nHost: x\r\n\r\n' "$(printf '%040000d' 0)" | raw
expect grep -aq '^HTTP/1.1 414' "$OUT"
printf 'GET /health HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n' "$(printf '%040000d' 0)" | raw
expect grep -aq '^HTTP/1.1 431' "$OUT"
printf 'POST /tokenize HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' | raw
expect grep -aq '^HTTP/1.1 400' "$OUT"
printf 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n' | raw
expect grep -aq '^HTTP/1.1 200' "$OUT"
expect_status 200 get /health

case_is "a client that goes frees what was computed for it"
before=$(get /metrics | awk '$1 == "cloister_answer_tokens_total" { print $2 }')
post /v1/completions "$(long_work 64)" --max-time 0.3 >/dev/null 2>&1
expect figure_becomes http_requests_open 1
expect figure_becomes jobs_waiting 0
after=$(get /metrics | awk '$1 == "cloister_answer_tokens_total" { print $2 }')
expect [ $((after - before)) -lt 60000 ]
post /v1/completions "$(long_work 64 ', "stream": true')" --max-time 0.3 >/dev/null 2>&1
expect figure_becomes http_requests_open 1
expect figure_becomes jobs_waiting 0
expect log_has 'status=499'
expect_status 200 post $chat_path "$(chat "$question")"
expect_json '.choices[0].message.content' "\"$answer\""

case_is "no file, no descriptor more than before, every thread sealed"
! sanitized || skip "sanitizer build is not sealed"
expect [ "$(grep -hc '^Seccomp:[[:space:]]*2$' /proc/"$SERVE"/task/*/status | paste -sd+ | bc)" -eq "$(find /proc/"$SERVE"/task -mindepth 1 -maxdepth 1 | wc -l)" ]

case_is "SIGHUP changes nothing"
kill -HUP "$SERVE"
expect_status 200 get /health

case_is "tools are called, and reasoning is told apart, as the chat template has it"
serve_stop
mkdir "$SCRATCH/model"
cp "$TOP/packaging/demo/model/"* "$SCRATCH/model"
cat >"$SCRATCH/model/chat_template.jinja" <<'TEMPLATE'
{%- if tools %}{{ '<|im_start|>system\n' }}{% for tool in tools %}{{ tool | tojson }}{% endfor %}
{{- '\n<tool_call>\n{"name": <name>, "arguments": <object>}\n</tool_call><|im_end|>\n' }}{% endif %}
{%- for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content | trim + '<|im_end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% if enable_thinking %}{{ '<think>\n' }}{% endif %}{% endif %}
TEMPLATE
talking=$("$TESTS/bundle.sh" "$SCRATCH/model" w4) || exit 1
serve_start "$talking" || exit 1
tool='{"type": "function", "function": {"name": "capital", "parameters": {"type": "object", "properties": {"country": {"enum": ["Malta", "Zypern"]}}, "required": ["country"], "additionalProperties": false}}}'
expect_status 200 post $chat_path "$(chat "$question" ", \"tools\": [$tool]")"
expect_json '.choices[0] | [.finish_reason, .message.tool_calls]' '["stop",null]'
count=$(jq .usage.prompt_tokens "$OUT")
expect [ "$count" -gt 100 ]
expect_status 200 post $chat_path "$(chat "$question" ", \"tools\": [$tool], \"tool_choice\": \"none\"")"
expect_json '.usage.prompt_tokens < 100' true
expect_status 200 post $chat_path "$(chat "$question" ", \"tools\": [$tool], \"tool_choice\": \"required\", \"temperature\": 2, \"seed\": 4")"
expect_json '.choices[0] | [.finish_reason, .message.content, (.message.tool_calls | length), .message.tool_calls[0].type, .message.tool_calls[0].function.name]' \
    '["tool_calls",null,1,"function","capital"]'
expect_json '.choices[0].message.tool_calls[0].function.arguments | fromjson | [keys, (.country == "Malta" or .country == "Zypern")]' '[["country"],true]'
wanted=$(jq -c '.choices[0].message.tool_calls[0].function' "$OUT")
expect_status 200 post $chat_path "$(chat "$question" ", \"tools\": [$tool], \"tool_choice\": {\"type\": \"function\", \"function\": {\"name\": \"capital\"}}, \"temperature\": 2, \"seed\": 4, \"stream\": true")"
expect [ "$(events '.choices[0].delta.tool_calls[0]?.function // empty')" = "$wanted" ]
expect [ "$(events '.choices[0].finish_reason // empty')" = '"tool_calls"' ]
expect_status 200 post $chat_path "$(chat "$question" ', "chat_template_kwargs": {"enable_thinking": true}')"
expect_json '.choices[0].message | [.content, (.reasoning_content | length) > 0]' '["",true]'
wanted=$(jq .choices[0].message.reasoning_content "$OUT")
expect_status 200 post $chat_path "$(chat "$question" ', "chat_template_kwargs": {"enable_thinking": true}, "stream": true')"
expect [ "$(events '.choices[0].delta.reasoning_content // empty' | jq -sc 'add')" = "$wanted" ]
expect [ -z "$(joined)" ]
refused tool_choice "needs tools" '"tool_choice": "required"'
refused tool_choice "is not" '"tool_choice": "perhaps"'
refused tool_choice "" "\"tools\": [$tool], \"tool_choice\": {\"type\": \"function\", \"function\": {\"name\": \"other\"}}"
refused tool_choice "exclude" "\"tools\": [$tool], \"tool_choice\": \"required\", \"response_format\": {\"type\": \"json_object\"}"
refused parallel_tool_calls "neither" "\"tools\": [$tool], \"parallel_tool_calls\": 1"
serve_stop
serve_start "$bundle" --grace 300 || exit 1
refused tools "no way of calling" "\"tools\": [$tool]"

case_is "tokens that were guessed are those that come without"
again='{"messages": [{"role": "user", "content": "Wer bist du?"}, {"role": "assistant", "content": "TEXT"}, {"role": "user", "content": "Wer bist du?"}], "temperature": 0}'
first=$(post /v1/chat/completions "$(chat "Wer bist du?" ', "temperature": 0')" | jq -r '.choices[0].message.content')
guessed=$(post /v1/chat/completions "${again/TEXT/$first}" | jq -c .choices)
expect [ "$(get /metrics | awk '$1 == "cloister_accepted_tokens_total" { print $2 }')" -gt 10 ]
serve_stop
serve_start "$bundle" --no-speculation || exit 1
expect [ "$(post /v1/chat/completions "${again/TEXT/$first}" | jq -c .choices)" = "$guessed" ]
expect [ "$(get /metrics | awk '$1 == "cloister_drafted_tokens_total" { print $2 }')" = 0 ]
serve_stop
serve_start "$bundle" --grace 300 || exit 1

case_is "SIGTERM lets the answer under way come to its end, and takes no more"
post /v1/completions "$(long_work 24)" >"$SCRATCH/last" 2>&1 &
last=$!
figure_becomes http_requests_open 2
serve_stop
expect [ "$SERVE_CODE" -eq 0 ]
expect wait $last
expect [ "$(jq '.choices | length' "$SCRATCH/last")" -eq 24 ]
expect log_has '^cloister: stopping; 1 requests'
expect_exit 7 get /health

case_is "without grace it fails, and says so"
serve_start "$bundle" --grace 0 || exit 1
post /v1/completions "$(long_work 128)" >"$SCRATCH/last" 2>&1 &
last=$!
figure_becomes http_requests_open 2
serve_stop INT
expect [ "$SERVE_CODE" -eq 0 ]
expect wait $last
expect [ "$(jq -r .error.type "$SCRATCH/last")" = server_error ]

case_is "a full queue says when to come again"
serve_start "$bundle" --queue 1 --slots 1 || exit 1
for ((i = 0; i < 2; i++)); do
    post /v1/completions "$(long_work 100 ', "stream": true')" -D "$SCRATCH/other" --max-time 4 >/dev/null 2>&1 &
done
figure_becomes jobs_waiting 1
expect_error 429 null "try again" post $chat_path "$(chat "$question")"
expect grep -qi '^Retry-After: 1' "$HEADERS"
figure_becomes http_requests_open 1
figure_becomes jobs_waiting 0
expect_status 200 post /v1/completions '{"prompt": "a", "n": 20, "max_tokens": 5, "temperature": 5}'
expect_json '[.choices[].text] | length' 20
expect_status 200 post $chat_path "$(chat "$question")"
serve_stop

case_is "with a file of API keys, only they may ask"
digest=$(printf %s 'secret key' | b2sum -l 256 | cut -d' ' -f1)
printf '# keys\narchive %s\n\nother %s # another\n' "$digest" "$(printf %s 'other key' | b2sum -l 256 | cut -d' ' -f1)" >"$SCRATCH/keys"
serve_start "$bundle" --api-keys "$SCRATCH/keys" --name shown --log-prompts || exit 1
expect_error 401 null "needed" post $chat_path "$(chat "$question")"
expect grep -qi '^WWW-Authenticate: Bearer' "$HEADERS"
expect_error 401 null "not known" get /v1/models -H 'Authorization: Bearer secret kez'
expect_error 401 null "not known" get /metrics -H 'Authorization: Basic c2VjcmV0IGtleQ=='
expect_status 200 get /health
expect_status 200 post $chat_path "$(chat "$question")" -H 'Authorization: Bearer secret key'
expect_json .model '"shown"'
id=$(jq -r .id "$OUT")
expect_status 200 get "/v1/receipts/$id" -H 'Authorization: Bearer secret key'
expect_error 404 null "no receipt of yours" get "/v1/receipts/$id" -H 'Authorization: Bearer other key'
expect log_has 'owner=key:archive'
expect log_has 'body=.*Wer bist du'
expect_silence log_has 'secret'
serve_stop
printf 'archive %s extra\n' "$digest" >"$SCRATCH/keys"
expect_exit 2 "$CLOISTER" serve "$bundle" --trust "$TRUST" --socket "$SOCKET" --api-keys "$SCRATCH/keys"
expect_stderr_line "keys:1"
: >"$SCRATCH/keys"
expect_exit 2 "$CLOISTER" serve "$bundle" --trust "$TRUST" --socket "$SOCKET" --api-keys "$SCRATCH/keys"
expect_stderr_line "nobody could ask"

case_is "a socket is left alone where somebody listens, or it is none"
serve_start "$bundle" || exit 1
expect_exit 1 "$CLOISTER" serve "$bundle" --trust "$TRUST" --socket "$SOCKET"
expect_stderr_line "another process listens"
expect_status 200 get /health
expect [ "$(stat -c %a "$SOCKET")" = 660 ]
serve_stop
echo text >"$SCRATCH/file"
expect_exit 2 "$CLOISTER" serve "$bundle" --trust "$TRUST" --socket "$SCRATCH/file"
expect [ "$(cat "$SCRATCH/file")" = text ]

finish
