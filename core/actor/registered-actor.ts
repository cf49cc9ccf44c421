/** What is known of an actor where actors are looked up, and how it is put on the wire. */
import type { ActorId } from "../actor-id.ts";
import { ConnectError, ProtocolError, RegistrarUnavailable, TransportClosed } from "../errors/mod.ts";
import {
  type Address,
  formatAddress,
  fromUid,
  fromWireAddress,
  isUid,
  isWireAddress,
  parseAddress,
  toUid,
  toWireAddress,
} from "../wire/mod.ts";
import { MAX_TREE_DEPTH } from "./limits.ts";

/** An actor as a registrar knows it. */
export interface RegisteredActor {
  readonly actor: ActorId;
  /** Of its process; undefined where nobody has said. */
  readonly pid: number | undefined;
  /** Where it listens, as multiaddrs; empty for one that nobody has asked for yet, and that does not listen by itself. */
  readonly addresses: readonly string[];
  /** The actors above it in its tree, root first; empty for a root. */
  readonly path: readonly ActorId[];
  /** Whether it holds its name for the whole tree; see `getOrStart`. */
  readonly holdsName: boolean;
}

export function toWireActor({ actor, pid, addresses, path, holdsName }: RegisteredActor): Record<string, unknown> {
  return {
    uid: toUid(actor),
    pid: pid ?? null,
    addrs: addresses.map((address) => toWireAddress(parseAddress(address))),
    path: path.map(toUid),
    holds_name: holdsName,
  };
}

/** @throws ProtocolError naming what is not right */
export function fromWireActor(value: unknown): RegisteredActor {
  if (typeof value !== "object" || value === null) throw bad("is no map", value);
  const { uid, pid, addrs, path, holds_name }: Record<string, unknown> = { ...value };
  if (!isUid(uid)) throw bad("has no uid", value);
  if (pid !== null && !Number.isSafeInteger(pid)) throw bad("has a pid that is no number", value);
  if (!Array.isArray(path) || path.length > MAX_TREE_DEPTH || !path.every(isUid)) throw bad("has no path", value);
  return {
    actor: fromUid(uid),
    pid: typeof pid === "number" ? pid : undefined,
    addresses: readAddresses(addrs),
    path: path.map(fromUid),
    holdsName: holds_name === true,
  };
}

/** @throws ProtocolError if it is no list of actors */
export function fromWireActors(value: unknown): RegisteredActor[] {
  if (!Array.isArray(value)) throw bad("is no list", value);
  return value.map(fromWireActor);
}

/** Addresses in their wire form, as multiaddrs. @throws ProtocolError if they are none */
export function readAddresses(value: unknown): string[] {
  if (!Array.isArray(value) || !value.every(isWireAddress)) throw bad("has no addresses", value);
  try {
    return value.map((address) => formatAddress(fromWireAddress(address)));
  } catch (cause) {
    throw new ProtocolError(`an actor is registered at what is no address: ${String(cause)}`, { cause });
  }
}

function bad(what: string, value: unknown): ProtocolError {
  const shown = JSON.stringify(value, (_key, part) => (typeof part === "bigint" ? String(part) : part)) ?? "undefined";
  return new ProtocolError(`what was sent as a registered actor ${what}: ${shown.slice(0, SHOWN_CHARS)}`);
}

/** Of what a peer has sent, in the error that refuses it. */
const SHOWN_CHARS = 200;

/** The cheaper to reach the first: Unix socket, loopback, other hosts. */
export function byPreference(addresses: readonly string[]): string[] {
  return [...addresses].sort((a, b) => distanceOf(a) - distanceOf(b));
}

/** 0 for a Unix socket, 1 for this host by TCP, 2 for another host. */
export function distanceOf(address: string): number {
  const parsed = parseAddress(address);
  if (parsed.transport === "unix") return 0;
  return isLoopback(parsed) ? 1 : 2;
}

function isLoopback({ family, host }: Address & { transport: "tcp" }): boolean {
  if (family === "ip4") return host.startsWith("127.");
  return family === "ip6" ? host === "::1" : host === "localhost";
}

/** Of the addresses that a registrar tells: on another host than ours its local ones are none that we can use. */
export function reachableFrom(registrar: string, addresses: readonly string[]): readonly string[] {
  if (distanceOf(registrar) < 2) return addresses;
  return addresses.filter((address) => distanceOf(address) === 2);
}

/** What could not be asked, said of the registrar; any other error as it is. */
export function unavailable(address: string, error: Error): Error {
  if (error instanceof ConnectError) {
    const advice = "start it first, or be it with ensureRegistry";
    return new RegistrarUnavailable(address, `nobody is there (${advice})`, { cause: error });
  }
  if (error instanceof TransportClosed) {
    const isActor = error.peer !== undefined;
    const why = isActor ? "it has gone" : "what listens there is no actor, or has gone before it said who it is";
    return new RegistrarUnavailable(address, why, { cause: error });
  }
  if (error instanceof ProtocolError) {
    return new RegistrarUnavailable(address, `it answers what is no answer: ${error.message}`, { cause: error });
  }
  return error;
}
