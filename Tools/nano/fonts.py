"""The fonts of the pictures: those of training, and families that training never sees. All from Debian packages."""

import functools
from pathlib import Path

from PIL import ImageFont

ROOT = Path("/usr/share/fonts")
PACKAGES = [
    "fonts-dejavu", "fonts-liberation", "fonts-freefont-ttf", "fonts-roboto-unhinted", "fonts-open-sans", "fonts-lato", "fonts-urw-base35",
    "fonts-inconsolata", "fonts-cantarell", "fonts-quicksand", "fonts-hack", "fonts-jetbrains-mono", "fonts-linuxlibertine",
    "fonts-crosextra-carlito", "fonts-crosextra-caladea", "fonts-courier-prime", "fonts-firacode",
]  # fmt: skip

TRAINING = [
    "truetype/dejavu/DejaVuSans.ttf",
    "truetype/dejavu/DejaVuSans-Bold.ttf",
    "truetype/dejavu/DejaVuSerif.ttf",
    "truetype/dejavu/DejaVuSansCondensed.ttf",
    "truetype/dejavu/DejaVuSansMono.ttf",
    "truetype/liberation/LiberationSans-Regular.ttf",
    "truetype/liberation/LiberationSans-Bold.ttf",
    "truetype/liberation/LiberationSerif-Regular.ttf",
    "truetype/liberation/LiberationSerif-Bold.ttf",
    "truetype/liberation/LiberationMono-Bold.ttf",
    "truetype/roboto/unhinted/RobotoTTF/Roboto-Regular.ttf",
    "truetype/roboto/unhinted/RobotoTTF/Roboto-Bold.ttf",
    "truetype/open-sans/OpenSans-Regular.ttf",
    "truetype/open-sans/OpenSans-Semibold.ttf",
    "truetype/lato/Lato-Regular.ttf",
    "truetype/lato/Lato-Bold.ttf",
    "truetype/inconsolata/Inconsolata.otf",
    "truetype/crosextra/Carlito-Bold.ttf",
    "truetype/crosextra/Caladea-Regular.ttf",
    "opentype/cantarell/Cantarell-Regular.otf",
    "opentype/urw-base35/C059-Roman.otf",
    "opentype/urw-base35/URWBookman-Light.otf",
    "opentype/linux-libertine/LinBiolinum_RB.otf",
    "truetype/hack/Hack-Regular.ttf",
]

UNSEEN = [
    "truetype/freefont/FreeSans.ttf",
    "truetype/freefont/FreeSerifBold.ttf",
    "truetype/jetbrains-mono/JetBrainsMono-Medium.ttf",
    "truetype/firacode/FiraCode-Medium.ttf",
    "truetype/quicksand/Quicksand-Bold.ttf",
    "opentype/courier-prime/Courier Prime Bold.otf",
    "opentype/urw-base35/P052-Roman.otf",
    "truetype/freefont/FreeSansBold.ttf",
]


@functools.lru_cache(maxsize=1024)
def font(file: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(ROOT / file), size, layout_engine=ImageFont.Layout.BASIC)


def require() -> None:
    missing = [file for file in TRAINING + UNSEEN if not (ROOT / file).is_file()]
    if missing:
        raise SystemExit(f"missing fonts: {missing}\ninstall: apt-get install {' '.join(PACKAGES)}")
