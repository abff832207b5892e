#!/usr/bin/env python3
"""mock_server.py SOCKET NAME - answers as `cloister serve` would, as far as a load balancer can tell. The file SOCKET.mode, looked at for each
request, may hold: busy (503 to every question), full (429), sick (its health, too). Questions with "slow" in them take a second; with "stream" they
are answered in three events, half a second apart."""
import http.server
import json
import os
import socketserver
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def mode(self):
        try:
            with open(sys.argv[1] + ".mode", encoding="ascii") as file:
                return file.read().strip()
        except FileNotFoundError:
            return ""

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        sick = self.mode() == "sick"
        self.answer(503 if sick else 200, {"server": sys.argv[2]})

    def do_POST(self):
        question = self.rfile.read(int(self.headers["Content-Length"])).decode()
        mode = self.mode()
        if mode:
            return self.answer(429 if mode == "full" else 503, {"server": sys.argv[2]})
        if '"slow"' in question:
            time.sleep(1)
        if '"stream"' not in question:
            return self.answer(200, {"server": sys.argv[2], "bytes": len(question)})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in ("one", "two", "[DONE]"):
            data = f"data: {event}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            time.sleep(0.5)
        self.wfile.write(b"0\r\n\r\n")


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def get_request(self):
        request, _ = super().get_request()
        return request, ("local", 0)

    def handle_error(self, request, client_address):
        pass  # a health check that does not wait for the body


if os.path.exists(sys.argv[1]):
    os.unlink(sys.argv[1])
Server(sys.argv[1], Handler).serve_forever()
