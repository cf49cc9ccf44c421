import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FrameWriter, MessageCodec } from "../../core/wire/mod.ts";

interface Recorded {
  readonly n: number;
  readonly hex: string;
  readonly msg: { readonly msg_type: string };
}

const recording = readFileSync(new URL("./golden/python-peer.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line): Recorded => JSON.parse(line));

describe("a recording of a Python peer", () => {
  const codec = new MessageCodec({ spelling: "named", features: new Set() });

  it("has 60 frames", () => {
    expect(recording).toHaveLength(60);
  });

  it.each(recording)("frame $n, $msg.msg_type, is understood and written again byte for byte", ({ hex, msg }) => {
    const message = codec.decode(Buffer.from(hex, "hex"));
    expect(message).toEqual(msg);
    const out = new FrameWriter();
    codec.append(message, out);
    const written = Buffer.concat(out.take());
    expect(written.readUInt32LE(0)).toBe(hex.length / 2);
    expect(written.subarray(4).toString("hex")).toBe(hex);
  });
});
