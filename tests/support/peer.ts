/** A peer of the protocol, played by hand over a stream in memory. */
import type { Duplex } from "node:stream";
import type { Operation } from "effection";
import { Connection, type ConnectionListener } from "../../core/ipc/connection.ts";
import { Call } from "../../core/rpc/call.ts";
import { Channel } from "../../core/rpc/channel.ts";
import { type DialogKind, FUNCTYPES } from "../../core/rpc/dialog-rules.ts";
import { ExposedModules } from "../../core/rpc/exposed-modules.ts";
import { type EnabledModules, functionName } from "../../core/rpc/function-name.ts";
import { Service } from "../../core/rpc/service.ts";
import { openNursery, type TaskStatus } from "../../core/sc/nursery.ts";
import { sleepForever } from "../../core/sc/sleep.ts";
import { FEATURES, type Feature, type Message, type Start } from "../../core/wire/mod.ts";
import { PairedStream } from "./duplex-pair.ts";
import { macrotasks } from "./macrotasks.ts";

export const id = (name: string) => ({ name, uuid: `${name}-uuid` });
const aid = (name: string) => ({ ...id(name), pid: 1, is_registrar: null, is_probe: false });
export const NAME = functionName("feed", "ticks");

/** A peer that says what the test tells it, and keeps what it hears. */
export class Peer {
  readonly heard: Message[] = [];
  readonly connection: Connection;
  onStart: ((start: Start) => void) | undefined;

  constructor(stream: Duplex, features: readonly Feature[] = FEATURES) {
    const listener: ConnectionListener = {
      message: (message) => {
        this.heard.push(message);
        if (message.msg_type === "Start") this.onStart?.(message);
      },
      undecodable: () => {},
      drained: () => {},
      closed: () => {},
    };
    this.connection = new Connection(stream, aid("peer"), listener, { features });
  }

  say(message: Message): void {
    this.connection.send(message);
  }
}

export function* meet(): Operation<{ channel: Channel; peer: Peer }> {
  const [left, right] = PairedStream.make();
  const peer = new Peer(right);
  const channel = new Channel(left, { self: aid("me"), initiator: true, serve: () => {} });
  yield* channel.greeted.wait();
  yield* peer.connection.greeted.wait();
  return { channel, peer };
}

/** An actor that serves `modules`, asked by a peer that is played by hand; both end with `body`. */
export function* serving<T>(
  modules: EnabledModules,
  body: (peer: Peer, channel: Channel) => Operation<T>,
  features: readonly Feature[] = FEATURES,
): Operation<T> {
  const exposed = yield* ExposedModules.load(modules);
  return yield* openNursery(function* (nursery) {
    // In a nursery of its own: a peer may cancel the service, and the test is to see that.
    const service = yield* nursery.start(function* serve(status: TaskStatus<Service>): Operation<void> {
      yield* openNursery(function* (served) {
        status.started(new Service(id("me"), served, exposed));
        yield* sleepForever();
      });
    });
    const [left, right] = PairedStream.make();
    const peer = new Peer(right, features);
    const channel = new Channel(left, {
      self: aid("me"),
      initiator: false,
      serve: service.serve,
      typesOfStart: service.typesOfStart,
    });
    yield* channel.greeted.wait();
    yield* peer.connection.greeted.wait();
    const value = yield* body(peer, channel);
    peer.connection.destroy();
    service.cancel(id("me"), "the test is over");
    return value;
  });
}

/** Ask the peer for `NAME`; it answers as far as it is told to. */
export function* begin(
  { channel, peer }: { readonly channel: Channel; readonly peer: Peer },
  kind: DialogKind = "context",
  upTo: "asked" | "accepted" | "started" = kind === "context" ? "started" : "accepted",
): Operation<Call> {
  const call = yield* Call.begin(channel, NAME, { symbol: "X" }, { kind, specs: undefined });
  if (upTo !== "asked") peer.say({ msg_type: "StartAck", cid: call.cid, functype: FUNCTYPES[kind] });
  if (upTo === "started") peer.say({ msg_type: "Started", cid: call.cid, pld: undefined });
  yield* macrotasks();
  return call;
}

/** The items of all `Yield`s, in order. */
export function itemsIn(messages: readonly Message[]): unknown[] {
  return messages.flatMap((m) => (m.msg_type !== "Yield" ? [] : m.batch === true ? m.pld : [m.pld]));
}
