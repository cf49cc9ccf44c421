/**
 * Writes `named.jsonl` and `compact.jsonl`: each line the title of a sample and its frame, length included, in hex. Run
 * it after a deliberate change of the protocol, and read the difference: deployed peers speak what stands there.
 *
 *     node --import tsx tests/wire/golden/regenerate.ts
 */
import { writeFileSync } from "node:fs";
import { FEATURES, FrameWriter, MessageCodec } from "../../../core/wire/mod.ts";
import { samples } from "./samples.ts";

for (const spelling of ["named", "compact"] as const) {
  const codec = new MessageCodec({ spelling, features: new Set(FEATURES) });
  const lines = samples.map(({ title, message }) => {
    const out = new FrameWriter();
    codec.append(message, out);
    return JSON.stringify({ title, hex: Buffer.concat(out.take()).toString("hex") });
  });
  writeFileSync(new URL(`./${spelling}.jsonl`, import.meta.url), `${lines.join("\n")}\n`);
}
