"""Makes the tiny language model of Llama's form: a checkpoint without an encoder, and goldens. Writes Tests/Fixtures/llama.

Independent executors: transformers' LlamaForCausalLM in float32 with eager attention, and the `tokenizers` library. The
projector has the widths of the encoder in Tests/Fixtures/tiny/llava, which the tests take by `--encoder-from`.
Usage: python make_llama_fixture.py [--fixtures Tests/Fixtures]
"""

import argparse
import json
from pathlib import Path

import tokenizers
import torch
from safetensors.torch import save_file
from tokenizers import decoders, models, normalizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM

import tiny_tokenizer

SEED = 11
HIDDEN, ENCODER_WIDTH, PIECES = 48, 256, 420
SPACE = "\u2581"
TEXTS = [
    "A chat between a curious user", "USER: ", "\nWhat is this? ASSISTANT:", "the  image   shows", " leading and trailing ",
    "\u00e9t\u00e9 \u00e0 la plage", "\u8fd9\u5f20\u56fe\u7247 \U0001f642", "\u2581 literal \u2581\u2581", "tab\tand\nnewline\r\n",
    "<s>begin</s> and <s> on", "<unk>", "<0x41> is text", "x" * 70, "e\u0301 decomposed",
]  # fmt: skip


def tokenizer() -> tokenizers.Tokenizer:
    """Special tokens, bytes, then what training finds: the order of Llama's vocabulary."""
    words = tokenizers.Tokenizer(models.BPE())
    words.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    words.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(SPACE, prepend_scheme="never")
    trainer = trainers.BpeTrainer(vocab_size=PIECES, limit_alphabet=60, show_progress=False)
    words.train_from_iterator(tiny_tokenizer.CORPUS.splitlines(), trainer)
    found = json.loads(words.to_str())["model"]
    front = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    pieces = sorted(found["vocab"], key=found["vocab"].get)
    vocabulary = {piece: index for index, piece in enumerate(front + pieces)}
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in found["merges"]]
    result = tokenizers.Tokenizer(
        models.BPE(vocabulary, merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    )
    result.normalizer = words.normalizer
    result.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    result.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = [tokenizers.AddedToken(text, normalized=False, special=True) for text in front[:3]]
    result.add_special_tokens(special)
    return result


def model(rows: int) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=rows, hidden_size=HIDDEN, intermediate_size=80, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=4096, rms_norm_eps=1e-5, tie_word_embeddings=False,
        attn_implementation="eager",
    )  # fmt: skip
    result = LlamaForCausalLM(config).float().eval()
    source = torch.Generator().manual_seed(SEED)
    for name, value in result.named_parameters():
        if "norm" in name:
            value.data = (torch.rand(value.shape, generator=source) + 0.5).bfloat16().float()
        else:
            gain = 1.0 if "embed" in name else 1.6 * value.shape[-1] ** -0.5
            value.data = (torch.randn(value.shape, generator=source) * gain).bfloat16().float()
    return result


def write_checkpoint(folder: Path, language: LlamaForCausalLM) -> None:
    source = torch.Generator().manual_seed(SEED + 1)
    tensors = {name: value.data.bfloat16() for name, value in language.named_parameters()}
    for index, inputs in ((0, ENCODER_WIDTH), (2, HIDDEN)):
        tensors[f"model.mm_projector.{index}.weight"] = (
            torch.randn(HIDDEN, inputs, generator=source) * inputs**-0.5
        ).bfloat16()
        tensors[f"model.mm_projector.{index}.bias"] = (torch.randn(HIDDEN, generator=source) * 0.1).bfloat16()
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    text = language.config
    config = {
        "architectures": ["LlavaLlamaForCausalLM"], "attention_bias": False, "bos_token_id": 1, "eos_token_id": 2,
        "hidden_act": "silu", "hidden_size": HIDDEN, "image_aspect_ratio": "pad", "intermediate_size": text.intermediate_size,
        "max_position_embeddings": text.max_position_embeddings, "mm_hidden_size": ENCODER_WIDTH,
        "mm_patch_merge_type": "flat", "mm_projector_type": "mlp2x_gelu", "mm_use_im_patch_token": False,
        "mm_use_im_start_end": False, "mm_vision_tower": "mobileclip_l_256", "model_type": "llava_llama",
        "num_attention_heads": text.num_attention_heads, "num_hidden_layers": text.num_hidden_layers,
        "num_key_value_heads": text.num_key_value_heads, "pretraining_tp": 1, "rms_norm_eps": text.rms_norm_eps,
        "rope_scaling": None, "tie_word_embeddings": False, "tokenizer_model_max_length": 2048, "torch_dtype": "bfloat16",
        "vocab_size": text.vocab_size,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def goldens(language: LlamaForCausalLM, words: tokenizers.Tokenizer) -> dict:
    source = torch.Generator().manual_seed(SEED + 2)
    ids = words.encode(TEXTS[0]).ids
    images = torch.randn(5, HIDDEN, generator=source)
    rows = torch.cat((language.model.embed_tokens(torch.tensor(ids)), images, language.model.embed_tokens(torch.tensor([7, 300]))))
    with torch.no_grad():
        found = language(inputs_embeds=rows[None], use_cache=True)
        logits, cache, greedy = found.logits[0, -1], found.past_key_values, []
        step = logits
        for _ in range(12):
            greedy.append(int(step.argmax()))
            found = language(input_ids=torch.tensor([[greedy[-1]]]), past_key_values=cache, use_cache=True)
            step, cache = found.logits[0, -1], found.past_key_values
    encodings = []
    for text in TEXTS:
        without = words.encode(text, add_special_tokens=False).ids
        encodings.append({"text": text, "ids": without, "decoded": words.decode(without, skip_special_tokens=True)})
    return {
        "encodings": encodings, "ids": ids + [-1] * 5 + [7, 300], "images": images.flatten().tolist(),
        "logits": logits.tolist(), "greedy": greedy,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fixtures", type=Path, default=Path("Tests/Fixtures"))
    folder = parser.parse_args().fixtures / "llama"
    folder.mkdir(parents=True, exist_ok=True)
    words = tokenizer()
    language = model(words.get_vocab_size())
    words.save(str(folder / "tokenizer.json"), pretty=False)
    write_checkpoint(folder, language)
    (folder / "golden.json").write_text(json.dumps(goldens(language, words)) + "\n")
    print(f"{words.get_vocab_size()} tokens, {sum(p.numel() for p in language.parameters())} weights")


main()
