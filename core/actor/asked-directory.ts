/** A directory at the other end of a connection: the parent's, or that of a registrar of another program. */
import type { Operation } from "effection";
import type { ActorId } from "../actor-id.ts";
import { ActorTooSlowError, Lagged, ProtocolError } from "../errors/mod.ts";
import { journal } from "../log/mod.ts";
import { SELF_NAMESPACE } from "../rpc/cancel-request.ts";
import type { Channel, DialogHalf } from "../rpc/channel.ts";
import { remote } from "../rpc/function-name.ts";
import { ANY_PAYLOAD } from "../rpc/limits.ts";
import { ownErrors } from "../rpc/own-types.ts";
import { Portal } from "../rpc/portal.ts";
import type { ProducerEndpoint } from "../rpc/producer.ts";
import type { ReceiveStream } from "../rpc/stream-ends.ts";
import { moveOnAfter } from "../sc/timeouts.ts";
import { type Cid, type Message, parseAddress, toUid, toWireAddress, type Uid, unboxError } from "../wire/mod.ts";
import { ActorEvents } from "./actor-events.ts";
import type { ClaimBody, Directory, WatchBody } from "./directory.ts";
import { LOOK_UP_TIMEOUT_MS, WATCH_STREAM_CAPACITY } from "./limits.ts";
import { fromWireActor, fromWireActors, type RegisteredActor, readAddresses, toWireActor } from "./registered-actor.ts";
import type { ActorEvent } from "./registry.ts";

/** What an actor answers in the namespace of the runtime; see `directory-functions.ts`. */
interface DirectoryFunctions {
  _join(args: { actors: readonly unknown[] }): Operation<unknown>;
  _look_up(args: { name: string | null; enough: string }): Operation<unknown>;
  _locate(args: { uid: Uid }): Operation<unknown>;
  _listen(args: { path: readonly string[] }): Operation<unknown>;
  _wait_for(args: { name: string; except: readonly string[] }): Operation<unknown>;
  _evict(args: { uid: Uid; addrs: readonly unknown[] }): Operation<unknown>;
  readonly _watch: ProducerEndpoint<object, unknown>;
  readonly _claim: ProducerEndpoint<{ name: string; except: string | null }, unknown>;
}

const self = remote<DirectoryFunctions>(SELF_NAMESPACE);

export class AskedDirectory implements Directory {
  readonly #channel: Channel;
  readonly #portal: Portal;

  constructor(channel: Channel) {
    this.#channel = channel;
    this.#portal = new Portal(channel.self, channel, {});
  }

  join(actors: readonly RegisteredActor[]): void {
    Told.send(this.#channel, "_join", { actors: actors.map(toWireActor) });
  }

  leave(uuids: readonly string[]): void {
    Told.send(this.#channel, "_leave", { uuids });
  }

  /** As `join`, and wait until that is done. @throws what the other end refuses it with */
  *enter(actors: readonly RegisteredActor[]): Operation<void> {
    yield* this.#bounded("register actors", this.#portal.run(self._join, { actors: actors.map(toWireActor) }));
  }

  *lookUp(name: string | undefined, enough: "one" | "all"): Operation<readonly RegisteredActor[]> {
    return fromWireActors(
      yield* this.#bounded("answer a look-up", this.#portal.run(self._look_up, { name: name ?? null, enough })),
    );
  }

  *locate(actor: ActorId): Operation<readonly string[]> {
    return readAddresses(
      yield* this.#bounded("say where an actor listens", this.#portal.run(self._locate, { uid: toUid(actor) })),
    );
  }

  /** Have the actor listen that is found by way of these, from one to the next; the other end itself for none. */
  *listen(path: readonly string[]): Operation<readonly string[]> {
    return readAddresses(yield* this.#bounded("have an actor listen", this.#portal.run(self._listen, { path })));
  }

  *waitFor(name: string, except: readonly string[]): Operation<RegisteredActor> {
    return fromWireActor(yield* this.#portal.run(self._wait_for, { name, except }));
  }

  *evict(actor: ActorId, addresses: readonly string[]): Operation<void> {
    const addrs = addresses.map((address) => toWireAddress(parseAddress(address)));
    yield* this.#bounded("remove an actor", this.#portal.run(self._evict, { uid: toUid(actor), addrs }));
  }

  *watch<T>(body: WatchBody<T>): Operation<T> {
    return yield* this.#portal.openStreamFrom(
      self._watch,
      {},
      function* (stream) {
        const present = fromWireActors(yield* stream.receive());
        return yield* body(new ActorEvents(() => nextEvent(stream)), present);
      },
      { capacity: WATCH_STREAM_CAPACITY },
    );
  }

  *claim<T>(name: string, body: ClaimBody<T>, except?: string): Operation<T> {
    return yield* this.#portal.openStreamFrom(self._claim, { name, except: except ?? null }, function* (stream) {
      const holder = yield* stream.receive();
      return yield* body(holder === null ? undefined : fromWireActor(holder));
    });
  }

  *#bounded<T>(what: string, asked: Operation<T>): Operation<T> {
    const answer = yield* moveOnAfter(LOOK_UP_TIMEOUT_MS, function* () {
      return { value: yield* asked };
    });
    if (answer !== undefined) return answer.value;
    throw new ActorTooSlowError(this.#channel.peer?.id ?? this.#channel.self, LOOK_UP_TIMEOUT_MS, what);
  }
}

function* nextEvent(stream: ReceiveStream<unknown>): Operation<ActorEvent> {
  const item = yield* stream.receive();
  const { joined, left, missed, kept } = { ...(item as Record<string, unknown> | null) };
  if (typeof missed === "number") throw new Lagged(missed, typeof kept === "number" ? kept : WATCH_STREAM_CAPACITY);
  if (joined !== undefined) return { type: "joined", actor: fromWireActor(joined) };
  if (left !== undefined) return { type: "left", actor: fromWireActor(left) };
  throw new ProtocolError("a watch of actors was sent what is neither a join nor a leave");
}

/** Something that is only said: no task waits for the answer, and a refusal goes to the log. */
class Told implements DialogHalf {
  readonly #channel: Channel;
  readonly #cid: Cid;
  readonly #func: string;

  private constructor(channel: Channel, cid: Cid, func: string) {
    this.#channel = channel;
    this.#cid = cid;
    this.#func = func;
  }

  static send(channel: Channel, func: string, kwargs: Readonly<Record<string, unknown>>): void {
    if (channel.closedBy !== undefined) return;
    const cid = channel.newCid();
    channel.add(cid, new Told(channel, cid, func));
    channel.send({
      msg_type: "Start",
      cid,
      ns: SELF_NAMESPACE,
      func,
      kwargs,
      uid: toUid(channel.self),
      pld_spec: ANY_PAYLOAD,
    });
  }

  receive(message: Message): void {
    if (message.msg_type === "StartAck") return;
    this.#channel.remove(this.#cid);
    if (message.msg_type === "Error") this.#failed(unboxError(message, ownErrors));
  }

  undecodable(error: Error): void {
    this.#channel.remove(this.#cid);
    this.#failed(error);
  }

  /** With the connection goes what was said over it. */
  disconnected(): void {}

  #failed(error: Error): void {
    journal.write("warn", "registrar.refused", `${this.#func}: ${error.message}`, { error });
  }
}
