"""llama.cpp by its C API: quantizes a GGUF file, then answers every case of a job with the model that came out.

    python llama_worker.py FLOAT.gguf Q4_0 JOB.npz OUT.npz --quantized OUT.gguf [--imatrix MATRIX.npz] [--threads 2]

Called by `accuracy_llama.py`. Writes the logits at every position of the job's answers, its own greedy answers, and what
the file holds. Everything at run time is llama.cpp's default, its cache of keys and values in float16 included. Needs
llama-cpp-python, numpy and gguf.
"""

import argparse
import collections
import ctypes
import json

import llama_cpp as llama
import numpy as np
from gguf import GGUFReader

FORMS = {
    "Q8_0": llama.LLAMA_FTYPE_MOSTLY_Q8_0,
    "Q4_0": llama.LLAMA_FTYPE_MOSTLY_Q4_0,
    "Q4_K_M": llama.LLAMA_FTYPE_MOSTLY_Q4_K_M,
}
CONTEXT, LONGEST, TOKENS, END_OF_TEXT = 512, 64, 1290, 1287


def quantize(source: str, form: str, target: str, matrix: str | None, threads: int) -> None:
    settings = llama.llama_model_quantize_default_params()
    settings.ftype, settings.nthread = FORMS[form], threads
    if matrix is not None:
        values = {name: np.ascontiguousarray(v, np.float32) for name, v in np.load(matrix).items()}
        # An entry without a name ends the list.
        entries = (llama.llama_model_imatrix_data * (len(values) + 1))()
        for entry, (name, v) in zip(entries, values.items()):
            entry.name, entry.size = name.encode(), v.size
            entry.data = v.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        settings.imatrix = entries
    if llama.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(settings)) != 0:
        raise SystemExit("llama.cpp refused to quantize")


def about(path: str) -> dict:
    tensors = GGUFReader(path).tensors
    return {
        "bytes": int(sum(t.n_bytes for t in tensors)),
        "types": dict(collections.Counter(t.tensor_type.name for t in tensors)),
        "head": next(t.tensor_type.name for t in tensors if t.name == "token_embd.weight"),
    }


class Session:
    def __init__(self, path: str, threads: int):
        self.model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
        settings = llama.llama_context_default_params()
        settings.n_ctx = settings.n_batch = settings.n_ubatch = CONTEXT
        settings.n_threads = settings.n_threads_batch = threads
        self.context = llama.llama_init_from_model(self.model, settings)
        self.memory = llama.llama_get_memory(self.context)
        self.ids = llama.llama_batch_init(CONTEXT, 0, 1)
        self.rows = llama.llama_batch_init(CONTEXT, llama.llama_model_n_embd(self.model), 1)
        self.length = 0

    def cut(self, length: int) -> None:
        if not llama.llama_memory_seq_rm(self.memory, 0, length, -1):
            raise SystemExit("llama.cpp cannot take back positions")
        self.length = length

    def run(self, batch, count: int, wanted: int) -> np.ndarray:
        """Takes `count` positions in; gives the logits behind the last `wanted`."""
        batch.n_tokens = count
        for i in range(count):
            batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0] = self.length + i, 1, 0
            batch.logits[i] = i >= count - wanted
        if llama.llama_decode(self.context, batch) != 0:
            raise SystemExit("llama.cpp could not decode")
        self.length += count
        found = [llama.llama_get_logits_ith(self.context, i)[:TOKENS] for i in range(count - wanted, count)]
        return np.array(found, np.float32)

    def append(self, ids: list[int], wanted: int) -> np.ndarray:
        for i, id_ in enumerate(ids):
            self.ids.token[i] = id_
        return self.run(self.ids, len(ids), wanted)

    def show(self, tokens: np.ndarray) -> None:
        flat = np.ascontiguousarray(tokens, np.float32)
        ctypes.memmove(self.rows.embd, flat.ctypes.data, flat.nbytes)
        self.run(self.rows, len(tokens), 0)

    def answer(self, given: list[int], logits: np.ndarray, start: int) -> list[int]:
        """The greedy answer, of which `logits` already tell as much as it shares with `given`; `start` is where it begins."""
        said: list[int] = []
        for expected, row in zip(given, logits):
            said.append(int(row.argmax()))
            if said[-1] != expected:
                break
        else:
            return said
        self.cut(start + len(said) - 1)
        while said[-1] < END_OF_TEXT and len(said) < LONGEST:
            said.append(int(self.append(said[-1:], 1)[0].argmax()))
        return said


def parts(flat: np.ndarray, lengths: np.ndarray) -> list[list[int]]:
    return [part.tolist() for part in np.split(flat, np.cumsum(lengths)[:-1])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("form", choices=["F32", *FORMS])
    parser.add_argument("job")
    parser.add_argument("out")
    parser.add_argument("--quantized", required=True)
    parser.add_argument("--imatrix")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    llama.llama_backend_init()
    path = options.source
    if options.form != "F32":
        path = options.quantized
        quantize(options.source, options.form, path, options.imatrix, options.threads)
    asked = dict(np.load(options.job))
    session = Session(path, options.threads)
    prefix, shown, before = asked["prefix"].tolist(), None, 0
    logits, said = [], []
    questions = parts(asked["questions"], asked["question_lengths"])
    answers = parts(asked["said"], asked["said_lengths"])
    for picture, question, given in zip(asked["pictures"], questions, answers):
        if picture != shown:
            session.cut(0)
            session.append(prefix, 0)
            session.show(asked["tokens"][picture])
            shown, before = picture, session.length
        session.cut(before)
        logits.append(session.append([*question, *given[:-1]], len(given)))
        said.append(session.answer(given, logits[-1], before + len(question)))
    np.savez(
        options.out, logits=np.concatenate(logits), lengths=[len(s) for s in said], said=np.concatenate(said),
        about=json.dumps(about(path)),
    )  # fmt: skip


if __name__ == "__main__":
    main()
