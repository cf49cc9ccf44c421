/**
 * Which text some bytes stood for: messages repeat names, and comparing is faster than reading. What looks the text up
 * then has the very string that it has seen before, too.
 */

/** Up to this length it is faster to put characters together here than to call into the runtime. */
const SHORT_TEXT = 12;

/** The text that stands, as UTF-8, in `bytes[at]` to before `bytes[at + size]`. */
export function readText(bytes: Buffer, at: number, size: number): string {
  if (size > SHORT_TEXT) return bytes.toString("utf8", at, at + size);
  let out = "";
  for (let i = at; i < at + size; i++) {
    const byte = bytes[i] ?? 0;
    if (byte >= 0x80) return bytes.toString("utf8", at, at + size);
    out += String.fromCharCode(byte);
  }
  return out;
}

export class TextCache {
  readonly #slots: (CachedText | undefined)[];
  readonly #maxBytes: number;

  /**
   * @param size - texts that are remembered at most, a power of two; a new one takes the place of one with the same hash
   * @param maxBytes - of a text; longer ones are read anew each time
   */
  constructor(size: number, maxBytes: number) {
    this.#slots = new Array(size).fill(undefined);
    this.#maxBytes = maxBytes;
  }

  read(bytes: Buffer, at: number, size: number): string {
    if (size > this.#maxBytes) return readText(bytes, at, size);
    let hash = size;
    for (let i = at; i < at + size; i++) hash = (Math.imul(hash, 31) + (bytes[i] ?? 0)) | 0;
    const slot = hash & (this.#slots.length - 1);
    const cached = this.#slots[slot];
    if (cached !== undefined && sameBytes(cached.bytes, bytes, at, size)) return cached.text;
    const text = readText(bytes, at, size);
    this.#slots[slot] = { bytes: Uint8Array.prototype.slice.call(bytes, at, at + size), text };
    return text;
  }
}

interface CachedText {
  readonly bytes: Uint8Array;
  readonly text: string;
}

function sameBytes(key: Uint8Array, bytes: Buffer, at: number, size: number): boolean {
  if (key.length !== size) return false;
  for (let i = 0; i < size; i++) if (key[i] !== bytes[at + i]) return false;
  return true;
}
