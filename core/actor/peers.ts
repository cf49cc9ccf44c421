/** Peers that are neither parent nor child: where an actor listens for them, and how one reaches another. */
import type { Duplex } from "node:stream";
import type { Operation } from "effection";
import { NoRuntime, ProtocolError, TransportClosed } from "../errors/mod.ts";
import type { PeerInfo } from "../ipc/connection.ts";
import { type CredentialOptions, Credentials } from "../ipc/credentials.ts";
import { HANDSHAKE_TIMEOUT_MS } from "../ipc/limits.ts";
import { openConnection, openListener } from "../ipc/listener.ts";
import { Channel } from "../rpc/channel.ts";
import { Portal } from "../rpc/portal.ts";
import type { Service } from "../rpc/service.ts";
import { type Address, parseAddress } from "../wire/mod.ts";
import { type Actor, actorHere } from "./actor.ts";
import { enabledModules, type ModuleList } from "./enabled-modules.ts";
import { MAX_PEERS } from "./limits.ts";

/**
 * Let peers that connect to `addresses` ask `service`, while `body` runs. A peer that does not say who it is in time, or
 * breaks the protocol, is disconnected; beyond `MAX_PEERS` none is taken.
 *
 * @param body - is given the addresses as bound
 * @throws ListenError
 */
export function* listenForPeers<T>(
  actor: Actor,
  service: Service,
  addresses: readonly Address[],
  body: (bound: readonly Address[]) => Operation<T>,
): Operation<T> {
  const channels = new Set<Channel>();
  const accept = (stream: Duplex) => {
    if (channels.size >= MAX_PEERS) {
      stream.on("error", () => {}).destroy();
      return;
    }
    const channel: Channel = new Channel(stream, {
      self: { ...actor.id, pid: process.pid, is_registrar: actor.isRoot, is_probe: false },
      initiator: false,
      serve: service.serve,
      typesOfStart: service.typesOfStart,
      handshakeMs: HANDSHAKE_TIMEOUT_MS,
      closed: () => {
        channels.delete(channel);
        actor.registrar?.disconnected(channel);
      },
    });
    channels.add(channel);
  };
  const bound: Address[] = [];
  function* listenOn([address, ...others]: readonly Address[]): Operation<T> {
    if (address === undefined) return yield* body(bound);
    return yield* openListener(address, actor.credentials, accept, function* (at) {
      bound.push(at);
      return yield* listenOn(others);
    });
  }
  try {
    return yield* listenOn(addresses);
  } finally {
    for (const channel of channels) channel.destroy("the actor has ended");
  }
}

/** `secret` and `tls` are for a peer of another tree; this actor's own unless told, and with a `secret` no other `tls`. */
export interface PeerOptions extends CredentialOptions {
  /**
   * Modules that the peer exposes, as this process has imported them, so that their functions can be named by reference;
   * `remote` references need none.
   */
  readonly modules?: ModuleList;
}

/**
 * Run `body` with a portal to the actor that listens on `address`, over a connection of its own that ends with the body.
 *
 * @param address - a multiaddr: `/unix/run/user/1000/x.sock`, `/ip4/127.0.0.1/tcp/1616`
 * @returns what `body` returned
 * @throws NoRuntime outside an actor; RangeError for what is no address; TypeError, RangeError for options that are not right
 * @throws ConnectError if nobody listens there, TransportClosed if it is no actor
 * @throws AuthenticationError if it does not know the secret
 */
export function* openPortalTo<T>(
  address: string,
  body: (portal: Portal) => Operation<T>,
  options: PeerOptions = {},
): Operation<T> {
  const actor = yield* actorHere();
  if (actor === undefined) throw new NoRuntime("openPortalTo()");
  const modules = enabledModules(options.modules);
  const channel = yield* openPeerChannel(actor, address, { credentials: credentialsFor(actor, options) });
  try {
    return yield* body(new Portal(channel.peer?.id ?? actor.id, channel, modules));
  } finally {
    channel.destroy("the portal is closed");
  }
}

function* greeted(channel: Channel, showedNothing: boolean): Operation<PeerInfo> {
  try {
    return yield* channel.greeted.wait();
  } catch (cause) {
    if (!showedNothing || !(cause instanceof TransportClosed) || saidSomethingElse(cause)) throw cause;
    const why =
      "it ended before the peer had said who it is; an actor that asks for a secret does that: give the same one, by the option secret or by ESPALIER_SECRET";
    throw new TransportClosed(undefined, why, { cause });
  }
}

function saidSomethingElse({ cause }: Error): boolean {
  return cause instanceof ProtocolError || (cause instanceof Error && saidSomethingElse(cause));
}

function credentialsFor(actor: Actor, { secret, tls }: PeerOptions): Credentials | undefined {
  if (secret === undefined && tls === undefined) return actor.credentials;
  const known = secret ?? actor.credentials?.reveal().secret;
  const options = { ...(known === undefined ? {} : { secret: known }), ...(tls === undefined ? {} : { tls }) };
  return Credentials.from(options, "openPortalTo");
}

interface PeerChannelOptions {
  /** Shown to the peer; those of this actor unless told. */
  readonly credentials?: Credentials | undefined;
  /** What the peer may ask; it may ask nothing unless told. */
  readonly serve?: Service["serve"];
  readonly closed?: () => void;
}

/**
 * Connect to the actor that listens on `address`, and wait until it has said who it is. The channel is the caller's to
 * destroy.
 *
 * @throws as `openPortalTo`
 */
export function* openPeerChannel(actor: Actor, address: string, options: PeerChannelOptions = {}): Operation<Channel> {
  const { serve, closed } = options;
  const credentials = "credentials" in options ? options.credentials : actor.credentials;
  const at = parseAddress(address);
  const stream = yield* openConnection(at, credentials);
  const channel: Channel = new Channel(stream, {
    self: { ...actor.id, pid: process.pid, is_registrar: null, is_probe: false },
    initiator: true,
    handshakeMs: HANDSHAKE_TIMEOUT_MS,
    serve:
      serve ?? ((start) => channel.sendError(start.cid, new Error("this side of the connection serves no requests"))),
    ...(closed === undefined ? {} : { closed }),
  });
  let isGreeted = false;
  try {
    yield* greeted(channel, at.transport === "tcp" && credentials === undefined);
    isGreeted = true;
  } finally {
    if (!isGreeted) channel.destroy("the portal is closed");
  }
  return channel;
}
