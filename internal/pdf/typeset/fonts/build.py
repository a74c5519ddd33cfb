#!/usr/bin/python3
"""Makes the fonts in this folder from Debian's Noto packages.

    apt-get install fonts-noto-core fonts-noto-cjk python3-fonttools zstd
    /usr/bin/python3 build.py

Each font is cut to the characters that documents need, loses its hinting
(printers and PDF viewers do not use it) and is compressed with zstd. The CJK
font has cubic outlines (CFF); they are turned into TrueType's quadratic ones,
0.15 % of an em off at most, so that one subsetter in Go serves all fonts. Its
'locl' feature is kept: the same character is drawn as Japan, mainland China
or Taiwan draws it, by the document's language.

The output is the same, byte for byte, for the same packages.
"""

import io
import os
import subprocess

from fontTools import subset
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import newTable

TRUETYPE = "/usr/share/fonts/truetype/noto/"
CJK = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
HERE = os.path.dirname(os.path.abspath(__file__))

ALL = None  # every character of the font
PUNCTUATION = {0x20, 0xA0, 0x200C, 0x200D, 0x25CC, 0x2D, 0x2E, 0x2C, 0x28, 0x29, 0x2F, 0x3A}
LATIN = (
    set(range(0x20, 0x7F)) | set(range(0xA0, 0x250)) | set(range(0x2B0, 0x370))
    | set(range(0x370, 0x400)) | set(range(0x400, 0x530)) | set(range(0x1E00, 0x2000))
    | set(range(0x2000, 0x2070)) | set(range(0x2070, 0x20D0)) | set(range(0x2100, 0x2150))
    | {0x2190, 0x2191, 0x2192, 0x2193, 0x2212, 0x221E, 0x2248, 0x2260, 0x2264, 0x2265, 0x25CC, 0xFFFD}
    | set(range(0xFB00, 0xFB07))
)

# name, its file, the characters, the weights
FONTS = [
    ("latin", "NotoSans", LATIN, ["Regular", "Bold"]),
    ("arabic", "NotoSansArabic", set(range(0x600, 0x780)) | PUNCTUATION, ["Regular", "Bold"]),
    ("hebrew", "NotoSansHebrew", ALL, ["Regular", "Bold"]),
    ("thai", "NotoSansThai", ALL, ["Regular"]),
    ("armenian", "NotoSansArmenian", ALL, ["Regular"]),
    ("georgian", "NotoSansGeorgian", ALL, ["Regular"]),
    ("devanagari", "NotoSansDevanagari", ALL, ["Regular"]),
    ("bengali", "NotoSansBengali", ALL, ["Regular"]),
    ("gurmukhi", "NotoSansGurmukhi", ALL, ["Regular"]),
    ("gujarati", "NotoSansGujarati", ALL, ["Regular"]),
    ("tamil", "NotoSansTamil", ALL, ["Regular"]),
    ("telugu", "NotoSansTelugu", ALL, ["Regular"]),
    ("kannada", "NotoSansKannada", ALL, ["Regular"]),
    ("malayalam", "NotoSansMalayalam", ALL, ["Regular"]),
]


def rows(codec, first, last, trail=range(0xA1, 0xFF)):
    """The characters of some rows of a national character set."""
    found = set()
    for lead in range(first, last + 1):
        for byte in trail:
            try:
                found.add(ord(bytes([lead, byte]).decode(codec)))
            except (UnicodeDecodeError, TypeError):
                pass
    return found


def cjk_characters():
    big5 = list(range(0x40, 0x7F)) + list(range(0xA1, 0xFF))
    return (
        rows("gb2312", 0xB0, 0xF7)  # mainland China: both levels
        | rows("euc_jp", 0xB0, 0xF4)  # Japan: JIS X 0208, both levels
        | rows("big5", 0xA4, 0xC6, big5)  # Taiwan, Hong Kong: level 1
        | set(range(0xAC00, 0xD7A4))  # Korea: every modern syllable
        | set(range(0x3000, 0x3130)) | set(range(0x3130, 0x3190)) | set(range(0x3200, 0x3400))
        | set(range(0xFF01, 0xFFA0)) | set(range(0xFFE0, 0xFFE7))
        | set(range(0x2150, 0x2200)) | set(range(0x2460, 0x2500)) | set(range(0x25A0, 0x2670))
        | {0x20, 0xA0, 0xB7, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2026, 0x30FB}
    )


def options(**more):
    o = subset.Options()
    o.hinting = False
    o.glyph_names = False
    o.notdef_outline = True
    o.name_IDs = [0, 1, 2, 5, 6, 13, 14]
    o.recalc_timestamp = False
    for key, value in more.items():
        setattr(o, key, value)
    return o


def write(font, name):
    buffer = io.BytesIO()
    font.save(buffer)
    path = os.path.join(HERE, name + ".ttf.zst")
    subprocess.run(["zstd", "-q", "-19", "-f", "-o", path], input=buffer.getvalue(), check=True)
    print(f"{name:20} {len(font.getGlyphOrder()):6} glyphs {len(buffer.getvalue()):9} bytes {os.path.getsize(path):9} compressed")


def cut(source, characters, name):
    o = options(layout_features=["*"], drop_tables=["DSIG", "MVAR", "STAT", "kern"])
    font = subset.load_font(source, o)
    cutter = subset.Subsetter(o)
    cutter.populate(unicodes=font.getBestCmap().keys() if characters is ALL else characters)
    cutter.subset(font)
    write(font, name)


def cut_cjk(name):
    o = options(font_number=0, layout_features=["locl"], drop_tables=["vhea", "vmtx", "VORG", "BASE", "GPOS", "DSIG"])
    font = subset.load_font(CJK, o)
    for record in font["GSUB"].table.ScriptList.ScriptRecord:
        record.Script.LangSysRecord = [
            l for l in record.Script.LangSysRecord if l.LangSysTag.strip() in ("JAN", "ZHS", "ZHT")
        ]
    cutter = subset.Subsetter(o)
    cutter.populate(unicodes=cjk_characters())
    cutter.subset(font)

    order, outlines, glyphs = font.getGlyphOrder(), font.getGlyphSet(), {}
    for glyph in order:
        pen = TTGlyphPen(None)
        outlines[glyph].draw(Cu2QuPen(pen, 1.5, reverse_direction=True))
        glyphs[glyph] = pen.glyph()
    font["loca"] = newTable("loca")
    font["glyf"] = newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, glyphs
    maxp = font["maxp"]
    maxp.tableVersion, maxp.maxZones = 0x00010000, 1
    for field in ("maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs", "maxStackElements",
                  "maxSizeOfInstructions", "maxComponentElements", "maxPoints", "maxContours", "maxCompositePoints",
                  "maxCompositeContours", "maxComponentDepth"):
        setattr(maxp, field, 0)
    del font["CFF "]
    font["post"].formatType = 3.0
    font.sfntVersion = "\0\1\0\0"
    font.recalcBBoxes = True
    write(font, name)


for name, file, characters, weights in FONTS:
    for weight in weights:
        cut(f"{TRUETYPE}{file}-{weight}.ttf", characters, f"{name}-{weight.lower()}")
cut_cjk("cjk-regular")
