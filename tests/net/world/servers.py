#!/usr/bin/env python3
"""servers.py LOG [--dns ADDRESS]… [--http ADDRESS:PORT]… [--tls ADDRESS:PORT]… [--root DIR] [--cert FILE --key FILE]:
the resolvers and web servers of the tests' internet. Every query, connection and request becomes a line of LOG, so
that a test can say what never arrived. Prints "ready" once all listen, and ends with its standard input."""
import argparse
import functools
import http.server
import os
import socket
import ssl
import struct
import sys
import threading
import time

WEB, WEB6, OTHER, OTHER6 = "93.184.20.10", "2a00:1450:2::10", "93.184.20.20", "2a00:1450:2::20"
A, NS, CNAME, SOA, PTR, TXT, AAAA, HTTPS, ANY = 1, 2, 5, 6, 12, 16, 28, 65, 255
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
TYPES = {A: "A", CNAME: "CNAME", PTR: "PTR", TXT: "TXT", AAAA: "AAAA", HTTPS: "HTTPS", ANY: "ANY", 252: "AXFR"}
CHAIN = 10

ZONE = {  # name: [(type, value, ttl)]
    "web.test": [(A, WEB, 60), (AAAA, WEB6, 60), (HTTPS, None, 60)],
    "sub.web.test": [(A, WEB, 60), (AAAA, WEB6, 60)],
    "other.test": [(A, OTHER, 60), (AAAA, OTHER6, 60)],
    "denied.test": [(A, OTHER, 60), (AAAA, OTHER6, 60)],
    "shared.test": [(A, WEB, 60), (AAAA, WEB6, 60)],
    "v4only.test": [(A, WEB, 60)],
    "v6only.test": [(AAAA, WEB6, 60)],
    "short.test": [(A, WEB, 1), (AAAA, WEB6, 1)],
    "slow.test": [(A, WEB, 60), (AAAA, WEB6, 60)],
    "big.test": [(TXT, "x" * 250 + f"{number:04}", 60) for number in range(20)],
    "truncated.test": [(A, WEB, 60), (AAAA, WEB6, 60)],
    "many.test": [(A, f"93.184.20.{100 + number}", 60) for number in range(20)],
    "dual.test": [(A, WEB, 60), (AAAA, "2a00:1450:2::66", 60)],
    "lan.test": [(A, "10.20.0.5", 60), (AAAA, "fd12:3456::5", 60)],
    "to-denied.test": [(CNAME, "denied.test", 60)],
    "loop.test": [(CNAME, "loop.test", 60)],
    "rebind-loopback.test": [(A, "127.0.0.1", 60), (AAAA, "::1", 60)],
    "rebind-any.test": [(A, "0.0.0.0", 60), (AAAA, "::", 60)],
    "rebind-lan.test": [(A, "10.20.0.5", 60), (AAAA, "fd12:3456::5", 60)],
    "rebind-shared.test": [(A, "100.64.0.5", 60)],
    "rebind-metadata.test": [(A, "169.254.169.254", 60), (AAAA, "fd00:ec2::254", 60)],
    "rebind-host.test": [(A, "93.184.10.2", 60), (AAAA, "2a00:1450:1::2", 60)],
    "rebind-mapped.test": [(AAAA, "::ffff:127.0.0.1", 60)],
    "rebind-nat64.test": [(AAAA, "64:ff9b::7f00:1", 60)],
    "10.20.184.93.in-addr.arpa": [(PTR, "web.test", 60)],
    **{f"chain{number}.test": [(CNAME, f"chain{number + 1}.test", 60)] for number in range(CHAIN)},
    f"chain{CHAIN}.test": [(A, WEB, 60), (AAAA, WEB6, 60)],
}


class Log:
    def __init__(self, path):
        self.file, self.lock = open(path, "a", buffering=1), threading.Lock()

    def __call__(self, *words):
        with self.lock:
            self.file.write(" ".join(str(word) for word in words) + "\n")


# ---- names --------------------------------------------------------------------------------------------------------

def encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def encode_value(kind, value):
    if kind == A:
        return socket.inet_aton(value)
    if kind == AAAA:
        return socket.inet_pton(socket.AF_INET6, value)
    if kind in (CNAME, NS, PTR):
        return encode_name(value)
    if kind == HTTPS:  # priority, target, alpn=h2, ipv4hint, ech
        return (struct.pack("!H", 1) + b"\0" + struct.pack("!HH", 1, 3) + b"\x02h2" +
                struct.pack("!HH", 4, 4) + socket.inet_aton(OTHER) + struct.pack("!HH", 5, 4) + b"echo")
    data = value.encode()
    return b"".join(bytes([len(part)]) + part for part in (data[at:at + 255] for at in range(0, len(data), 255)))


def record(name, kind, value, ttl):
    data = encode_value(kind, value)
    return encode_name(name) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def start_of_authority():
    data = encode_name("ns.test") + encode_name("root.test") + struct.pack("!5I", 1, 60, 60, 60, 5)
    return encode_name("test") + struct.pack("!HHIH", SOA, 1, 5, len(data)) + data


def parse_question(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]])
        at += 1 + query[at]
    kind = struct.unpack("!H", query[at + 1:at + 3])[0]
    return b".".join(labels).decode("latin-1"), kind, query[12:at + 5]


def find(name, kind, resolver):
    """The code and the records of the answer, along CNAMEs."""
    if name == "servfail.test":
        return SERVFAIL, []
    if name == "which.test" and kind == TXT:
        return NOERROR, [(name, TXT, f"resolver {resolver}", 0)]
    answer, owner = [], name
    for _ in range(CHAIN + 2):
        if owner not in ZONE:
            return (NOERROR if answer else NXDOMAIN), answer
        aliases = [entry for entry in ZONE[owner] if entry[0] == CNAME and kind != CNAME]
        answer += [(owner, *entry) for entry in aliases or ZONE[owner] if aliases or kind in (entry[0], ANY)]
        if not aliases:
            break
        owner = aliases[0][1]
    return NOERROR, answer


def answer_query(query, resolver, transport, log):
    name, kind, question = parse_question(query)
    log("dns", resolver, transport, name, TYPES.get(kind, kind))
    lower = name.lower()
    if lower == "slow.test":
        time.sleep(1.5)
    code, records = find(lower, kind, resolver)
    body = b"".join(record(*entry) for entry in records)
    authority = b"" if records else start_of_authority()
    extra = query[12 + len(question):]
    wants_edns = struct.unpack("!H", query[10:12])[0] == 1 and extra[:1] == b"\0" and extra[1:3] == b"\0\x29"
    room = struct.unpack("!H", extra[3:5])[0] if wants_edns else 512
    option = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0) if wants_edns else b""
    flags, count = 0x8180 | code, len(records)
    if transport == "udp" and (lower == "truncated.test" or 12 + len(question) + len(body) + len(option) > max(room, 512)):
        flags, count, body, authority = flags | 0x0200, 0, b"", b""
    head = query[:2] + struct.pack("!5H", flags, 1, count, 1 if authority else 0, 1 if wants_edns else 0)
    return head + question + body + authority + option


def serve_dns(address, log):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    datagrams, listener = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for server in (datagrams, listener):
        server.bind((address, 53))
    listener.listen(64)

    def answer_datagram(query, peer):
        datagrams.sendto(answer_query(query, address, "udp", log), peer)

    def answer_stream(connection):
        with connection, connection.makefile("rb") as stream:
            while size := stream.read(2):
                answer = answer_query(stream.read(struct.unpack("!H", size)[0]), address, "tcp", log)
                connection.sendall(struct.pack("!H", len(answer)) + answer)

    start(accept_forever, listener, answer_stream)
    start(receive_forever, datagrams, answer_datagram)


def receive_forever(datagrams, handler):
    while True:
        start(handler, *datagrams.recvfrom(4096))


# ---- the web ------------------------------------------------------------------------------------------------------

class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments, place, log, **options):
        self.place, self.log = place, log
        super().__init__(*arguments, **options)

    def do_GET(self):
        self.log("http", self.place, "GET", self.path, self.headers.get("Host", "-"), self.client_address[0])
        if self.path.startswith("/files/"):
            self.path = self.path[len("/files"):]
            return super().do_GET()
        if self.path.startswith("/bytes/"):
            return self.send_body(bytes(range(251)) * (int(self.path.split("/")[2]) // 251 + 1), int(self.path.split("/")[2]))
        return self.send_body(f"hello from {self.place} for {self.headers.get('Host', '-')}\n".encode())

    def do_PUT(self):
        length, total = int(self.headers["Content-Length"]), 0
        while total < length and (part := self.rfile.read(min(65536, length - total))):
            total += len(part)
        self.log("http", self.place, "PUT", self.path, total)
        self.send_body(f"{total}\n".encode())

    def send_body(self, body, length=None):
        self.send_response(200)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body[:length])

    def log_message(self, *_):
        pass


def serve_web(place, options, log, context=None):
    address, _, port = place.rpartition(":")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address.strip("[]"), int(port)))
    listener.listen(512)

    def answer(connection):
        with connection:
            log("tcp", place, connection.getpeername()[0])
            try:
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                Handler(connection, connection.getpeername(), None, place=place, log=log, directory=options.root)
            except OSError as why:
                log("error", place, type(why).__name__)

    start(accept_forever, listener, answer)


def tls_context(options, log):
    if not options.cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert, options.key)
    context.sni_callback = lambda connection, name, _: log("sni", name or "-")
    return context


def start(function, *arguments):
    threading.Thread(target=functools.partial(function, *arguments), daemon=True).start()


def accept_forever(listener, handler):
    while True:
        start(handler, listener.accept()[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("log")
    for name in ("--dns", "--http", "--tls"):
        parser.add_argument(name, action="append", default=[])
    for name in ("--root", "--cert", "--key"):
        parser.add_argument(name)
    options = parser.parse_args()
    log = Log(options.log)
    for address in options.dns:
        serve_dns(address, log)
    for place in options.http:
        serve_web(place, options, log)
    for place in options.tls:
        serve_web(place, options, log, tls_context(options, log))
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)


main()
