"""Makes the tiny FastVLM of the tests: four layouts of one model, pictures and goldens. Writes Tests/Fixtures/tiny.

Independent executors: transformers and timm, float32, eager attention.
Usage: python make_fixture.py [--fixtures Tests/Fixtures] [--seed N]
"""

import argparse
import json
from pathlib import Path

import timm
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import save_file
from timm.models.fastvit import checkpoint_filter_fn
from torch import nn
from transformers import FastVlmForConditionalGeneration

import goldens
import layouts
import tiny_model as tiny

SEED = 7
# Relative to the largest value; what Martlet is held to as well.
TOLERANCE = 1e-4
# A greedy step whose two best logits lie closer than this would test rounding, not the model.
SMALLEST_GAP = 1e-3


def read(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint directory, floats widened to float32."""
    result = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():
                value = file.get_tensor(name)
                result[name] = value.float() if value.is_floating_point() else value
    return result


def encoder_from_apple(tensors: dict[str, torch.Tensor], like: nn.Module) -> nn.Module:
    """An encoder in whatever form the file has it, named by timm's own remapping of Apple's names."""
    state = {}
    for name, value in tensors.items():
        if name.startswith(layouts.APPLE_PREFIX) and not name.endswith("head.proj"):
            name = name.removeprefix(layouts.APPLE_PREFIX).replace("lkb_reparam", "reparam_conv")
            # timm knows train-time files only and takes any `network.N.x` that is not `proj` or `pe` for a block.
            for stage, index in layouts.POSITIONS.items():
                name = name.replace(f"network.{index}.reparam_conv", f"stages.{stage}.pos_emb.reparam_conv")
            state[name] = value
    state = checkpoint_filter_fn(state, like)
    # Fuse where the file is fused, so that the modules exist; the weights then come from the file.
    names = {n.removesuffix(".reparam_conv.weight") for n in state if n.endswith("reparam_conv.weight")}
    result = tiny.fused(like, sorted(names))
    result.load_state_dict(state, strict=True)
    return result


def model_from_apple(folder: Path, like: FastVlmForConditionalGeneration) -> nn.Module:
    """The checkpoint in `folder` as a transformers model."""
    tensors = read(folder)
    config = tiny.TINY.configuration(inference_mode=False, rows=tiny.TINY.rows)
    config._attn_implementation = "eager"
    result = FastVlmForConditionalGeneration(config).float().eval()
    tower = encoder_from_apple(tensors, like.model.vision_tower.timm_model)
    result.model.vision_tower.timm_model = tower
    language = {
        name.removeprefix("model."): value
        for name, value in tensors.items()
        if name.startswith(("model.layers.", "model.norm.", "model.embed_tokens."))
    }
    result.model.language_model.load_state_dict(language, strict=True)
    projector = {
        f"linear_{int(name.split('.')[2]) // 2 + 1}.{name.split('.')[3]}": value
        for name, value in tensors.items()
        if name.startswith("model.mm_projector.")
    }
    result.model.multi_modal_projector.load_state_dict(projector, strict=True)
    assert torch.equal(tensors["lm_head.weight"], tensors["model.embed_tokens.weight"])
    result.tie_weights()
    return result


def compare(name: str, found: dict, wanted: dict) -> float:
    """Largest difference of the float goldens relative to their largest value; ids must be equal."""
    worst = 0.0
    for key, value in wanted.items():
        if not torch.is_tensor(value):
            continue
        other = found[key]
        if key == "prefill_logits":
            other = other[: value.shape[0]]
        if value.is_floating_point():
            worst = max(worst, float((other - value).abs().max() / value.abs().max()))
        else:
            assert torch.equal(other, value), f"{name}: {key} differs"
    assert worst <= TOLERANCE, f"{name}: {worst}"
    return worst


def write_layouts(root: Path, model: FastVlmForConditionalGeneration) -> None:
    tower = model.model.vision_tower.timm_model
    train = layouts.apple_tensors(tiny.TINY, model, tower)
    layouts.write_apple(tiny.TINY, root / "llava-train", layouts.narrowed(train, halves=False), "bfloat16", 2)
    fused = layouts.apple_tensors(tiny.TINY, model, tiny.fused(tower))
    layouts.write_apple(tiny.TINY, root / "llava", layouts.narrowed(fused, halves=False), "bfloat16", 1)
    mixed = layouts.apple_tensors(tiny.TINY, model, tiny.fused(tower, layouts.MIXED_FUSED))
    layouts.write_apple(tiny.TINY, root / "llava-mixed", layouts.narrowed(mixed, halves=True), "bfloat16", 1)
    layouts.write_native(tiny.TINY, root / "native", layouts.native_model(tiny.TINY, model))


def described(case: goldens.Case, result: dict) -> dict:
    return {
        "name": case.name,
        "images": case.images,
        "question": case.question,
        "prompt": case.prompt,
        "fit": case.fit,
        "max_tokens": case.ids,
        "taps": sorted(key for key in result if key.startswith("tap.")),
        "smallest_gap": round(min(result["gaps"]), 5),
        "steps_won_by_padding_rows": sum(i >= goldens.tokens.IMAGE for i in result["unmasked"]),
        "text": goldens.tokens.tokenizer(goldens.tokens.APPLE).decode(result["greedy_ids"].tolist()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fixtures", type=Path, default=Path("Tests/Fixtures"))
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    root = options.fixtures / "tiny"
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)  # the same sums in the same order on every machine
    drawings = goldens.write_pictures(root)
    model = tiny.train_time_model(options.seed, goldens.training_pictures(12))
    write_layouts(root, model)

    results = {case.name: goldens.run(model, case, drawings) for case in goldens.CASES}
    print("seed", options.seed)
    for folder in ["llava-train", "llava", "llava-mixed"]:
        other = model_from_apple(root / folder, model)
        worst = max(compare(folder, goldens.run(other, c, drawings), results[c.name]) for c in goldens.CASES)
        print(f"{folder}: within {worst:.1e} of the largest value")
    native = FastVlmForConditionalGeneration.from_pretrained(root / "native", attn_implementation="eager")
    native = native.float().eval()
    worst = 0.0
    for case in goldens.CASES:
        found = goldens.run(native, case, drawings)
        worst = max(worst, compare("native", found, results[case.name]))
        results[case.name]["prefill_logits_native"] = found["prefill_logits"]
    print(f"native: within {worst:.1e} of the largest value")

    tensors = {}
    del results["two"]["pixels"]  # those of "wide" and "tall"
    for name, result in results.items():
        assert min(result["gaps"]) > SMALLEST_GAP, f"{name}: {min(result['gaps'])}: choose another seed"
        tensors |= {f"{name}.{key}": v.contiguous().clone() for key, v in result.items() if torch.is_tensor(v)}
    save_file(tensors, root / "golden.safetensors")
    cases = [described(case, results[case.name]) for case in goldens.CASES]
    versions = {"torch": torch.__version__, "transformers": transformers.__version__, "timm": timm.__version__}
    index = {"seed": options.seed, "resolution": tiny.TINY.resolution, "versions": versions, "cases": cases}
    (root / "golden.json").write_text(json.dumps(index, indent=2) + "\n")
    for case in cases:
        print(case["name"], "gap", case["smallest_gap"], "padding", case["steps_won_by_padding_rows"])
    total = sum(f.stat().st_size for f in root.rglob("*") if f.is_file())
    print(f"{root}: {total} bytes")


if __name__ == "__main__":
    main()
