/**
 * A child that is none: preloaded (`--import`) into the process of an actor, it takes the link for itself and never lets
 * the actor begin. It behaves as far as `HOSTILE_STAGE` says, and then writes what is in `HOSTILE_BYTES`.
 */
import { Socket } from "node:net";
import { FEATURES, FrameReader, FrameWriter, type Message, MessageCodec } from "../../core/wire/mod.ts";

const { HOSTILE_BYTES = "", HOSTILE_STAGE = "greeted" } = process.env;
const [, , name = "", uuid = ""] = process.argv;
const link = new Socket({ fd: 3, readable: true, writable: true });
const named = new MessageCodec({ spelling: "named", features: new Set() });
const compact = new MessageCodec({ spelling: "compact", features: new Set(FEATURES) });

function say(codec: MessageCodec, message: Message): void {
  const writer = new FrameWriter();
  codec.append(message, writer);
  for (const part of writer.take()) link.write(part);
}

function attack(): void {
  for (const chunk of HOSTILE_BYTES.split(",")) link.write(Buffer.from(chunk, "hex"));
}

link.on("error", () => process.exit(1)).on("close", () => process.exit(0));
if (HOSTILE_STAGE === "silent") attack();
else {
  say(named, {
    msg_type: "Aid",
    name,
    uuid,
    pid: process.pid,
    is_registrar: null,
    is_probe: false,
    ext: [...FEATURES],
  });
  if (HOSTILE_STAGE === "greeted") attack();
  let greeted = false;
  let asked = 0;
  const reader = new FrameReader();
  link.on("data", (chunk: Buffer) => {
    reader.push(chunk);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      const message = (greeted ? compact : named).decode(frame);
      greeted = true;
      if (message.msg_type !== "Start" || HOSTILE_STAGE !== "ready") continue;
      // The first is whether it is ready; the second is what it is attacked for.
      if (asked++ > 0) return attack();
      say(compact, { msg_type: "StartAck", cid: message.cid, functype: "asyncfunc" });
      say(compact, { msg_type: "Return", cid: message.cid, pld: null });
    }
  });
}
// For ever: what was to be preloaded first never ends.
await new Promise(() => {});
