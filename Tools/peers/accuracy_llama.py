"""Rows of llama.cpp: its own quantizer on the GGUF file that Martlet exports in float32, run by llama.cpp itself.

The float model's image tokens go in as embeddings; text, layers and head are llama.cpp's, in a process of its own
(`llama_worker.py`). An importance matrix is what `llama-imatrix` would write, the mean square of each input channel of
every product, of the float model on the calibration set: of its texts alone, as that tool does it, or of pictures and texts.
"""

import json
import subprocess
from pathlib import Path

import numpy as np
import torch

import accuracy_martlet
from nano_judge import FIXTURE, calibration_rows, prefix

HERE = Path(__file__).resolve().parent
NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip


@torch.no_grad()
def importance(judge, pictures: bool, path: Path) -> None:
    """Mean squares of the inputs of every product, under llama.cpp's names."""
    language, sums, rows = judge.model.model.language_model, {}, 0

    def watch(name: str):
        def hook(module, inputs):
            x = inputs[0].double().flatten(0, -2)
            sums[name] = sums.get(name, 0) + (x**2).sum(0)

        return hook

    hooks = [
        layer.get_submodule(part).register_forward_pre_hook(watch(f"blk.{i}.{NAMES[part]}.weight"))
        for i, layer in enumerate(language.layers)
        for part in NAMES
    ]
    for tokens, text in calibration_rows(judge.model, judge.encoder):
        before, behind = (language.embed_tokens(torch.tensor(ids)) for ids in (prefix(), text))
        x = torch.cat([before, tokens, behind] if pictures else [before, behind])
        language(inputs_embeds=x[None], use_cache=False)
        rows += x.shape[0]
    for hook in hooks:
        hook.remove()
    np.savez(path, **{name: (value / rows).float().numpy() for name, value in sums.items()})


def job(judge) -> Path:
    """What the worker is asked: every case, and the float model's answer to it, back to back."""
    path = judge.folder / "llama-job.npz"
    if not path.exists():
        questions = [c.question for c in judge.cases]
        np.savez(
            path, tokens=judge.stored["tokens"], prefix=np.array(prefix()), pictures=[c.picture for c in judge.cases],
            question_lengths=[len(q) for q in questions], questions=np.concatenate(questions),
            said_lengths=judge.stored["lengths"], said=judge.stored["said"],
        )  # fmt: skip
    return path


def row(judge, name: str, options) -> dict:
    kind, _, source = name.partition("-")
    float_file = judge.folder / "language-f32.gguf"
    if not float_file.exists():
        accuracy_martlet.ran(
            [options.martlet, "export", FIXTURE / "checkpoint", "--to", "gguf", "--type", "f32", "-o", float_file]
        )
    out = judge.folder / f"llama-{name}.npz"
    command = [options.llama_python, HERE / "llama_worker.py", float_file, kind, job(judge), out]
    command += ["--threads", options.threads, "--quantized", judge.folder / f"language-{name}.gguf"]
    if source:
        matrix = judge.folder / f"imatrix-{source}.npz"
        if not matrix.exists():
            importance(judge, source == "pictures", matrix)
        command += ["--imatrix", matrix]
    subprocess.run([str(word) for word in command], check=True)
    found = dict(np.load(out))
    said = np.split(found["said"], np.cumsum(found["lengths"])[:-1])
    about = json.loads(str(found["about"]))
    return {**about, **judge.language(found["logits"], [s.tolist() for s in said])}
