/** What nobody should send to an actor: noise, golden frames that were damaged, and messages that only look like one. */
import { readFileSync } from "node:fs";
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";

interface Golden {
  readonly hex: string;
}

function goldenFrames(spelling: string): Buffer[] {
  const text = readFileSync(new URL(`../wire/golden/${spelling}.jsonl`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line): Golden => JSON.parse(line))
    .map(({ hex }) => Buffer.from(hex, "hex"));
}

const golden = fc.constantFrom(...goldenFrames("compact"), ...goldenFrames("named"));

/** Codes of message types: one more than there are. */
const code = fc.integer({ min: 0, max: 14 });
/** Dialogs that both sides of a test are likely to have open. */
const cid = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.constant(300), fc.string({ maxLength: 8 }), fc.constant(null));
const anything = fc.anything({ maxDepth: 2, maxKeys: 4 }).filter(isEncodable);

/** As the compact spelling has it, with fields of any kind. */
const lookalike = fc
  .tuple(code, cid, fc.array(fc.oneof(anything, cid, fc.boolean(), fc.double()), { maxLength: 10 }))
  .map(([type, dialog, fields]) => framed(encode([type, dialog, ...fields])));

const damaged = fc
  .tuple(golden, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }))
  .map(([frame, changes]) => {
    const copy = Buffer.from(frame);
    for (const [at, byte] of changes) copy[at % copy.length] = byte;
    return copy;
  });

/** The payload is damaged, and its length is right. */
const wrongInside = fc
  .tuple(golden, fc.nat(), fc.nat({ max: 20 }), fc.uint8Array({ maxLength: 20 }))
  .map(([frame, at, deleted, inserted]) => {
    const payload = frame.subarray(4);
    const from = at % payload.length;
    return framed(Buffer.concat([payload.subarray(0, from), inserted, payload.subarray(from + deleted)]));
  });

const cutShort = fc.tuple(golden, fc.nat()).map(([frame, at]) => frame.subarray(0, at % frame.length));
const lengthAlone = fc
  .oneof(fc.nat({ max: 0xffff_ffff }), fc.constantFrom(0, 0xffff_ffff, 16 * 1024 * 1024))
  .map(header);
const noise = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes));

/** Some of it, as the writes in which it is sent. */
export const hostileBytes: fc.Arbitrary<Buffer[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: golden },
    { weight: 6, arbitrary: lookalike },
    { weight: 3, arbitrary: wrongInside },
    { weight: 2, arbitrary: damaged },
    { weight: 1, arbitrary: cutShort },
    { weight: 1, arbitrary: lengthAlone },
    { weight: 1, arbitrary: noise },
  ),
  { minLength: 1, maxLength: 12 },
);

export function framed(payload: Uint8Array): Buffer {
  return Buffer.concat([header(payload.length), payload]);
}

function header(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(length);
  return bytes;
}

function isEncodable(value: unknown): boolean {
  try {
    encode(value);
    return true;
  } catch {
    return false;
  }
}
