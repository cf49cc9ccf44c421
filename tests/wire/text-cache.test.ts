import fc from "fast-check";
import { TextCache } from "../../core/wire/text-cache.ts";
import { describe, expect, it } from "../support/it.ts";

const SIZE = 8;
const MAX_BYTES = 24;

/** Few letters, so that texts come again; more texts than places. */
const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "ß", "語", "🌳", "\u0000"), maxLength: 9 }), {
  maxLength: 200,
});

describe("texts that are remembered by their bytes", () => {
  it("are those of the bytes, whatever has taken their place or stood in the same memory before", function* () {
    fc.assert(
      fc.property(texts, fc.nat(16), (written, at) => {
        const cache = new TextCache(SIZE, MAX_BYTES);
        const memory = Buffer.alloc(64);
        for (const text of written) expect(cache.read(memory, at, memory.write(text, at))).toBe(text);
      }),
    );
  });

  it.each([
    [MAX_BYTES, 1],
    [MAX_BYTES + 1, 3],
  ])("of %i bytes are read %i times of three", function* (size, expected) {
    const cache = new TextCache(SIZE, MAX_BYTES);
    const bytes = Buffer.from("x".repeat(size));
    let reads = 0;
    bytes.toString = (...args) => {
      reads++;
      return Buffer.prototype.toString.apply(bytes, args);
    };
    for (let i = 0; i < 3; i++) expect(cache.read(bytes, 0, size)).toHaveLength(size);
    expect(reads).toBe(expected);
  });
});
