import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { FEATURES, FrameWriter, MessageCodec } from "../../core/wire/mod.ts";
import { EXTENSION_BYTES, samples } from "./golden/samples.ts";

interface Golden {
  readonly title: string;
  readonly hex: string;
}

function readGolden(spelling: string): Golden[] {
  const text = readFileSync(new URL(`./golden/${spelling}.jsonl`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line): Golden => JSON.parse(line));
}

/** What another implementation of msgpack, in another language, reads in these frames. */
function decodeElsewhere(golden: readonly Golden[]): unknown[] {
  const script = fileURLToPath(new URL("./golden/decode.py", import.meta.url));
  const output = execFileSync("python3", [script], {
    input: golden.map((line) => line.hex).join("\n"),
    encoding: "utf8",
  });
  return output
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

/** As the other implementation writes it: JSON has neither bytes nor integers beyond 2**53. */
function asJson(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, v) => {
      if (v instanceof Uint8Array) return { bin: Buffer.from(v).toString("hex") };
      return typeof v === "bigint" ? { int: String(v) } : v;
    }),
  );
}

describe.each(["named", "compact"] as const)("every message in the %s spelling", (spelling) => {
  const golden = readGolden(spelling);
  const codec = new MessageCodec({ spelling, features: new Set(FEATURES) });

  it("has a golden frame", () => {
    expect(golden.map((line) => line.title)).toEqual(samples.map((sample) => sample.title));
  });

  it.each(samples)("$title is written as the golden frame and read from it", ({ title, message }) => {
    const hex = golden.find((line) => line.title === title)?.hex ?? "";
    const out = new FrameWriter();
    codec.append(message, out);
    expect(Buffer.concat(out.take()).toString("hex")).toBe(hex);
    expect(codec.decode(Buffer.from(hex, "hex").subarray(4))).toEqual(message);
  });

  it("means the same to an independent implementation of msgpack", () => {
    const expected = samples.map(({ message, compact }) => {
      if (spelling === "compact") return asJson(compact);
      return asJson(
        "pld" in message && compact[2] === EXTENSION_BYTES ? { ...message, pld: EXTENSION_BYTES } : message,
      );
    });
    expect(decodeElsewhere(golden)).toEqual(expected);
  });
});
