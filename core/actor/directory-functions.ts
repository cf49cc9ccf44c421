/**
 * What an actor answers in the namespace `self` about other actors: the names of the protocol as Python peers know them,
 * and our own, which begin with an underscore.
 */
import type { Operation } from "effection";
import type { ActorId } from "../actor-id.ts";
import { Lagged, ProtocolError } from "../errors/mod.ts";
import type { Channel } from "../rpc/channel.ts";
import type { Exposed } from "../rpc/exposed-modules.ts";
import { producer } from "../rpc/producer.ts";
import type { RuntimeFunctions } from "../rpc/service.ts";
import type { SendStream } from "../rpc/stream-ends.ts";
import { sleepForever } from "../sc/sleep.ts";
import { fromUid, isUid, parseAddress, toWireAddress, type WireAddress } from "../wire/mod.ts";
import type { Actor } from "./actor.ts";
import type { ActorEvents } from "./actor-events.ts";
import type { Directory } from "./directory.ts";
import { listenAt } from "./listen-at.ts";
import { fromWireActors, type RegisteredActor, readAddresses, toWireActor } from "./registered-actor.ts";

type Kwargs = Readonly<Record<string, unknown>>;

/** What registers actors: its own tree's by way of a child, or those of other programs by their connection. */
export interface Registering {
  join(actors: readonly RegisteredActor[], channel: Channel): void;
  leave(uuids: readonly string[], channel: Channel): void;
  /** As plain peers do, which connect for that alone. */
  registerPlain?(actor: ActorId, address: string): void;
}

/** @param registering - undefined where nobody may register */
export function directoryFunctions(actor: Actor, registering: Registering | undefined): RuntimeFunctions {
  return {
    find: (func) => asExposed(FUNCTIONS.get(func), actor) ?? asProducer(PRODUCERS.get(func), actor),
    tell: (func, kwargs, channel) => registering !== undefined && told(registering, func, kwargs, channel),
  };
}

/** What the registrar of another program may ask an actor that has joined it: to listen, or have one of its tree listen. */
export function listenFunctions(actor: Actor): RuntimeFunctions {
  return {
    find: (func) => (func === "_listen" ? asExposed(FUNCTIONS.get(func), actor) : undefined),
    tell: () => false,
  };
}

function told(registering: Registering, func: string, kwargs: Kwargs, channel: Channel): boolean {
  switch (func) {
    case "_join":
      registering.join(fromWireActors(kwargs.actors), channel);
      return true;
    case "_leave":
      registering.leave(texts(kwargs.uuids), channel);
      return true;
    case "register_actor": {
      const [address = ""] = readAddresses([kwargs.addr]);
      registering.registerPlain?.(uidIn(kwargs), address);
      return registering.registerPlain !== undefined;
    }
    case "unregister_actor":
      registering.leave([uidIn(kwargs).uuid], channel);
      return true;
    default:
      return false;
  }
}

type Fn = (kwargs: Kwargs, actor: Actor, directory: Directory) => Operation<unknown>;

const FUNCTIONS: ReadonlyMap<string, Fn> = new Map<string, Fn>([
  [
    "_look_up",
    function* ({ name, enough }, _actor, directory) {
      const found = yield* directory.lookUp(name === null ? undefined : text(name), enough === "one" ? "one" : "all");
      return found.map(toWireActor);
    },
  ],
  [
    "_locate",
    function* (kwargs, _actor, directory) {
      return wireAddresses(yield* directory.locate(uidIn(kwargs)));
    },
  ],
  [
    "_listen",
    function* ({ path }, actor) {
      return wireAddresses(yield* listenAt(actor, texts(path)));
    },
  ],
  [
    "_wait_for",
    function* ({ name, except }, _actor, directory) {
      return toWireActor(yield* directory.waitFor(text(name), texts(except)));
    },
  ],
  [
    "_evict",
    function* (kwargs, _actor, directory) {
      yield* directory.evict(uidIn(kwargs), readAddresses(kwargs.addrs));
      return null;
    },
  ],
  [
    "find_actor",
    function* ({ name }, _actor, directory) {
      for (const found of yield* directory.lookUp(text(name), "all")) {
        const addresses = tcpOnly(found);
        if (addresses.length > 0) return addresses;
      }
      return null;
    },
  ],
  [
    "wait_for_actor",
    function* ({ name }, _actor, directory) {
      const except: string[] = [];
      for (;;) {
        const found = yield* directory.waitFor(text(name), except);
        const addresses = tcpOnly(found);
        if (addresses.length > 0) return addresses;
        except.push(found.actor.uuid);
      }
    },
  ],
]);

type Producer = (out: SendStream<unknown>, kwargs: Kwargs, directory: Directory) => Operation<unknown>;

const PRODUCERS: ReadonlyMap<string, Producer> = new Map<string, Producer>([
  [
    "_watch",
    function* (out, _kwargs, directory) {
      yield* directory.watch(function* (events, present) {
        yield* out.send(present.map(toWireActor));
        for (;;) yield* out.send(yield* wireEvent(events));
      });
    },
  ],
  [
    "_claim",
    function* (out, { name, except }, directory) {
      const granting = function* (holder: RegisteredActor | undefined): Operation<void> {
        yield* out.send(holder === undefined ? null : toWireActor(holder));
        // Who has claimed the name says by leaving that it has used it, or has not.
        if (holder === undefined) yield* sleepForever();
      };
      yield* directory.claim(text(name), granting, except === null ? undefined : text(except));
    },
  ],
]);

function asExposed(fn: Fn | undefined, actor: Actor): Exposed | undefined {
  if (fn === undefined) return undefined;
  return { kind: "function", fn: (kwargs) => fn(kwargs as Kwargs, actor, actor.directory) };
}

function asProducer(run: Producer | undefined, actor: Actor): Exposed | undefined {
  if (run === undefined) return undefined;
  const endpoint = producer(function* (out: SendStream<unknown>, kwargs: Kwargs) {
    yield* run(out, kwargs, actor.directory);
  });
  return { kind: "producer", endpoint };
}

function* wireEvent(events: ActorEvents): Operation<unknown> {
  try {
    const { type, actor } = yield* events.receive();
    return { [type]: toWireActor(actor) };
  } catch (error) {
    if (!(error instanceof Lagged)) throw error;
    return { missed: error.missed, kept: error.capacity };
  }
}

function wireAddresses(addresses: readonly string[]): WireAddress[] {
  return addresses.map((address) => toWireAddress(parseAddress(address)));
}

/** What a plain peer can connect to. */
function tcpOnly({ addresses }: RegisteredActor): WireAddress[] {
  return addresses
    .map(parseAddress)
    .filter(({ transport }) => transport === "tcp")
    .map(toWireAddress);
}

function uidIn({ uid }: Kwargs): ActorId {
  if (!isUid(uid)) throw new ProtocolError("uid: expected an actor as [name, uuid]");
  return fromUid(uid);
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new ProtocolError(`expected a text, got ${typeof value}`);
  return value;
}

function texts(value: unknown): string[] {
  if (!Array.isArray(value)) throw new ProtocolError(`expected an array of texts, got ${typeof value}`);
  return value.map(text);
}
