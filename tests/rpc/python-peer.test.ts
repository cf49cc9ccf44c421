/**
 * A recorded dialog with a Python peer, replayed: against our server with what the Python client said, and against our
 * client with what the Python service answered.
 */
import { readFileSync } from "node:fs";
import type { Operation } from "effection";
import { ContextCancelled, each, ModuleNotExposed, Portal, type RemoteActorError, remote } from "espalier";
import { Channel } from "../../core/rpc/channel.ts";
import { ExposedModules } from "../../core/rpc/exposed-modules.ts";
import { Service } from "../../core/rpc/service.ts";
import { openNursery } from "../../core/sc/nursery.ts";
import { park } from "../../core/sc/park.ts";
import { type Aid, type Cid, FrameReader, FrameWriter, type Message, MessageCodec } from "../../core/wire/mod.ts";
import { PairedStream } from "../support/duplex-pair.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import type * as service from "./fixtures/python-service.ts";

interface Recorded {
  readonly conn: number;
  readonly dir: "from_python" | "to_python";
  readonly hex: string;
  readonly msg: Message;
}

const recording = readFileSync(new URL("../wire/golden/python-peer.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line): Recorded => JSON.parse(line));

/** The connection on which functions are called; those to the registrar are for the actor layer to answer. */
const calls = recording.filter(({ conn }) => conn === 3);

const me = { name: "ours", uuid: "ours-uuid", pid: 1, is_registrar: null, is_probe: false };

/** The far end of a connection, in raw frames of the named spelling. */
class RawPeer {
  readonly heard: Message[] = [];
  readonly #stream: PairedStream;
  readonly #codec = new MessageCodec({ spelling: "named", features: new Set() });
  #onFrame = () => {};

  constructor(stream: PairedStream) {
    this.#stream = stream;
    const reader = new FrameReader();
    stream.on("data", (chunk: Buffer) => {
      reader.push(chunk);
      for (let message = this.#codec.read(reader); message; message = this.#codec.read(reader))
        this.heard.push(message);
      this.#onFrame();
    });
  }

  write(payload: Uint8Array): void {
    const out = new FrameWriter();
    out.append(payload);
    for (const part of out.take()) this.#stream.write(part);
  }

  say(message: Message): void {
    const out = new FrameWriter();
    this.#codec.append(message, out);
    for (const part of out.take()) this.#stream.write(part);
  }

  *until(condition: () => boolean): Operation<void> {
    while (!condition()) {
      yield* park<void>(
        "a frame of ours",
        ({ wake }) => {
          this.#onFrame = () => wake();
          return () => true;
        },
        { byHost: true },
      );
    }
  }
}

const cidOf = (message: Message): Cid | null => ("cid" in message ? message.cid : null);

/** What of a message is the same whoever says it: no identities, no texts of errors, no class names of a language. */
function essence(message: Message): unknown {
  if (message.msg_type === "Aid") return { msg_type: "Aid" };
  if (message.msg_type !== "Error") return message;
  const { msg_type, cid, canceller, relay_path, sender, _bad_msg, src_type_str } = message;
  const ofProtocol = ["ContextCancelled", "ModuleNotExposed"].includes(src_type_str) ? src_type_str : "of the language";
  return { msg_type, cid, canceller, hops: relay_path.length, sender, _bad_msg, type: ofProtocol };
}

describe("a recorded Python client", () => {
  it("is answered by our server as the Python service answered it", function* () {
    const modules = yield* ExposedModules.load({ svc: new URL("./fixtures/python-service.ts", import.meta.url).href });
    const [left, right] = PairedStream.make();
    const peer = new RawPeer(right);
    yield* openNursery(function* (nursery) {
      const server = new Service(me, nursery, modules);
      new Channel(left, { self: me, initiator: false, serve: server.serve });
      const expected: Message[] = [];
      for (const { dir, hex, msg } of calls) {
        if (dir === "to_python") {
          peer.write(Buffer.from(hex, "hex"));
          continue;
        }
        expected.push(msg);
        const soFar = (messages: readonly Message[]) => messages.filter((m) => cidOf(m) === cidOf(msg)).length;
        yield* peer.until(() => soFar(peer.heard) >= soFar(expected));
      }
      for (const cid of new Set(expected.map(cidOf))) {
        const of = (messages: readonly Message[]) => messages.filter((m) => cidOf(m) === cid).map(essence);
        expect(of(peer.heard)).toEqual(of(expected));
      }
      expect(peer.heard).toHaveLength(expected.length);
      right.destroy();
      nursery.cancelScope.cancel("the recording is over");
    });
  });
});

describe("a recorded Python service", () => {
  it("is asked by our client as the Python client asked it, and understood", function* () {
    const [left, right] = PairedStream.make();
    const peer = new RawPeer(right);
    // Our client goes by the recorded one's name, so that a cancel that was asked for by that one is its own.
    const client = calls.map(({ msg }) => msg).find((msg) => msg.msg_type === "Aid" && msg.name === "py_client");
    const self = { ...me, ...(client as Aid) };
    const channel = new Channel(left, { self, initiator: true, serve: () => {} });
    const asked: Message[] = [];
    yield* openNursery(function* (nursery) {
      nursery.startSoon(() => answer(peer, asked));
      yield* channel.greeted.wait();
      expect(channel.isPlain).toBe(true);
      yield* talk(new Portal(me, channel, {}));
    });
    expect(asked.map(essence)).toEqual(calls.filter(({ dir }) => dir === "to_python").map(({ msg }) => essence(msg)));
    channel.destroy();
  });
});

/** Say what the service said, as soon as our client has said what it is the answer to. Names of dialogs are translated. */
function* answer(peer: RawPeer, asked: Message[]): Operation<void> {
  const theirs = new Map<Cid, Cid>();
  const ours = new Map<Cid, Cid>();
  for (const { dir, msg } of calls) {
    if (dir === "from_python") {
      peer.say(renamed(msg, theirs));
      continue;
    }
    yield* peer.until(() => peer.heard.length > asked.length);
    const heard = peer.heard[asked.length] as Message;
    if (msg.msg_type === "Start" && heard.msg_type === "Start") {
      theirs.set(msg.cid, heard.cid);
      ours.set(heard.cid, msg.cid);
    }
    asked.push(renamed(heard, ours));
  }
}

function renamed(message: Message, names: ReadonlyMap<Cid, Cid>): Message {
  const cid = cidOf(message);
  if (cid === null) return message;
  const other = { ...message, cid: names.get(cid) ?? cid } as Message;
  if (other.msg_type !== "Start" || !("cid" in other.kwargs)) return other;
  return { ...other, kwargs: { ...other.kwargs, cid: names.get(other.kwargs.cid as Cid) ?? other.kwargs.cid } };
}

function* talk(portal: Portal): Operation<void> {
  const svc = remote<typeof service>("svc");
  const absent = remote<{ nope: () => Operation<void> }>("svc");
  const os = remote<{ getpid: () => Operation<number> }>("os");
  expect(yield* portal.run(svc.add, { a: 1, b: 2 })).toBe(3);
  const boom = (yield* errorOf(portal.run(svc.boom))) as RemoteActorError;
  expect(boom).toMatchObject({ name: "RemoteActorError", remoteName: "ValueError", remoteMessage: "..." });
  expect(boom.srcActor.name).toBe("py_service");
  expect(yield* errorOf(portal.run(absent.nope))).toMatchObject({ remoteName: "AttributeError" });
  expect(yield* errorOf(portal.run(os.getpid))).toBeInstanceOf(ModuleNotExposed);

  yield* portal.openStreamFrom(svc.count, { n: 3 }, function* (stream) {
    const items: number[] = [];
    for (const item of yield* each(stream)) {
      items.push(item);
      yield* each.next();
    }
    expect(items).toEqual([0, 1, 2]);
  });

  yield* portal.openContext(svc.pingpong, { n: 7 }, function* (ctx, first) {
    expect(first).toEqual({ ready: 7 });
    yield* ctx.openStream(function* (stream) {
      for (let i = 0; i < 2; i++) {
        yield* stream.send("ping");
        expect(yield* stream.receive()).toEqual(["pong", i]);
      }
    });
    expect(yield* ctx.waitForResult()).toBe("done");
  });

  yield* portal.openContext(svc.forever, {}, function* (ctx, first) {
    expect(first).toBe("up");
    yield* ctx.cancel();
    expect(ctx).toMatchObject({ state: "cancelled", cancelAcked: true });
    expect(ctx.maybeError).toBeInstanceOf(ContextCancelled);
  });

  const late = portal.openContext(svc.fails_late, {}, function* (ctx) {
    yield* ctx.openStream(function* (stream) {
      expect(yield* stream.receive()).toBe(1.5);
      yield* stream.receive();
    });
  });
  expect(yield* errorOf(late)).toMatchObject({ remoteName: "KeyError" });
}
