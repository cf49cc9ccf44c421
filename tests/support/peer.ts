/** A peer of the protocol, played by hand over a stream in memory. */
import type { Operation } from "effection";
import { Connection } from "../../core/ipc/connection.ts";
import { Call } from "../../core/rpc/call.ts";
import { Channel } from "../../core/rpc/channel.ts";
import type { Message, Start } from "../../core/wire/mod.ts";
import { PairedStream } from "./duplex-pair.ts";
import { macrotasks } from "./macrotasks.ts";

export const id = (name: string) => ({ name, uuid: `${name}-uuid` });
const aid = (name: string) => ({ ...id(name), pid: 1, is_registrar: null, is_probe: false });
export const NAME = { ns: "feed", func: "ticks" };

/** A peer that says what the test tells it, and keeps what it hears. */
export class Peer {
  readonly heard: Message[] = [];
  readonly connection: Connection;
  onStart: ((start: Start) => void) | undefined;

  constructor(stream: PairedStream) {
    this.connection = new Connection(stream, aid("peer"), {
      message: (message) => {
        this.heard.push(message);
        if (message.msg_type === "Start") this.onStart?.(message);
      },
      undecodable: () => {},
      drained: () => {},
      closed: () => {},
    });
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

export function* begin(channel: Channel, isContext = true): Operation<Call> {
  const call = yield* Call.begin(channel, NAME, { symbol: "X" }, { isContext, specs: undefined });
  yield* macrotasks();
  return call;
}

/** The items of all `Yield`s, in order. */
export function itemsIn(messages: readonly Message[]): unknown[] {
  return messages.flatMap((m) => (m.msg_type !== "Yield" ? [] : m.batch === true ? m.pld : [m.pld]));
}
