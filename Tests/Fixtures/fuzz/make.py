"""Writes the inputs that the fuzzer starts from, where no fixture of the tests is small enough or of the right form.

Python's standard library only. Run in this folder: python3 make.py
"""

import json
import os
import re
import struct
import zipfile

here = os.path.dirname(os.path.abspath(__file__))
fixtures = os.path.dirname(here)


def write(name, content):
    path = os.path.join(here, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def pickles():
    """A byte: number of storages; two bytes each: their sizes; the pickle. Storages are called 0, 1, …"""
    folder = os.path.join(fixtures, "torch")
    for name in sorted(os.listdir(folder)):
        if not name.endswith((".pt", ".pth")) or name == "legacy.pt":
            continue
        with zipfile.ZipFile(os.path.join(folder, name)) as archive:
            sizes = {}
            pickle = b""
            for member in archive.namelist():
                if member.endswith("/data.pkl"):
                    pickle = archive.read(member)
                found = re.search(r"/data/(\d+)$", member)
                if found:
                    sizes[int(found[1])] = archive.getinfo(member).file_size
        count = min(15, max(sizes, default=-1) + 1)
        head = bytes([count]) + b"".join(
            struct.pack("<H", min(sizes.get(index, 0), 0xFFF)) for index in range(count)
        )
        if len(pickle) < 4096:
            write(os.path.join("pickle", os.path.splitext(name)[0]), head + pickle)


def safetensors(tensors):
    header, data = {}, b""
    for name, kind, shape, content in tensors:
        header[name] = {
            "dtype": kind,
            "shape": shape,
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def mlx():
    """config.json, a zero, safetensors: a matrix [2, 64] at 4 bits and at 8 bits."""
    for bits in (4, 8):
        config = json.dumps({"quantization": {"group_size": 32, "bits": bits}})
        words = 64 * bits // 32
        tensors = [
            ("a.weight", "U32", [2, words], bytes(range(8 * words))),
            ("a.scales", "F16", [2, 2], bytes.fromhex("003c0038003c0034")),
            ("a.biases", "F16", [2, 2], bytes.fromhex("00bc00b800bc00b4")),
            ("a.bias", "F32", [2], bytes(8)),
        ]
        write("mlx/bits-%d" % bits, config.encode() + b"\0" + safetensors(tensors))


def text(value):
    return struct.pack("<I", len(value)) + value.encode()


def floats(values):
    return struct.pack("<I", len(values)) + struct.pack("<%df" % len(values), *values)


def table():
    """A calibration table with every statistic; its checksum is the fuzzer's to put right."""
    body = text("martlet 1")
    for names in (["config.json"], ["a.png"]):
        body += struct.pack("<I", len(names))
        for name in names:
            body += text(name) + struct.pack("<I", 4) + b"\1\2\3\4"
    body += struct.pack("<I", 1) + text("b.png") + struct.pack("<QQQ", 1, 1024, 7)
    # 1 to 2 in bins of 2^-11: the first is 2048 and the last 4096, one more than a histogram has, so bins are of 2^-10.
    counts = [1] * 1025
    histogram = struct.pack("<ffiqI", 1, 2, -10, 1024, len(counts))
    histogram += struct.pack("<%dQ" % len(counts), *counts)
    found = [
        struct.pack("<ff", -1, 2),
        floats([0.5, -1]),
        floats([0.5, 1]),
        floats([0.5, 1]),
    ]
    short = [("a", index, content) for index, content in enumerate(found)]
    for name, entries in (("short", short), ("histogram", short + [("b", 4, histogram)])):
        content = body + struct.pack("<I", len(entries))
        for value, statistic, bytes_found in entries:
            content += text(value) + bytes([statistic]) + bytes_found
        head = b"\x89MCAL\r\n\x1a" + struct.pack("<IIQ", 1, 0, len(content))
        write("table/" + name, head + content + bytes(8))


def gguf():
    """The pairs of a language model, its tokenizer included, without a tensor."""
    with open(os.path.join(fixtures, "gguf", "qwen2.gguf"), "rb") as file:
        source = file.read()
    sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

    def skip(place, kind):
        if kind == 8:
            return place + 8 + struct.unpack_from("<Q", source, place)[0]
        if kind == 9:
            element, count = struct.unpack_from("<IQ", source, place)
            place += 12
            for _ in range(count):
                place = skip(place, element)
            return place
        return place + sizes[kind]

    place = 24
    for _ in range(struct.unpack_from("<Q", source, 16)[0]):
        place = skip(place, 8)
        (kind,) = struct.unpack_from("<I", source, place)
        place = skip(place + 4, kind)
    write("gguf/pairs", source[:8] + bytes(8) + source[16:place])


def questions():
    lines = [
        {"image": "a.png", "question": "What is this?", "answer": "a cat", "group": "pets"},
        {"image": "/b.png", "question": "Read “it”."},
    ]
    write("questions/two", "\n".join(json.dumps(line) for line in lines).encode() + b"\n\n")


def configurations():
    """A byte that chooses the checkpoint, then its texts, zeros between."""
    folders = ["tiny/native", "tiny/llava", "mobileclip/apple"]
    names = ["config.json", "preprocessor_config.json", "generation_config.json"]
    names.append("processor_config.json")
    for kind, folder in enumerate(folders):
        parts = []
        for name in names:
            path = os.path.join(fixtures, folder, name)
            content = {}
            if os.path.exists(path):
                with open(path) as file:
                    content = json.load(file)
            parts.append(json.dumps(content, separators=(",", ":")).encode())
        write("configuration/" + folder.replace("/", "-"), bytes([kind]) + b"\0".join(parts))


def results():
    """Lines of `verify --output` and of `tune --output`; their sums are the fuzzer's to put right."""
    digest = "ab" * 32
    subject = {
        "martlet_verification": 2,
        "tool": "martlet 1",
        "pack": {"path": "/a.martlet", "identity": "0123456789abcdef", "bytes": 9, "scheme": "int8",
                 "provenance": [["tool", "martlet 1"]]},
        "reference": "/r", "reference_sha256": digest, "cases_sha256": digest, "pictures": 4, "questions": 4,
        "max_tokens": 8, "layer_pictures": 1, "isa": "avx2", "kv_cache": "f32", "threads": 2, "machine": "m",
        "image": {"resolution": 64, "fit": "pad", "fill": [0, 0, 0]}, "shard": 1, "shards": 1,
    }
    sums = [0.5, 1, 1.25, "inf"]
    question = {
        "question": 0, "text": "q", "group": "g", "answer": "yes", "reference": "yes", "packed": "Yes",
        "token_ids_equal": True, "exact": True, "same_tokens": 1, "kl": [0.01, "nan"], "logit_errors": [0.1, 0.2],
        "logit_errors_max": [0.3, 0.4], "top1": [True, False], "top5": [1, 0.8], "reference_ms": [1, 2],
        "packed_ms": [1, 2], "steps": [1, 1],
    }
    picture = {
        "picture": 0, "name": "a.png", "pixels": "0123456789abcdef", "pixels_difference": 0, "encoder": sums,
        "image_tokens": sums, "feature_errors": [0.1], "reference_ms": [1, 2], "packed_ms": [1, 2],
        "layers": [["vision.stem", [1, 2, 3, 4, 5, 6]]], "questions": [question], "peak_bytes": 1000,
    }
    tuning = {
        "martlet_tuning": 1, "tool": "martlet 1", "source": "/s", "source_sha256": digest, "cases_sha256": digest,
        "pictures": 4, "questions": 4, "max_tokens": 8, "calibration": "", "isa": "avx2", "threads": 2, "machine": "m",
    }
    runs = [
        {"resolution": side, "scheme": "int8", "pack_bytes": 9, "picture": place, "answers": ["yes"], "encode_ms": 1.5,
         "first_token_ms": [2.5]}
        for side in (64, 128) for place in range(4)
    ]
    for name, lines in (("verification", [subject, picture]), ("tuning", [tuning] + runs)):
        sealed = [json.dumps(dict(line, sum="0" * 16), separators=(",", ":")) for line in lines]
        write("results/" + name, ("\n".join(sealed) + "\n").encode())


pickles()
results()
mlx()
table()
gguf()
questions()
configurations()

# Bodies of requests to the server: all that is kept, and an address of a file.
write("chat/turns.json", b"""{"model": "m", "max_completion_tokens": 7, "temperature": 0.5, "seed": 3, "stream": true, "top_p": 1,
"stream_options": {"include_usage": true}, "user": "u", "n": 1, "stop": null, "messages": [
{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "a"},
{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC", "detail": "high"}}]},
{"role": "assistant", "content": "c", "refusal": null, "tool_calls": []}, {"role": "user", "content": "d"}]}
""")
write("chat/file.json", b'''{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "file://a%20b.png"}]}], "tools": [], "tool_choice": "none"}
''')
