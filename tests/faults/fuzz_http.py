#!/usr/bin/env python3
"""Sends broken HTTP to a server's Unix socket for so many seconds: whole requests with bytes changed, cut, doubled and moved, heads and bodies, in
pieces or at once. After each hundred a good request must be answered. Prints how many there were; exits with 1 where the server does not answer.

    fuzz_http.py SOCKET SECONDS [SEED]
"""
import json
import random
import socket
import sys
import time

PATH, SECONDS = sys.argv[1], float(sys.argv[2])
random.seed(int(sys.argv[3]) if len(sys.argv) > 3 else 1)


def request(method, path, body=b"", extra=b""):
    length = f"Content-Length: {len(body)}\r\n".encode() if body else b""
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode() + length + extra + b"\r\n" + body


def chunked(body):
    half = len(body) // 2
    pieces = b"".join(f"{len(p):x}\r\n".encode() + p + b"\r\n" for p in (body[:half], body[half:])) + b"0\r\n\r\n"
    return b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces


COMPLETION = json.dumps({"prompt": [300, 301], "max_tokens": 2, "temperature": 0}).encode()
CHAT = json.dumps({"messages": [{"role": "user", "content": "x"}], "max_tokens": 2, "stream": True, "tools": [
    {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}],
    "response_format": {"type": "json_object"}, "logit_bias": {"300": 1}, "stop": ["a"], "n": 2, "logprobs": True, "top_logprobs": 2}).encode()
SEEDS = [
    request("GET", "/health"), request("GET", "/v1/models"), request("GET", "/metrics"), request("GET", "/"), request("GET", "/v1/receipts/x"),
    request("POST", "/v1/completions", COMPLETION), request("POST", "/v1/chat/completions", CHAT), chunked(COMPLETION),
    request("POST", "/v1/completions", COMPLETION, b"Expect: 100-continue\r\n"), request("OPTIONS", "/v1/models"), request("HEAD", "/health"),
    request("POST", "/tokenize", b'{"prompt":"a"}'), request("POST", "/detokenize", b'{"tokens":[300]}'),
    request("POST", "/v1/embeddings", b'{"input":[[300,301],[302]],"encoding_format":"base64"}'),
]
WORDS = [b"\r\n", b"\n", b"\0", b"\xff", b" ", b":", b"%00", b"%2e%2e/", b"HTTP/9.9", b"Content-Length: 99999999999999999999\r\n", b"chunked",
         b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n", b"{" * 200, b"[" * 200, b'"' * 3, b"\\u0000", b"\\ud800", b"1e999", b"A" * 20000]


def broken():
    text = bytearray(random.choice(SEEDS) * random.choice([1, 1, 1, 2]))
    for _ in range(random.choice([0, 1, 1, 2, 4, 16])):
        at = random.randrange(len(text) + 1)
        kind = random.randrange(5)
        if kind == 0 and at < len(text):
            text[at] = random.randrange(256)
        elif kind == 1:
            text[at:at] = random.choice(WORDS)
        elif kind == 2:
            del text[at:at + random.choice([1, 1, 5, 50])]
        elif kind == 3:
            other = random.choice(SEEDS)
            text[at:at] = other[random.randrange(len(other)):]
        else:
            text = text[:at] if random.random() < 0.3 else text
    return bytes(text)


def send(text, wait):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(wait)
        try:
            client.connect(PATH)
            cut = random.randrange(len(text) + 1) if random.random() < 0.3 else len(text)
            client.sendall(text[:cut])
            if cut < len(text):
                client.sendall(text[cut:])
            if random.random() < 0.5:
                client.shutdown(socket.SHUT_WR)
            return client.recv(65536)
        except OSError:
            return b""


sent, start = 0, time.time()
while time.time() - start < SECONDS:
    for _ in range(100):
        send(broken(), 0.02)
        sent += 1
    if not send(SEEDS[0], 20).startswith(b"HTTP/1.1 200"):
        print(f"after {sent} broken requests the server does not answer")
        sys.exit(1)
print(f"{sent} broken requests in {time.time() - start:.0f} s, and the server answers")
