"""Lets transformers judge an exported checkpoint: the tiny model's goldens, from the exported directory.

    martlet export Tests/Fixtures/tiny/llava-train --to safetensors -o EXPORTED
    python Tools/oracle/judge_native.py EXPORTED

Loads the directory with FastVlmForConditionalGeneration.from_pretrained (every tensor must be there, none left over), runs
the fixture's cases on it and compares encoder output, image tokens, logits and greedy ids with
Tests/Fixtures/tiny/golden.safetensors; tokenizes a prompt with the exported tokenizer.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, FastVlmForConditionalGeneration

import goldens

FIXTURES = Path("Tests/Fixtures/tiny")
TOLERANCE = 1e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, report = FastVlmForConditionalGeneration.from_pretrained(
        arguments.directory, attn_implementation="eager", output_loading_info=True
    )
    left = {key: sorted(value) for key, value in report.items() if value and key != "error_msgs"}
    if left:
        sys.exit(f"tensors and model disagree: {left}")
    model = model.float().eval()
    golden = load_file(FIXTURES / "golden.safetensors")
    with tempfile.TemporaryDirectory() as folder:
        drawings = goldens.write_pictures(Path(folder))
    worst = 0.0
    for case in goldens.CASES:
        found = goldens.run(model, case, drawings)
        for key in ["encoder_output", "image_tokens", "prefill_logits"]:
            wanted = golden.get(f"{case.name}.{key}")
            if wanted is None:
                continue
            other = found[key][: wanted.shape[0]] if key == "prefill_logits" else found[key]
            worst = max(worst, float((other - wanted).abs().max() / wanted.abs().max()))
        if not torch.equal(found["greedy_ids"], golden[f"{case.name}.greedy_ids"]):
            sys.exit(f"{case.name}: other greedy ids")
    print(f"{len(goldens.CASES)} cases: equal ids, within {worst:.1e} of the largest value")
    if worst > TOLERANCE:
        sys.exit(1)
    ours = AutoTokenizer.from_pretrained(arguments.directory)
    theirs = AutoTokenizer.from_pretrained(FIXTURES / "native")
    text = "<|im_start|>user\n<image>\nWhat is this? größe 123<|im_end|>\n"
    if ours(text)["input_ids"] != theirs(text)["input_ids"]:
        sys.exit("the exported tokenizer differs")
    print("tokenizer: equal")


main()
