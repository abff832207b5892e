#!/usr/bin/env python3
"""Clients that behave badly, one kind a run, at a server's Unix socket; prints what came of it.

    abuse.py SOCKET KIND [N]
"""
import json
import os
import resource
import socket
import sys
import time

PATH, KIND = sys.argv[1], sys.argv[2]
N = int(sys.argv[3]) if len(sys.argv) > 3 else 1
STREAM = {"prompt": [300 + i for i in range(40)], "max_tokens": 400, "temperature": 0, "stream": True}


def connect():
    """Comes again for a while where more wait outside than the server lets wait."""
    client = socket.socket(socket.AF_UNIX)
    for _ in range(3000):
        try:
            client.connect(PATH)
            break
        except BlockingIOError:
            time.sleep(0.01)
    client.settimeout(60)
    return client


def head(bytes_, path="/v1/completions"):
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {bytes_}\r\n\r\n".encode()


def ask(body):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    client = connect()
    client.sendall(head(len(body)) + body)
    return client


def status(client):
    """0: the server has hung up."""
    try:
        answer = client.recv(65536)
    except ConnectionError:
        return 0
    return int(answer.split(b" ", 2)[1]) if answer else 0


def vanish():
    for _ in range(N):
        client = ask(STREAM)
        client.recv(1)
        client.close()
    return f"{N} left amid a stream"


def slow_reader():
    clients = [ask(STREAM) for _ in range(N)]
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    for _ in range(20):
        for client in clients:
            client.recv(1)
        time.sleep(0.25)
    return f"{N} read 4 bytes a second"


def slow_sender():
    body = json.dumps(STREAM).encode()
    clients = [connect() for _ in range(N)]
    for at, byte in enumerate(head(len(body)) + body[:-1]):
        for client in clients:
            client.sendall(bytes([byte]))
        if at > 25:
            break
        time.sleep(0.2)
    return f"{N} sent 5 bytes a second"


def idle():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = [connect() for _ in range(N)]
    time.sleep(3)
    return f"{len(clients)} idle; one more is answered with {status(ask(dict(STREAM, stream=False, max_tokens=2)))}"


def half():
    clients = [connect() for _ in range(N)]
    for i, client in enumerate(clients):
        client.sendall(head(1000)[: 20 + i % 60] if i % 2 else head(1000) + b'{"prompt": [')
    time.sleep(2)
    return f"{N} half requests"


def large():
    client = connect()
    client.sendall(head(100 << 20))
    sent = 0
    try:
        while sent < 100 << 20:
            sent += client.send(b" " * (1 << 20))
    except OSError:
        pass
    return f"100 MiB are answered with {status(client)}"


def hostile():
    bodies = [
        b'{"prompt":"\xff\xfe","max_tokens":1}',
        b'{"prompt":' + b"[" * 100000,
        b'{"prompt":[1],"max_tokens":1,"a":' + b'{"a":' * 50000 + b"1" + b"}" * 50001,
        b'{"prompt":[300],"temperature":NaN}',
        b'{"prompt":[300],"temperature":1e999}',
        b'{"prompt":[300],"max_tokens":-1}',
        b'{"prompt":[4294967296]}',
        b"\x00" * 1000,
        b'{"prompt":[300],"stop":["' + b"a" * 5000 + b'"]}',
    ]
    return " ".join(str(status(ask(body))) for body in bodies)


def crowd():
    clients = [ask(dict(STREAM, max_tokens=200)) for _ in range(N)]
    codes = sorted({status(client) for client in clients})
    return f"{N} at once are answered with {codes}"


def manager():
    """A service manager: starts the program behind the arguments, tells what it says, then stops it (SIGSTOP) and waits for its signs of life to end."""
    import signal
    import subprocess

    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind("\0cloister-faults-%d" % os.getpid())
    ear.settimeout(30)
    child = subprocess.Popen(sys.argv[4:], env={"NOTIFY_SOCKET": "@cloister-faults-%d" % os.getpid(), "WATCHDOG_USEC": "1500000"})
    said = []
    start = time.time()
    while time.time() - start < 6:
        said += ear.recv(4096).decode().split("\n")
    child.send_signal(signal.SIGSTOP)
    time.sleep(1)
    ear.settimeout(0.1)
    try:
        while True:
            ear.recv(4096)
    except TimeoutError:
        pass
    ear.settimeout(3)
    try:
        after = ear.recv(4096)
    except TimeoutError:
        after = None
    child.send_signal(signal.SIGCONT)
    child.send_signal(signal.SIGTERM)
    ear.settimeout(5)
    try:
        while child.poll() is None:
            said += ear.recv(4096).decode().split("\n")
    except TimeoutError:
        pass
    child.wait(10)
    return f"ready {said.count('READY=1')}, alive {'often' if said.count('WATCHDOG=1') >= 5 else said.count('WATCHDOG=1')}, " \
           f"stopped {'silent' if after is None else after}, stopping {said.count('STOPPING=1')}, exit {child.returncode}"


print(globals()[KIND]())
