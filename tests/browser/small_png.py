"""Makes a screenshot small: a PNG of 256 colours, chosen by the browser, which has all that reads pictures."""

from __future__ import annotations

import base64
import struct
import zlib

from playwright.sync_api import Page

_FEW_COLOURS = """async (source) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${source}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height), pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    const pixels = new Uint32Array(pen.getImageData(0, 0, image.width, image.height).data.buffer), counts = new Map();
    for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
    const parts = (colour) => [colour & 255, colour >> 8 & 255, colour >> 16 & 255];
    const far = (a, b) => a.reduce((sum, part, i) => sum + (part - b[i]) ** 2, 0);
    const colours = [...counts].map(([colour, count]) => ({colour, count, parts: parts(colour), error: Infinity}));
    const chosen = [], nearest = new Map();
    while (chosen.length < 256) {  // each time the one that is missed most
        const next = colours.reduce((a, b) => b.error * b.count > a.error * a.count ? b : a);
        for (const each of colours) {
            const error = far(each.parts, next.parts);
            if (error < each.error) {
                each.error = error;
                nearest.set(each.colour, chosen.length);
            }
        }
        chosen.push(next.parts);
    }
    const indexes = Uint8Array.from(pixels, (pixel) => nearest.get(pixel)), pieces = [];
    for (let at = 0; at < indexes.length; at += 8192) {
        pieces.push(String.fromCharCode(...indexes.subarray(at, at + 8192)));
    }
    return {width: image.width, palette: chosen.flat(), indexes: btoa(pieces.join(""))};
}"""


def smaller(picture: bytes, workshop: Page) -> bytes:
    """Return a PNG of `picture` with 256 colours; `workshop` is an empty page, which has no policy."""
    found = workshop.evaluate(_FEW_COLOURS, base64.b64encode(picture).decode())
    width, indexes = found["width"], base64.b64decode(found["indexes"])
    rows = [indexes[at : at + width] for at in range(0, len(indexes), width)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, len(rows), 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(found["palette"])),
            _chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
