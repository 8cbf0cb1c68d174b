#!/usr/bin/env python3
"""Tries `martlet serve` as clients do that were written for OpenAI's interface, and as those do that mean harm.

    Tools/serving/try_server.py MARTLET PACK [--requests N]

Starts the server on a free port of this machine with a folder of pictures it may read, then checks: answers whole and
streamed with the `openai` package, 16 clients at once, clients that vanish, bodies beyond the limit, broken pictures,
ways out of the folder, keys, memory over many requests, the end by SIGTERM. Prints a line for each; exit code 1 where
one fails. Development only: needs requirements.txt beside it.
"""

import argparse
import base64
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

import openai

ROOT = pathlib.Path(__file__).resolve().parents[2]
EVALUATION = ROOT / "Tests/Fixtures/nano/evaluation"
KEY = "a-key-for-this-trial"
failed = []


def check(name, holds, shown=""):
    print(f"{'ok    ' if holds else 'FAILED'} {name}{': ' if shown != '' else ''}{shown}", flush=True)
    if not holds:
        failed.append(name)


class Server:
    def __init__(self, program, pack, folder, *options):
        key = pathlib.Path(folder).parent / "key"
        key.write_text(KEY + "\n")
        self.log = open(pathlib.Path(folder).parent / "log", "w+")
        self.process = subprocess.Popen(
            [program, "serve", pack, "--port", "0", "--allow-files", folder, "--key-file", str(key), *options],
            stderr=self.log, stdout=subprocess.DEVNULL)
        for _ in range(600):
            self.log.seek(0)
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.log.read())
            if found:
                break
            time.sleep(0.1)
        self.port = int(found.group(1))

    def resident(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s*(\d+)", status).group(1)) * 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def client(self):
        return openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key=KEY, max_retries=0, timeout=120)

    def post(self, value, headers=(), path="/v1/chat/completions"):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("POST", path, body, {
            "Content-Type": "application/json", "Authorization": f"Bearer {KEY}", **dict(headers)})
        response = connection.getresponse()
        return response.status, response.read().decode()

    def metric(self, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {KEY}"})
        text = connection.getresponse().read().decode()
        found = re.search(rf"^martlet_{name} (\S+)$", text, re.M)
        return float(found.group(1))


def question(row, address=None):
    address = address or "data:image/jpeg;base64," + base64.b64encode((EVALUATION / row["image"]).read_bytes()).decode()
    return [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": address}}, {"type": "text", "text": row["question"]}]}]


def conversations(server, rows):
    client = server.client()
    model = client.models.list().data[0].id
    right = 0
    for row in rows[:8]:
        answer = client.chat.completions.create(model=model, messages=question(row), max_tokens=24)
        right += answer.choices[0].message.content.strip().lower() == row["answer"].lower()
    check("answers with openai's client, whole", right >= 6, f"{right} of 8 as in the evaluation set")
    check("usage counts", answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens)
    row = rows[0]
    whole = client.chat.completions.create(model=model, messages=question(row), max_tokens=24)
    chunks = list(client.chat.completions.create(
        model=model, messages=question(row), max_tokens=24, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    check("the stream says the same", text == whole.choices[0].message.content, text)
    check("the stream counts tokens", chunks[-1].usage.completion_tokens == whole.usage.completion_tokens)
    by_file = client.chat.completions.create(
        model=model, messages=question(row, "file://allowed.jpg"),
        max_tokens=24)
    check("a file of the folder gives the same", by_file.choices[0].message.content == text)
    turns = question(row) + [{"role": "assistant", "content": text}, {"role": "user", "content": row["question"]}]
    later = client.chat.completions.create(model=model, messages=turns, max_tokens=4)
    check("a second turn", later.usage.prompt_tokens > whole.usage.prompt_tokens)
    try:
        client.with_options(api_key="wrong").models.list()
        check("a wrong key", False)
    except openai.AuthenticationError as error:
        check("a wrong key is refused", True, error.status_code)
    for name, options in [("n", {"n": 2}), ("tools", {"tools": [{"type": "function", "function": {"name": "f"}}]}),
                          ("stop", {"stop": "x"}), ("an unknown field", {"extra_body": {"colour": 1}})]:
        try:
            client.chat.completions.create(model=model, messages=question(row), **options)
            check(f"{name} is refused", False)
        except openai.BadRequestError as error:
            check(f"{name} is refused", True, error.body["message"])


def crowd(server, rows):
    client = server.client()
    model = client.models.list().data[0].id

    def ask(row):
        try:
            answer = client.chat.completions.create(model=model, messages=question(row), max_tokens=24)
            return answer.choices[0].message.content.strip().lower() == row["answer"].lower()
        except openai.InternalServerError as error:
            return error.status_code
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        results = list(pool.map(ask, [rows[i % len(rows)] for i in range(64)]))
    right = sum(result is True for result in results)
    check("16 clients at once, 64 questions", right >= 48 and not any(result == 500 for result in results),
          f"{right} right, {sum(result is False for result in results)} wrong, "
          f"{sum(result == 503 for result in results)} turned away")


def vanish(server, rows):
    before = server.metric("cancelled_total")
    body = json.dumps({"messages": question(rows[0]), "stream": True, "max_tokens": 500, "temperature": 2}).encode()
    for index in range(10):
        with socket.create_connection(("127.0.0.1", server.port)) as link:
            link.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
                         f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            if index % 2:
                link.recv(300)
    for _ in range(100):
        time.sleep(0.1)
        if server.metric("waiting_requests") == 0:
            break
    status, _ = server.post({"messages": question(rows[0]), "max_tokens": 8})
    check("clients that vanish", status == 200, f"{server.metric('cancelled_total') - before:.0f} of 10 given up early")


def harm(server, rows, folder):
    status, _ = server.post(b"x" * 200_000_000)
    check("a body of 200 MB", status == 413, status)
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.settimeout(20)
        link.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
                     "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        try:
            for _ in range(100):
                link.sendall(chunk)
            answer = link.recv(100)
        except OSError:
            answer = link.recv(100) or b"closed"
    check("100 MB in chunks", b" 413 " in answer, answer[:20])
    picture = (EVALUATION / rows[0]["image"]).read_bytes()
    for name, data in [("cut", picture[:len(picture) // 2]), ("empty", b""), ("noise", os.urandom(5000))]:
        address = "data:image/jpeg;base64," + base64.b64encode(data).decode()
        status, text = server.post({"messages": question(rows[0], address)})
        check(f"a picture that is {name}", status == 400, json.loads(text)["error"]["message"])
    outside = pathlib.Path(folder).parent / "outside.jpg"
    outside.write_bytes(picture)
    (pathlib.Path(folder) / "link.jpg").symlink_to(outside)
    os.mkfifo(pathlib.Path(folder) / "pipe.jpg")
    for address in [f"file://{outside}", "file://../outside.jpg", "file://%2e%2e/outside.jpg", "file://link.jpg",
                    "file:///etc/passwd", "file://pipe.jpg", "file://.", "file://a%00b", "file://nothing.jpg"]:
        status, text = server.post({"messages": question(rows[0], address)})
        check(f"no way out by {address.replace(str(outside.parent), '…')}", status == 403, status)
    for address in ["http://127.0.0.1:1/a.jpg", "ftp://a", "data:image/png,abc", "data:image/png;base64,@@"]:
        status, text = server.post({"messages": question(rows[0], address)})
        check(f"refused: {address}", status == 400, json.loads(text)["error"]["message"])
    for name, body in [("no JSON", b"{"), ("a list", b"[]"), ("nothing", b""), ("deep nesting", b"[" * 100_000),
                       ("no messages", b"{}"), ("a role", b'{"messages": [{"role": "x", "content": ""}]}'),
                       ("a marker", b'{"messages": [{"role": "user", "content": "<|im_end|>"}]}')]:
        status, text = server.post(body)
        check(f"a body with {name}", status == 400, json.loads(text)["error"]["message"])
    status, _ = server.post({"messages": [{"role": "user", "content": "word " * 20_000}]})
    check("a prompt beyond the context", status == 400, status)
    status, _ = server.post({"messages": []}, {"Content-Type": "text/plain"})
    check("another content type", status == 415, status)
    for name, raw in [("no HTTP", b"\x00\x01\x02\r\n\r\n"), ("a header of 1 MB", b"GET / HTTP/1.1\r\nA: " + b"a" * 1_000_000)]:
        with socket.create_connection(("127.0.0.1", server.port)) as link:
            link.settimeout(10)
            try:
                link.sendall(raw)
                answer = link.recv(100)
            except OSError:
                answer = b""
        check(name, answer == b"" or b" 4" in answer[:16], answer[:30])
    links = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    for link in links:
        link.close()
    time.sleep(0.5)
    check("after 200 connections", server.post({"messages": question(rows[0]), "max_tokens": 4})[0] == 200)


def soak(server, rows, count):
    body = {"messages": question(rows[0]), "max_tokens": 8}
    for _ in range(50):
        server.post(body)
    memory, files, start = server.resident(), server.descriptors(), time.time()
    wrong = sum(server.post(body)[0] != 200 for _ in range(count))
    rate = count / (time.time() - start)
    grown = server.resident() - memory
    check(f"{count} requests", wrong == 0 and grown < 4 << 20 and server.descriptors() <= files,
          f"{rate:.1f} a second, memory {memory / 1e6:.1f} MB and {grown / 1e6:+.2f} MB after, "
          f"{server.descriptors() - files:+d} descriptors")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("martlet")
    parser.add_argument("pack")
    parser.add_argument("--requests", type=int, default=1000)
    options = parser.parse_args()
    rows = [json.loads(line) for line in open(next(EVALUATION.glob("*.jsonl")))]
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "pictures"
        folder.mkdir()
        (folder / "allowed.jpg").write_bytes((EVALUATION / rows[0]["image"]).read_bytes())
        server = Server(options.martlet, options.pack, str(folder), "--patience", "10")
        try:
            conversations(server, rows)
            crowd(server, rows)
            vanish(server, rows)
            harm(server, rows, str(folder))
            soak(server, rows, options.requests)
            server.process.send_signal(signal.SIGTERM)
            check("SIGTERM", server.process.wait(20) == 0)
        finally:
            server.process.kill()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
