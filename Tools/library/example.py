#!/usr/bin/env python3
"""Asks a pack about a picture by libmartlet and ctypes, without any package:

  python3 example.py out/cross/x86-64/libmartlet.so fastvlm.martlet photo.jpg "What is this?"
"""

import ctypes
import pathlib
import sys


class Message(ctypes.Structure):
    _fields_ = [("text", ctypes.c_char * 1024)]


class Request(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("maximum_tokens", ctypes.c_uint32), ("temperature", ctypes.c_float),
        ("seed", ctypes.c_uint64)]


class Result(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("finish", ctypes.c_int), ("prompt_tokens", ctypes.c_uint32),
        ("tokens", ctypes.c_uint32), ("prefill_ms", ctypes.c_double), ("first_token_ms", ctypes.c_double),
        ("total_ms", ctypes.c_double), ("tokens_per_second", ctypes.c_double)]


Token = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_int64, ctypes.c_char_p)


def main(library, pack, picture_path, question):
    martlet = ctypes.CDLL(library)
    message = Message()

    def check(status):
        if status != 0:
            sys.stderr.write(message.text.decode())
            sys.exit(status)

    model, picture = ctypes.c_void_p(), ctypes.c_void_p()
    check(martlet.martlet_model_open(pack.encode(), None, ctypes.byref(model), ctypes.byref(message)))
    file = pathlib.Path(picture_path).read_bytes()
    check(martlet.martlet_picture_from_file(
        model, file, ctypes.c_size_t(len(file)), ctypes.byref(picture), ctypes.byref(message)))

    @Token
    def on_token(context, token, text):
        print(text.decode(), end="", flush=True)
        return True

    request = Request(size=ctypes.sizeof(Request), maximum_tokens=64)
    result = Result(size=ctypes.sizeof(Result))
    check(martlet.martlet_model_generate(
        model, question.encode(), ctypes.byref(picture), ctypes.c_size_t(1), ctypes.byref(request), on_token, None,
        ctypes.byref(result), ctypes.byref(message)))
    print(f"\n{result.tokens} tokens, the first after {result.first_token_ms:.1f} ms", file=sys.stderr)
    martlet.martlet_picture_release(picture)
    martlet.martlet_model_close(model)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: example.py LIBMARTLET.SO PACK PICTURE QUESTION")
    main(*sys.argv[1:])
