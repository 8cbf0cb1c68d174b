"""A random Qwen2 of 0.5B as the stateful model that OpenVINO runs: `ids` and `positions` in, logits of the last position out.

Written as plain torch, the keys and values of every layer as inputs and outputs, which OpenVINO then turns into state (as its
own exporters do); weights compressed by NNCF with its defaults. Made once per scheme and kept in the folder given.
"""

from pathlib import Path

SEED = 0
LAYERS, HIDDEN, HEADS, KEY_HEADS, INNER, VOCABULARY, BASE = 24, 896, 14, 2, 4864, 151936, 1e6
HEAD_SIZE = HIDDEN // HEADS


def torch_model():
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norms = nn.ModuleList(nn.RMSNorm(HIDDEN, eps=1e-6) for _ in range(2))
            self.q = nn.Linear(HIDDEN, HEADS * HEAD_SIZE)
            self.k = nn.Linear(HIDDEN, KEY_HEADS * HEAD_SIZE)
            self.v = nn.Linear(HIDDEN, KEY_HEADS * HEAD_SIZE)
            self.o = nn.Linear(HEADS * HEAD_SIZE, HIDDEN, bias=False)
            self.gate = nn.Linear(HIDDEN, INNER, bias=False)
            self.up = nn.Linear(HIDDEN, INNER, bias=False)
            self.down = nn.Linear(INNER, HIDDEN, bias=False)

        def forward(self, x, cos, sin, mask, past_key, past_value):
            def heads(y, count):
                return y.view(1, -1, count, HEAD_SIZE).transpose(1, 2)

            def turned(y):
                low, high = y.chunk(2, dim=-1)
                return y * cos + torch.cat((-high, low), dim=-1) * sin

            y = self.norms[0](x)
            query = turned(heads(self.q(y), HEADS))
            key = torch.cat((past_key, turned(heads(self.k(y), KEY_HEADS))), dim=2)
            value = torch.cat((past_value, heads(self.v(y), KEY_HEADS)), dim=2)
            group = HEADS // KEY_HEADS
            wide = [t.repeat_interleave(group, dim=1) for t in (key, value)]
            mixed = functional.scaled_dot_product_attention(query, *wide, attn_mask=mask)
            x = x + self.o(mixed.transpose(1, 2).reshape(1, -1, HEADS * HEAD_SIZE))
            y = self.norms[1](x)
            return x + self.down(functional.silu(self.gate(y)) * self.up(y)), key, value

    class Language(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, HIDDEN)
            self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
            self.norm = nn.RMSNorm(HIDDEN, eps=1e-6)
            frequencies = BASE ** (-torch.arange(0, HEAD_SIZE, 2).float() / HEAD_SIZE)
            self.register_buffer("frequencies", frequencies)

        def forward(self, ids, positions, *past):
            angles = positions[:, None, :, None].float() * self.frequencies
            angles = torch.cat((angles, angles), dim=-1)
            cos, sin = angles.cos(), angles.sin()
            columns = torch.arange(past[0].shape[2] + ids.shape[1])
            mask = columns[None, None, None, :] <= positions[:, None, :, None]
            x = self.embedding(ids)
            state = []
            for index, block in enumerate(self.blocks):
                x, key, value = block(x, cos, sin, mask, past[2 * index], past[2 * index + 1])
                state += [key, value]
            return functional.linear(self.norm(x[:, -1:]), self.embedding.weight), *state

    torch.manual_seed(SEED)
    model = Language().eval()
    nn.init.normal_(model.embedding.weight, std=0.02)
    return model


def openvino_file(folder: Path, scheme: str) -> Path:
    path = folder / f"language-{scheme}.xml"
    if path.exists():
        return path
    import nncf
    import openvino
    import torch
    from openvino._offline_transformations import apply_make_stateful_transformation

    past = [torch.zeros(1, KEY_HEADS, 3, HEAD_SIZE) for _ in range(2 * LAYERS)]
    example = (torch.zeros(1, 2, dtype=torch.int64), torch.tensor([[3, 4]]), *past)
    shapes = [[1, -1], [1, -1]] + [[1, KEY_HEADS, -1, HEAD_SIZE]] * (2 * LAYERS)
    with torch.no_grad():
        model = openvino.convert_model(torch_model(), example_input=example, input=shapes)
    names = {}
    for index, port in enumerate(model.inputs):
        port.get_tensor().set_names({("ids", "positions")[index] if index < 2 else f"past.{index}"})
    for index, port in enumerate(model.outputs):
        port.get_tensor().set_names({"logits" if index == 0 else f"present.{index + 1}"})
        if index > 0:
            names[f"past.{index + 1}"] = f"present.{index + 1}"
    apply_make_stateful_transformation(model, names)
    mode = {"int8": nncf.CompressWeightsMode.INT8_ASYM, "int4": nncf.CompressWeightsMode.INT4_SYM}[scheme]
    more = {"group_size": 32, "ratio": 1.0} if scheme == "int4" else {}
    openvino.save_model(nncf.compress_weights(model, mode=mode, **more), path, compress_to_fp16=False)
    return path
