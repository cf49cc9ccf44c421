/**
 * One connection seen as a channel of dialogs: it names them, brings each message to the dialog it belongs to, and
 * hands requests to whoever serves them. Nothing here waits.
 */
import type { Duplex } from "node:stream";
import type { ActorId } from "../actor-id.ts";
import type { ActorTooSlowError, TransportClosed } from "../errors/mod.ts";
import { Connection, type PeerInfo } from "../ipc/connection.ts";
import type { Deferred } from "../sc/deferred.ts";
import type { ExtensionSet, UndecodablePayload } from "../wire/mod.ts";
import {
  type Aid,
  boxError,
  type Cid,
  type ErrorMsg,
  type Feature,
  type Message,
  type Start,
  toUid,
  type Uid,
} from "../wire/mod.ts";
import { ownErrors, ownTypes } from "./own-types.ts";

/** One half of a dialog, as its channel sees it. */
export interface DialogHalf {
  /** What it is called where people read of it. */
  readonly label?: string;
  receive(message: Message, bytes: number): void;
  /** A message of this dialog could not be decoded. */
  undecodable(error: UndecodablePayload): void;
  /** The connection is gone. */
  disconnected(error: TransportClosed): void;
  /** The connection takes stream items again. */
  drained?(): void;
  /** Types of the user's own that may cross in this dialog. */
  readonly types?: ExtensionSet | undefined;
}

export interface ChannelOptions {
  readonly self: Omit<Aid, "msg_type" | "ext">;
  /** The side that made the connection: both sides name the dialogs they begin, and the names must differ. */
  readonly initiator: boolean;
  /** A peer asks for something to be run. */
  serve(start: Start, channel: Channel): void;
  /** A message that belongs to no dialog: `SpawnSpec`, or an error of the connection. */
  stray?(message: Message): void;
  closed?(error: TransportClosed): void;
  /** All that was sent has left. */
  emptied?(): void;
  /** Types of the user's own in the arguments of a function that this side serves. */
  typesOfStart?(ns: string, func: string): ExtensionSet | undefined;
  readonly features?: readonly Feature[];
  readonly handshakeMs?: number;
}

export class Channel {
  readonly #connection: Connection;
  readonly #options: ChannelOptions;
  readonly #dialogs = new Map<Cid, DialogHalf>();
  #self: ActorId;
  #selfUid: Uid;
  #nextCid: number;
  #closedBy: TransportClosed | undefined;
  /** Told of a cancelled call that the peer did not acknowledge, or did not end, within the bounds. */
  onTooSlow: ((error: ActorTooSlowError) => void) | undefined;

  constructor(stream: Duplex, options: ChannelOptions) {
    this.#options = options;
    this.#self = options.self;
    this.#selfUid = toUid(options.self);
    this.#nextCid = options.initiator ? 0 : 1;
    this.#connection = new Connection(
      stream,
      options.self,
      {
        message: (message, bytes) => this.#dispatch(message, bytes),
        undecodable: (error) => this.#undecodable(error),
        drained: () => this.#drained(),
        emptied: options.emptied,
        closed: (error) => this.#closed(error),
      },
      {
        features: options.features,
        handshakeMs: options.handshakeMs,
        extensions: ownTypes,
        errors: ownErrors,
        typesOfStart: options.typesOfStart,
      },
    );
  }

  /** This side's identity. */
  get self(): ActorId {
    return this.#self;
  }

  /** The same, as it stands in messages. */
  get selfUid(): Uid {
    return this.#selfUid;
  }

  /** What the sides are called from now on, where one of them was started before it had a name. */
  rename({ self, peer }: { readonly self?: string; readonly peer?: string }): void {
    if (self !== undefined) this.#self = { ...this.#self, name: self };
    this.#selfUid = toUid(this.#self);
    if (peer !== undefined) this.#connection.renamePeer(peer);
  }

  get peer(): PeerInfo | undefined {
    return this.#connection.peer;
  }

  get greeted(): Deferred<PeerInfo> {
    return this.#connection.greeted;
  }

  /** What the connection ended with, once it has. */
  get closedBy(): TransportClosed | undefined {
    return this.#closedBy;
  }

  /** Whether items of a dialog have to wait, whatever credit they have. */
  isHeld(cid: Cid): boolean {
    return this.#connection.congested || this.#connection.holds(cid);
  }

  /** Bytes that have been sent and have not left yet. */
  get waitingBytes(): number {
    return this.#connection.waitingBytes;
  }

  has(feature: Feature): boolean {
    return this.#connection.has(feature);
  }

  /** Whether streams are held back by credit, each way. */
  get hasCredit(): boolean {
    return this.peer === undefined || this.has("credit");
  }

  /** Whether the peer speaks the plain protocol, with none of our additions. */
  get isPlain(): boolean {
    return this.peer?.features.size === 0;
  }

  /** How many dialogs are open. */
  get size(): number {
    return this.#dialogs.size;
  }

  /** A name for a dialog that this side begins. */
  newCid(): Cid {
    const cid = this.#nextCid;
    this.#nextCid += 2;
    return this.has("compact") ? cid : `${this.self.uuid}.${cid}`;
  }

  add(cid: Cid, half: DialogHalf): void {
    this.#dialogs.set(cid, half);
    if (half.types !== undefined) this.#connection.useTypes(cid, half.types);
    if (this.#closedBy !== undefined) half.disconnected(this.#closedBy);
  }

  get(cid: Cid): DialogHalf | undefined {
    return this.#dialogs.get(cid);
  }

  /** The dialog is over: what still comes for it is dropped. */
  remove(cid: Cid): void {
    if (this.#dialogs.get(cid)?.types !== undefined) this.#connection.useTypes(cid, undefined);
    this.#dialogs.delete(cid);
  }

  send(message: Message): void {
    this.#connection.send(message);
  }

  sendItem(cid: Cid, item: unknown): number {
    return this.#connection.sendItem(cid, item);
  }

  /** Tell the peer what went wrong; `cid` is null where it concerns no dialog. Never fails. */
  sendError(cid: Cid | null, error: unknown): void {
    const types = cid === null ? undefined : this.#dialogs.get(cid)?.types;
    const boxed = boxError(error, this.self, { registry: ownErrors, extensions: types ?? ownTypes });
    this.#connection.send({ msg_type: "Error", ...boxed, cid } satisfies ErrorMsg);
  }

  end(): void {
    this.#connection.end();
  }

  destroy(reason?: string): void {
    this.#connection.destroy(reason);
  }

  #dispatch(message: Message, bytes: number): void {
    if (message.msg_type === "Start") return this.#options.serve(message, this);
    const cid = "cid" in message ? message.cid : null;
    if (cid === null) return this.#options.stray?.(message);
    // No such dialog: it has ended, and this crossed our last words. Late messages are dropped, not reported.
    this.#dialogs.get(cid)?.receive(message, bytes);
  }

  #undecodable(error: UndecodablePayload): void {
    if (error.msgType === "Start" && error.cid !== undefined) this.sendError(error.cid, error.toMsgTypeError());
    else if (error.cid !== undefined) this.#dialogs.get(error.cid)?.undecodable(error);
  }

  #drained(): void {
    for (const half of this.#dialogs.values()) half.drained?.();
  }

  #closed(error: TransportClosed): void {
    this.#closedBy = error;
    const halves = [...this.#dialogs.values()];
    this.#dialogs.clear();
    for (const half of halves) half.disconnected(error);
    this.#options.closed?.(error);
  }
}
