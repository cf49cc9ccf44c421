import fc from "fast-check";
import { LineSplitter } from "../../trionics/line-splitter.ts";
import { describe, expect, it } from "../support/it.ts";

function lines(text: string | Buffer, maxBytes: number, how: "split" | "truncate", cuts: readonly number[] = []) {
  const splitter = new LineSplitter(maxBytes, how);
  const bytes = Buffer.from(text);
  const out: string[] = [];
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  places.forEach((from, i) => {
    out.push(...splitter.push(bytes.subarray(from, places[i + 1] ?? from)));
  });
  return { lines: [...out, ...splitter.end()], long: splitter.longCount };
}

describe("lines of an output", () => {
  it.each([
    ["", []],
    ["a\nb\n", ["a", "b"]],
    ["a\r\n\nb", ["a", "", "b"]],
    ["\n\n", ["", ""]],
    ["one\rtwo\n", ["one\rtwo"]],
  ] as [string, string[]][])("%j are %j", (text, expected) => {
    expect(lines(text, 100, "split").lines).toEqual(expected);
  });

  it.each([
    ["split", "abcdefgh\nx\n", ["abcd", "efgh", "x"], 1],
    ["split", "abcde\n", ["abcd", "e"], 1],
    ["split", "äöü\n", ["äö", "ü"], 1],
    ["split", "a€€\n", ["a€", "€"], 1],
    ["truncate", "abcdefgh\nabcdefgh\nx", ["abcd", "abcd", "x"], 2],
    ["truncate", "ab€\nx", ["ab", "x"], 1],
    ["truncate", "abcd\nx", ["abcd", "x"], 0],
  ] as ["split" | "truncate", string, string[], number][])(
    "%s: of %j, with 4 bytes, %j",
    (how, text, expected, long) => {
      expect(lines(text, 4, how)).toEqual({ lines: expected, long });
      const everywhere = Array.from({ length: 40 }, (_, i) => i);
      expect(lines(text, 4, how, everywhere)).toEqual({ lines: expected, long });
    },
  );

  it("are the same however the bytes come, and lose nothing when split", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "ä", "€", "😀", "\n"), maxLength: 60 });
    fc.assert(
      fc.property(text, fc.integer({ min: 4, max: 9 }), fc.array(fc.nat(200)), (text, max, cuts) => {
        for (const how of ["split", "truncate"] as const) {
          const { lines: got, long } = lines(text, max, how, cuts);
          expect({ lines: got, long }).toEqual(lines(text, max, how));
          for (const line of got) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(max);
          if (how === "split") expect(got.join("")).toBe(text.replaceAll("\n", ""));
          else expect(got.length).toBe(text === "" ? 0 : text.replace(/\n$/, "").split("\n").length);
        }
      }),
    );
  });

  it("may be no text at all", () => {
    expect(lines(Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x0a, 0xff]), 4, "split").lines.join("")).toBe(
      "�".repeat(6),
    );
  });
});
