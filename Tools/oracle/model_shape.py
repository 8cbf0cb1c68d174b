"""The sizes of a small FastVLM, and transformers' configuration of it."""

import os

os.environ["TIMM_FUSED_ATTN"] = "0"  # plain products and softmax in the vision tower

from dataclasses import dataclass

import timm
from transformers import FastVlmConfig, Qwen2Config
from transformers.models.timm_wrapper.configuration_timm_wrapper import TimmWrapperConfig

from qwen_tokenizer import QwenTokenizer

timm.layers.set_fused_attn(False)


@dataclass(frozen=True)
class Shape:
    """FastViTHD's structure at other widths, a projector and a Qwen2 decoder."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    resolution: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    key_value_heads: int
    clip_width: int  # of `head.proj`, which FastVLM does not use
    rows: int  # of the embedding in Apple's layout, padded as real checkpoints pad
    native_rows: int  # of the embedding in the native layout, which pads again
    tokens: QwenTokenizer
    padding: float  # deviation of the native layout's further rows: loud ones find a decoder that takes them for tokens

    @property
    def encoder_channels(self) -> int:
        return 2 * self.widths[-1]

    def configuration(self, inference_mode: bool, rows: int) -> FastVlmConfig:
        vision = TimmWrapperConfig(
            architecture="fastvit_mci3",
            do_pooling=True,
            global_pool="avg",
            hidden_size=self.encoder_channels,
            initializer_range=0.02,
            model_args={
                "inference_mode": inference_mode,
                "layers": list(self.depths),
                "embed_dims": list(self.widths),
            },
        )
        text = Qwen2Config(
            vocab_size=rows,
            hidden_size=self.hidden,
            intermediate_size=self.intermediate,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.key_value_heads,
            max_position_embeddings=32768,
            rms_norm_eps=1e-6,
            rope_parameters={"rope_type": "default", "rope_theta": 1e6},
            tie_word_embeddings=True,
            use_sliding_window=False,
            bos_token_id=self.tokens.end_of_text,
            eos_token_id=self.tokens.im_end,
            pad_token_id=self.tokens.end_of_text,
        )
        return FastVlmConfig(
            vision_config=vision,
            text_config=text,
            image_token_index=self.tokens.image,
            image_seq_length=(self.resolution // 64) ** 2,
            tie_word_embeddings=True,
        )
