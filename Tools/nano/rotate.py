"""Writes a copy of a checkpoint whose language model's residual stream is rotated; its function is the same within float rounding.

    python rotate.py CHECKPOINT OUT [--kind hadamard|orthogonal|none] [--seed 0]

QuaRot (arXiv 2404.00456, section 4, stage 1a): norm weights go into the products behind them, then every product that writes the stream is
multiplied by an orthogonal matrix and every product that reads it by its inverse. The head becomes a matrix of its own: the last
norm's weights are in it, but not in the embedding. `none` only folds the norms, so that what the rotation does is told apart.
Converting and verifying both copies says what a rotation would gain (Sources/Quantization.md). Needs numpy and safetensors.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file


def rotation(width: int, kind: str, seed: int) -> np.ndarray:
    """Orthogonal `[width, width]`: a Hadamard matrix with random signs, or the Q of a random matrix."""
    generator = np.random.default_rng(seed)
    if kind == "none":
        return np.eye(width)
    if kind == "orthogonal":
        q, r = np.linalg.qr(generator.standard_normal((width, width)))
        return q * np.sign(np.diag(r))
    if width & (width - 1):
        raise SystemExit(f"a Hadamard matrix of {width} is not built here; take --kind orthogonal")
    matrix = np.ones((1, 1))
    while len(matrix) < width:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix * generator.choice([-1.0, 1.0], width)[:, None] / np.sqrt(width)


def rotated(tensors: dict[str, np.ndarray], q: np.ndarray) -> dict[str, np.ndarray]:
    found = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    embedding, norm = "model.embed_tokens.weight", "model.norm.weight"
    head = found.get("lm_head.weight", found[embedding])
    found["lm_head.weight"] = (head * found[norm]) @ q
    found[embedding] = found[embedding] @ q
    found[norm] = np.ones_like(found[norm])
    layers = sorted({name.split(".")[2] for name in found if name.startswith("model.layers.")})
    for layer in (f"model.layers.{layer}." for layer in layers):
        for gain, readers in (
            ("input_layernorm.weight", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
            ("post_attention_layernorm.weight", ["mlp.gate_proj", "mlp.up_proj"]),
        ):
            for reader in readers:
                name = f"{layer}{reader}.weight"
                found[name] = (found[name] * found[layer + gain]) @ q
            found[layer + gain] = np.ones_like(found[layer + gain])
        for writer in ("self_attn.o_proj", "mlp.down_proj"):
            found[f"{layer}{writer}.weight"] = q.T @ found[f"{layer}{writer}.weight"]
    last = max(name for name in found if name.startswith("model.mm_projector.") and name.endswith(".weight"))
    found[last] = q.T @ found[last]
    bias = last.removesuffix("weight") + "bias"
    found[bias] = q.T @ found[bias]
    changed = {name: tensor for name, tensor in found.items() if name not in tensors or not np.array_equal(tensor, tensors[name])}
    return tensors | {name: np.ascontiguousarray(tensor.astype(np.float32)) for name, tensor in changed.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--kind", choices=["hadamard", "orthogonal", "none"], default="hadamard")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    shutil.copytree(options.checkpoint, options.out)
    config = json.loads((options.out / "config.json").read_text())
    tensors = load_file(options.checkpoint / "model.safetensors")
    q = rotation(config["hidden_size"], options.kind, options.seed)
    save_file(rotated(tensors, q), options.out / "model.safetensors", metadata={"format": "pt"})
    config["tie_word_embeddings"] = False
    (options.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
