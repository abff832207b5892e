#!/usr/bin/env python3
"""How long a server is away when it is restarted under load: a service manager in small, which passes the socket on, keeps what it is given to keep,
and starts the next server when the last one has ended. Clients ask all the while, at the socket, and wait there meanwhile. Prints a JSON line for
each restart: seconds from SIGTERM until a question is answered again, and what they are made of.

    restart.py CLOISTER BUNDLE TRUST [--keep-weights] [--restarts N] [--clients N] [--vocab N]
"""
import argparse
import array
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("bundle")
parser.add_argument("trust")
parser.add_argument("--keep-weights", action="store_true")
parser.add_argument("--restarts", type=int, default=3)
parser.add_argument("--clients", type=int, default=4)
parser.add_argument("--vocab", type=int, default=32000)
options = parser.parse_args()

folder = tempfile.mkdtemp()
listener = socket.socket(socket.AF_UNIX)
listener.bind(f"{folder}/socket")
listener.listen(4096)
ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ear.bind(f"\0restart-{os.getpid()}")
kept = {}  # name: descriptor
ready = threading.Event()


def hear():
    while True:
        message, ancillary, _, _ = ear.recvmsg(4096, socket.CMSG_SPACE(64))
        words = dict(line.split("=", 1) for line in message.decode().split("\n") if "=" in line)
        fds = array.array("i")
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(data)
        if "FDSTORE" in words:
            kept[words["FDNAME"]] = fds.pop()
        if "FDSTOREREMOVE" in words and words["FDNAME"] in kept:
            os.close(kept.pop(words["FDNAME"]))
        for fd in fds:  # a barrier
            os.close(fd)
        if words.get("READY"):
            ready.set()


def start():
    ready.clear()
    names, fds = ["http", *kept], [listener.fileno(), *kept.values()]

    def arrange():
        for i, fd in enumerate(fds):
            os.dup2(fd, 300 + i)
        for i in range(len(fds)):
            os.dup2(300 + i, 3 + i)

    environment = {"LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": ":".join(names), "NOTIFY_SOCKET": f"@restart-{os.getpid()}"}
    command = [options.program, "serve", options.bundle, "--trust", options.trust, "--grace", "0.5"]
    command += ["--keep-weights"] if options.keep_weights else []
    return subprocess.Popen(["sh", "-c", 'export LISTEN_PID=$$; exec "$@"', "sh", *command], env=environment, preexec_fn=arrange,
                            close_fds=False, stderr=open(f"{folder}/log", "ab"))


def ask(tokens=8):
    """One answer, however long the server is away; the seconds that it took."""
    begin = time.time()
    body = json.dumps({"prompt": [300, 301, 302 + int(begin * 1e6) % 1000], "max_tokens": tokens, "temperature": 0}).encode()
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(300)
                client.connect(f"{folder}/socket")
                client.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
                               + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
                answer = b""
                while data := client.recv(65536):
                    answer += data
            if answer.startswith(b"HTTP/1.1 200"):
                return time.time() - begin
        except OSError:
            pass


running = True


def load():
    while running:
        ask(100)


threading.Thread(target=hear, daemon=True).start()
child = start()
ready.wait()
for _ in range(options.clients):
    threading.Thread(target=load, daemon=True).start()
for _ in range(options.restarts):
    time.sleep(2)
    begin = time.time()
    child.send_signal(signal.SIGTERM)
    child.wait()
    ended = time.time()
    child = start()
    ready.wait()
    is_ready = time.time()
    ask()
    print(json.dumps({"kept": len(kept), "away_s": round(time.time() - begin, 3), "stopping_s": round(ended - begin, 3),
                      "starting_s": round(is_ready - ended, 3)}), flush=True)
running = False
child.send_signal(signal.SIGTERM)
child.wait()
os._exit(0)
