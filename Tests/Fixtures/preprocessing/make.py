#!/usr/bin/env python3
"""Pixel values as other programs hand them to their networks, for `martlet preprocessing`: made with Pillow and torch.

Made with Python 3.11, Pillow 13.0, torch 2.13 (CPU) and numpy 2.4, from ../tiny/wide.png.
"""
import os

import numpy
import torch
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
SIDE = 32
picture = Image.open(os.path.join(HERE, "../tiny/wide.png")).convert("RGB")
CLIP = numpy.array([[0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]], "float32")


def square(image, fill):
    side = max(image.size)
    sheet = Image.new("RGB", (side, side), fill)
    sheet.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return sheet


def save(name, array):
    numpy.save(os.path.join(HERE, name + ".npy"), numpy.ascontiguousarray(array))


def levels(image):
    return numpy.asarray(image, "float32")


# Padded on gray, bilinear, CLIP's scale, channels first, a batch of one.
gray = levels(square(picture, (127, 127, 127)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)) / 255
save("pad-gray-bilinear-clip", ((gray - CLIP[0]) / CLIP[1]).transpose(2, 0, 1)[None])

# The short side resized, the middle cut out; half floats from -1 to 1, blue first.
short = min(picture.size)
wide = picture.resize((SIDE * picture.width // short, SIDE * picture.height // short), Image.Resampling.BICUBIC)
left, top = (wide.width - SIDE) // 2, (wide.height - SIDE) // 2
crop = levels(wide.crop((left, top, left + SIDE, top + SIDE))) / 255
save("crop-bicubic-bgr", ((crop - 0.5) / 0.5)[:, :, ::-1].astype("float16"))

# torch's default: no antialiasing, and no rounding to bytes.
tensor = torch.from_numpy(levels(picture)).permute(2, 0, 1)[None]
plain = torch.nn.functional.interpolate(tensor, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
save("stretch-bilinear-plain", plain.numpy()[0])

# Nobody's way: a picture turned upside down.
save("unknown", numpy.asarray(square(picture, (0, 0, 0)).resize((SIDE, SIDE)), "uint8")[::-1])
