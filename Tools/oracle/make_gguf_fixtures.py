"""Writes Tests/Fixtures/gguf with the gguf package, which shares nothing with Martlet.

Run from the repository root: python Tools/oracle/make_gguf_fixtures.py

- types.gguf: every type of value and of tensor; types.safetensors: its tensors brought to float32 by gguf.quants, and
  its integers. types-v2.gguf: the same as version 2 (little-endian files differ in the number only).
- qwen2.gguf: the language model of Tests/Fixtures/tiny/llava in bfloat16 (all its values are), with its tokenizer.
- split/qwen2-0000I-of-00003.gguf: the same in three files, as llama.cpp splits large models.
- llama.gguf: the same model as architecture "llama": rows of queries and keys in pairs, as llama.cpp's converter puts them.
"""

import json
import shutil
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

FIXTURES = Path("Tests/Fixtures")
OUT = FIXTURES / "gguf"
TINY = FIXTURES / "tiny/llava"
TYPES = gguf.GGMLQuantizationType


def random_blocks(type_: TYPES, blocks: int, source: np.random.Generator) -> np.ndarray:
    """Random codes under scales of a sensible size, for the types that gguf cannot quantize to."""
    size = gguf.GGML_QUANT_SIZES[type_][1]
    data = source.integers(0, 256, (blocks, size), dtype=np.uint8)
    # Places of the half-precision scales in a block.
    for place in {TYPES.Q4_K: [0, 2], TYPES.Q5_K: [0, 2], TYPES.Q6_K: [208]}[type_]:
        scales = source.uniform(-0.01, 0.01, blocks).astype(np.float16)
        data[:, place : place + 2] = scales.view(np.uint8).reshape(blocks, 2)
    return data


def write_types() -> None:
    source = np.random.default_rng(71)
    writer = gguf.GGUFWriter(OUT / "types.gguf", "test")
    writer.add_uint8("v.u8", 200)
    writer.add_int8("v.i8", -100)
    writer.add_uint16("v.u16", 60000)
    writer.add_int16("v.i16", -30000)
    writer.add_uint32("v.u32", 4_000_000_000)
    writer.add_int32("v.i32", -2_000_000_000)
    writer.add_float32("v.f32", 0.5)
    writer.add_bool("v.bool", True)
    writer.add_string("v.string", "größe")
    writer.add_uint64("v.u64", 1 << 40)
    writer.add_int64("v.i64", -(1 << 40))
    writer.add_float64("v.f64", 0.1)
    writer.add_array("v.strings", ["a", "", "größe"])
    writer.add_array("v.integers", [3, -1, 2])
    writer.add_array("v.floats", [0.5, -1.5])
    expected: dict[str, np.ndarray] = {}
    values = source.normal(0, 1, (2, 32)).astype(np.float32)
    writer.add_tensor("f16", values.astype(np.float16))
    expected["f16"] = values.astype(np.float16).astype(np.float32)
    double = source.normal(0, 1, 4)
    writer.add_tensor("f64", double)
    expected["f64"] = double.astype(np.float32)
    for name, dtype in [("i8", np.int8), ("i16", np.int16), ("i32", np.int32), ("i64", np.int64)]:
        integers = (np.arange(4) - 2).astype(dtype)
        writer.add_tensor(name, integers)
        expected[name] = integers.astype(np.int64)
    for type_ in [TYPES.BF16, TYPES.Q4_0, TYPES.Q4_1, TYPES.Q5_0, TYPES.Q5_1, TYPES.Q8_0]:
        data = gguf.quantize(values, type_)
        writer.add_tensor(type_.name.lower(), data, raw_dtype=type_)
        expected[type_.name.lower()] = gguf.dequantize(data, type_)
    for type_ in [TYPES.Q4_K, TYPES.Q5_K, TYPES.Q6_K]:
        data = random_blocks(type_, 2, source)
        writer.add_tensor(type_.name.lower(), data, raw_dtype=type_)
        expected[type_.name.lower()] = gguf.dequantize(data, type_)
    # Last, because it ends on the alignment: a file cut anywhere is then a damaged one.
    writer.add_tensor("f32", values)
    expected["f32"] = values
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file({name: np.ascontiguousarray(value) for name, value in expected.items()}, OUT / "types.safetensors")
    data = bytearray((OUT / "types.gguf").read_bytes())
    data[4] = 2
    (OUT / "types-v2.gguf").write_bytes(data)


def paired(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of queries or keys with the two halves of every head interleaved, as rotation by pairs needs them."""
    size = rows.shape[0] // heads
    halves = rows.reshape(heads, 2, size // 2, *rows.shape[1:])
    return halves.transpose(1, 2).reshape(rows.shape)


def write_language(architecture: str, path: Path, tensors_a_file: int = 0) -> None:
    config = json.loads((TINY / "config.json").read_text())
    writer = gguf.GGUFWriter(path, architecture, split_max_tensors=tensors_a_file)
    writer.add_name("tiny")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if architecture == "llama":
        writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    vocabulary = json.loads((TINY / "vocab.json").read_text())
    added = json.loads((TINY / "added_tokens.json").read_text())
    spelled = {id_: token for token, id_ in vocabulary.items()}
    special = {id_: token for token, id_ in added.items()}
    tokens, types = [], []
    for id_ in range(config["vocab_size"]):
        if id_ in special:
            tokens.append(special[id_])
            types.append(gguf.TokenType.CONTROL)
        elif id_ in spelled:
            tokens.append(spelled[id_])
            types.append(gguf.TokenType.NORMAL)
        else:
            tokens.append(f"[PAD{id_}]")
            types.append(gguf.TokenType.UNUSED)
    lines = (TINY / "merges.txt").read_text().split("\n")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([line for line in lines if line and not line.startswith("#version")])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["bos_token_id"])
    writer.add_add_bos_token(False)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, config["num_hidden_layers"])
    with safe_open(TINY / "model.safetensors", "pt") as file:
        for name in sorted(file.keys()):
            if not name.startswith(("model.layers.", "model.embed_tokens.", "model.norm.")):
                continue
            value = file.get_tensor(name)
            if architecture == "llama" and ".q_proj." in name:
                value = paired(value, config["num_attention_heads"])
            if architecture == "llama" and ".k_proj." in name:
                value = paired(value, config["num_key_value_heads"])
            new = names.get_name(name, try_suffixes=(".weight", ".bias"))
            if value.ndim == 1:
                writer.add_tensor(new, value.float().numpy())
            else:
                raw = value.to(torch.bfloat16).contiguous().view(torch.uint8).numpy()
                writer.add_tensor(new, raw, raw_dtype=TYPES.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


OUT.mkdir(exist_ok=True)
write_types()
write_language("qwen2", OUT / "qwen2.gguf")
write_language("llama", OUT / "llama.gguf")
shutil.rmtree(OUT / "split", ignore_errors=True)
(OUT / "split").mkdir()
write_language("qwen2", OUT / "split/qwen2.gguf", tensors_a_file=11)
