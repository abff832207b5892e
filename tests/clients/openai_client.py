#!/usr/bin/env python3
"""Asks a server everything that the stock OpenAI client can ask (Debian's python3-openai), at a Unix socket: chat, streams, tools, JSON schemas,
logprobs, embeddings, errors. Says "ok NAME" or "FAIL NAME: why" for each, and the sum.

    openai_client.py SOCKET TOOLS      the servers have the demo model, the second one under a template that knows tools
"""
import json
import sys

import openai

try:
    import httpx2 as httpx  # what newer clients use
except ImportError:
    import httpx

def client_at(path):
    return openai.OpenAI(
        base_url="http://cloister/v1",
        api_key="none",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(transport=httpx.HTTPTransport(uds=path)),
    )


client, tool_client = (client_at(path) for path in sys.argv[1:3])
QUESTION = [{"role": "user", "content": "Austria: what is the capital?"}]
results = {"passed": 0, "failed": 0}


def case(function):
    try:
        function()
    except Exception as error:  # whatever it is, the case has failed
        print(f"FAIL {function.__doc__}: {type(error).__name__}: {str(error)[:300]}")
        results["failed"] += 1
    else:
        print(f"ok   {function.__doc__}")
        results["passed"] += 1
    return function


def chat(client=client, **more):
    return client.chat.completions.create(model=MODEL, messages=QUESTION, **({"temperature": 0, "max_tokens": 24} | more))


MODEL = client.models.list().data[0].id


@case
def models():
    """models are listed and found"""
    assert client.models.retrieve(MODEL).id == MODEL


@case
def answers():
    """a chat answers"""
    answer = chat()
    assert answer.choices[0].message.content.strip() == "Vienna", answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop" and answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.object == "chat.completion" and answer.system_fingerprint


@case
def streams():
    """a stream says the same, and its usage"""
    whole, usage, finish = "", None, None
    for chunk in chat(stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            whole += choice.delta.content or ""
            finish = choice.finish_reason or finish
    answer = chat()
    assert whole == answer.choices[0].message.content and finish == "stop"
    assert usage.completion_tokens == answer.usage.completion_tokens


@case
def several():
    """n answers, each with its seed; the same seed says the same"""
    first, second = (chat(n=3, temperature=1.5, seed=9) for _ in range(2))
    texts = [choice.message.content for choice in first.choices]
    assert len(texts) == 3 and len(set(texts)) > 1 and texts == [choice.message.content for choice in second.choices]


@case
def stops():
    """a stop text ends an answer, and is not in it"""
    answer = chat(stop=["enn"])
    assert "enn" not in answer.choices[0].message.content and answer.choices[0].finish_reason == "stop"
    assert chat(max_tokens=1).choices[0].finish_reason == "length"


@case
def logprobs():
    """logprobs, with the likeliest beside each"""
    content = chat(logprobs=True, top_logprobs=3).choices[0].logprobs.content
    for token in content:
        assert len(token.top_logprobs) == 3 and token.logprob <= 0 and token.top_logprobs[0].logprob == token.logprob
        assert bytes(token.bytes).decode() == token.token


@case
def biased():
    """logit_bias forbids a token"""
    first = client.completions.create(model=MODEL, prompt="Austria", max_tokens=1, temperature=0, logprobs=1)
    forbidden = client.post("http://cloister/tokenize", cast_to=object, body={"prompt": first.choices[0].text})["tokens"][0]
    other = client.completions.create(model=MODEL, prompt="Austria", max_tokens=1, temperature=0, logit_bias={str(forbidden): -100})
    assert other.choices[0].text != first.choices[0].text


@case
def json_object():
    """response_format json_object gives JSON, unless max_tokens cuts it short"""
    answers = [chat(response_format={"type": "json_object"}, max_tokens=600, temperature=1, seed=seed).choices[0] for seed in range(8)]
    whole = [answer.message.content for answer in answers if answer.finish_reason == "stop"]
    assert len(whole) >= 3, [answer.finish_reason for answer in answers]
    assert all(isinstance(json.loads(text), dict) for text in whole)


SCHEMA = {
    "type": "object",
    "properties": {
        "capital": {"type": "string", "maxLength": 12},
        "inhabitants": {"type": "integer", "minimum": 1, "maximum": 90},
        "member": {"type": "boolean"},
        "language": {"enum": ["de", "fr", "mt"]},
    },
    "required": ["capital", "inhabitants", "member", "language"],
    "additionalProperties": False,
}


@case
def json_schema():
    """response_format json_schema gives what the schema allows, also drawn and streamed"""
    format = {"type": "json_schema", "json_schema": {"name": "country", "schema": SCHEMA, "strict": True}}
    for seed in range(5):
        answer = json.loads(chat(response_format=format, temperature=1.2, seed=seed, max_tokens=200).choices[0].message.content)
        assert list(answer) == list(SCHEMA["properties"]), answer
        assert len(answer["capital"]) <= 12 and 1 <= answer["inhabitants"] <= 90 and answer["language"] in ("de", "fr", "mt")
        assert isinstance(answer["member"], bool)
    streamed = "".join(c.choices[0].delta.content or "" for c in chat(response_format=format, stream=True, max_tokens=200) if c.choices)
    assert json.loads(streamed) == json.loads(chat(response_format=format, max_tokens=200).choices[0].message.content)


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "population",
            "description": "How many people live somewhere",
            "parameters": {
                "type": "object",
                "properties": {"country": {"enum": ["Austria", "Malta"]}, "year": {"type": "integer", "minimum": 1990, "maximum": 2030}},
                "required": ["country", "year"],
                "additionalProperties": False,
            },
        },
    }
]


@case
def tools():
    """a required tool is called with arguments that its schema allows, whole and streamed"""
    for choice in ("required", {"type": "function", "function": {"name": "population"}}):
        answer = chat(tool_client, tools=TOOLS, tool_choice=choice, max_tokens=300).choices[0]
        call = answer.message.tool_calls[0]
        arguments = json.loads(call.function.arguments)
        assert call.function.name == "population" and arguments["country"] in ("Austria", "Malta") and 1990 <= arguments["year"] <= 2030
        assert answer.finish_reason == "tool_calls" and call.id and call.type == "function"
    name, text = None, ""
    for chunk in chat(tool_client, tools=TOOLS, tool_choice="required", max_tokens=300, stream=True):
        for delta in (c for choice in chunk.choices for c in choice.delta.tool_calls or []):
            name = delta.function.name or name
            text += delta.function.arguments or ""
    assert name == "population" and json.loads(text)["country"]


@case
def tool_results():
    """a conversation with a tool's result goes on, and tools need not be called"""
    messages = QUESTION + [
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "population", "arguments": '{"country":"Austria","year":2020}'}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "8.9 million"},
    ]
    answer = tool_client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS, tool_choice="none", max_tokens=10, temperature=0)
    assert answer.choices[0].message.tool_calls is None and isinstance(answer.choices[0].message.content, str)


@case
def embeddings():
    """embeddings have length 1, are the same for the same text, and nearer for a nearer one"""
    vectors = [e.embedding for e in client.embeddings.create(
        model=MODEL, input=["Austria: what is the capital?", "Austria: what is the capital?", "Austria: what is the currency?", "Dobro jutro"]).data]
    dot = lambda a, b: sum(x * y for x, y in zip(a, b))
    assert len(vectors) == 4 and all(abs(dot(v, v) - 1) < 1e-4 for v in vectors)
    assert vectors[0] == vectors[1] and dot(vectors[0], vectors[2]) > dot(vectors[0], vectors[3])


@case
def errors():
    """errors are the client's own kinds, with the field at fault"""
    for kind, param, more in ((openai.BadRequestError, "temperature", {"temperature": -1}), (openai.BadRequestError, "n", {"n": 0})):
        try:
            chat(**more)
        except kind as error:
            assert error.body["param"] == param and error.body["message"], error.body
        else:
            raise AssertionError(f"{more} was taken")
    try:
        client.models.retrieve("no-such-model")
    except openai.NotFoundError:
        pass
    else:
        raise AssertionError("a model that is not there was found")


@case
def raw():
    """plain completions, from text and from tokens"""
    text = client.completions.create(model=MODEL, prompt="Austria: what is", max_tokens=4, temperature=0).choices[0].text
    tokens = client.post("http://cloister/tokenize", cast_to=object, body={"prompt": "Austria: what is"})["tokens"]
    assert client.completions.create(model=MODEL, prompt=tokens, max_tokens=4, temperature=0).choices[0].text == text


print(f"{results['passed']} passed, {results['failed']} failed, 0 skipped")
sys.exit(results["failed"] != 0)
