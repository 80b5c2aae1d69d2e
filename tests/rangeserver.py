#!/usr/bin/env python3
# tests/rangeserver.py - a web server for one file on loopback, with Range, that counts bytes.
"""rangeserver.py FILE STATE

Serves FILE under any path. STATE.port gets the port once it listens; STATE.count the number of
requests and the bytes of all bodies sent, again after each request.
"""

import os
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def put(path, text):
    with open(path + ".new", "w") as file:
        file.write(text)
    os.replace(path + ".new", path)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body at once
    lock = threading.Lock()
    requests = sent = 0

    def log_message(self, *_):
        pass

    def span(self):
        """Status, first byte, one past the last."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked:
            return 200, 0, self.server.size
        first, last = int(asked[1]), int(asked[2] or self.server.size - 1)
        return 206, first, min(last + 1, self.server.size)

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(self.server.size))
        self.end_headers()

    def do_GET(self):
        status, at, end = self.span()
        self.send_response(status)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - at))
        if status == 206:
            self.send_header("Content-Range", f"bytes {at}-{end - 1}/{self.server.size}")
        self.end_headers()
        sent = 0
        try:
            while at < end:
                data = os.pread(self.server.file, min(end - at, 1 << 20), at)
                self.wfile.write(data)
                at, sent = at + len(data), sent + len(data)
        except OSError:
            self.close_connection = True
        self.count(sent)

    def count(self, sent):
        cls = type(self)
        with cls.lock:
            cls.requests += 1
            cls.sent += sent
            put(self.server.state + ".count", f"{cls.requests} {cls.sent}\n")


def main():
    path, state = sys.argv[1:]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.file, server.size, server.state = os.open(path, os.O_RDONLY), os.path.getsize(path), state
    put(state + ".port", f"{server.server_port}\n")
    server.serve_forever()


main()
