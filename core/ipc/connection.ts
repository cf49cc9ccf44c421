/**
 * One connection to one peer: a duplex byte stream, a handshake, then ordered typed messages. Sending is synchronous:
 * the messages of one turn are encoded into one buffer and leave in one system call when the run queue is empty.
 */
import type { Duplex } from "node:stream";
import { type ActorId, formatActorId } from "../actor-id.ts";
import { ProtocolError, TransportClosed } from "../errors/mod.ts";
import { journal } from "../log/mod.ts";
import { type Clock, type Disarm, realClock } from "../sc/clock.ts";
import { Deferred } from "../sc/deferred.ts";
import { type EndOfTurn, runQueue } from "../sc/run-queue.ts";
import {
  type Aid,
  type Cid,
  type ExtensionSet,
  FEATURES,
  type Feature,
  FrameReader,
  FrameWriter,
  MAX_FRAME_BYTES,
  MAX_WHOLE_BYTES,
  type Message,
  MessageCodec,
  type MessageCodecOptions,
  negotiate,
  type Part,
  UndecodablePayload,
} from "../wire/mod.ts";
import { FrameWatch } from "./frame-watch.ts";
import {
  CONGESTION_BYTES,
  EARLY_FLUSH_BYTES,
  FRAME_STALL_TIMEOUT_MS,
  FULL_WRITE_BYTES,
  MAX_HANDSHAKE_FRAME_BYTES,
  MAX_PARTS_UNDER_WAY,
} from "./limits.ts";
import { IncomingParts, OutgoingParts } from "./parts.ts";

/** Who a connection leads to. */
export interface PeerInfo {
  readonly id: ActorId;
  readonly pid: number | null;
  readonly features: ReadonlySet<Feature>;
}

/** Who hears what arrives. All are called synchronously, in the order of arrival. */
export interface ConnectionListener {
  /** @param bytes - size of the message on the wire */
  message(message: Message, bytes: number): void;
  /** A message whose payload holds a value that cannot be revived here; only its dialog is affected. */
  undecodable(error: UndecodablePayload): void;
  /** The outgoing buffer has drained after `congested` was true. */
  drained(): void;
  /** It has drained, however much there was in it. */
  readonly emptied?: (() => void) | undefined;
  /** The connection is gone; called once. */
  closed(error: TransportClosed): void;
}

export interface ConnectionOptions extends Pick<MessageCodecOptions, "extensions" | "errors" | "typesOfStart"> {
  /** What to offer the peer; everything unless told. */
  readonly features?: readonly Feature[] | undefined;
  /** Time for the peer to say who it is, in milliseconds; no bound of its own unless told. */
  readonly handshakeMs?: number | undefined;
  /** For bounds; that of the host unless told. */
  readonly clock?: Clock | undefined;
}

const NOT_NEGOTIATED: ReadonlySet<Feature> = new Set();

export class Connection implements EndOfTurn {
  /** Settles when the peer has said who it is, or the connection ended before. */
  readonly greeted = new Deferred<PeerInfo>("handshake", true);
  readonly #stream: Duplex;
  readonly #listener: ConnectionListener;
  readonly #reader = new FrameReader({ maxFrameBytes: MAX_HANDSHAKE_FRAME_BYTES });
  readonly #writer = new FrameWriter({ maxFrameBytes: MAX_FRAME_BYTES });
  readonly #options: ConnectionOptions;
  readonly #ext: readonly Feature[];
  readonly #outgoingParts = new OutgoingParts();
  readonly #incomingParts = new IncomingParts();
  /** Carries the parts: their bytes are handed on as they are. */
  readonly #partWriter = new FrameWriter({ maxFrameBytes: MAX_FRAME_BYTES, shareBytesFrom: 1 });
  #partsUnderWay = 0;
  #codec = new MessageCodec({ spelling: "named", features: NOT_NEGOTIATED });
  #peer: PeerInfo | undefined;
  #early: Message[] = [];
  readonly #watch: FrameWatch;
  /** Of the bound on the handshake. */
  #disarm: Disarm = () => {};
  #flushing = false;
  #congested = false;
  #state: "open" | "ending" | "closed" = "open";

  constructor(
    stream: Duplex,
    self: Omit<Aid, "msg_type" | "ext">,
    listener: ConnectionListener,
    options: ConnectionOptions = {},
  ) {
    const { features = FEATURES } = options;
    this.#stream = stream;
    this.#listener = listener;
    this.#options = options;
    this.#ext = features;
    stream.on("data", this.#onData);
    stream.on("end", () => this.#close(new TransportClosed(this.#peer?.id, "the peer ended it")));
    stream.on("error", (cause: Error) => this.#close(new TransportClosed(this.#peer?.id, cause.message, { cause })));
    stream.on("close", () => this.#close(new TransportClosed(this.#peer?.id)));
    stream.on("drain", this.#onDrain);
    const { handshakeMs, clock = realClock } = options;
    const stalled = () => this.destroy(`the peer left a message unfinished for ${FRAME_STALL_TIMEOUT_MS} ms`);
    this.#watch = new FrameWatch(clock, FRAME_STALL_TIMEOUT_MS, stalled);
    if (handshakeMs !== undefined) {
      const late = () => this.destroy(`the peer did not say who it is within ${handshakeMs} ms`);
      this.#disarm = clock.at(clock.now() + handshakeMs, late);
    }
    this.#codec.append({ msg_type: "Aid", ...self, ext: [...features] }, this.#writer);
    this.#flushSoon();
  }

  get peer(): PeerInfo | undefined {
    return this.#peer;
  }

  /** What the peer is called from now on, as both sides know: a process that waited for its name has got it. */
  renamePeer(name: string): void {
    if (this.#peer !== undefined) this.#peer = { ...this.#peer, id: { ...this.#peer.id, name } };
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Bytes that have been sent and have not left yet, those of this turn included; of long messages, the parts under way. */
  get waitingBytes(): number {
    return this.#writer.byteLength + this.#stream.writableLength;
  }

  /** Whether more bytes wait to be written than should: streams pause until `drained`. */
  get congested(): boolean {
    return this.#congested;
  }

  has(feature: Feature): boolean {
    return this.#peer?.features.has(feature) ?? false;
  }

  /**
   * Send a message; before the handshake is over it is kept until then. On a connection that is gone it is dropped:
   * whoever waits for an answer hears of that otherwise.
   *
   * @throws MsgTypeError if its payload cannot be encoded; nothing is sent then
   */
  send(message: Message): void {
    if (this.#state !== "open") return;
    if (this.#peer === undefined) {
      this.#early.push(message);
      return;
    }
    const bytes = this.#codec.append(message, this.#writer);
    if ("cid" in message && message.cid !== null) this.#cutIfLong(message.cid, bytes);
    this.#flushSoon();
  }

  /** Use types of the user's own in one dialog, both ways; undefined when it is over. */
  useTypes(cid: Cid, types: ExtensionSet | undefined): void {
    this.#codec.useTypes(cid, types);
  }

  /**
   * Send one stream item; items of one stream that leave in one turn share a message where the peer allows it.
   *
   * @returns bytes it takes on the wire; 0 if the connection is gone
   * @throws MsgTypeError as `send`
   */
  sendItem(cid: Cid, item: unknown): number {
    if (this.#state !== "open") return 0;
    const bytes = this.#codec.appendItem(cid, item, this.#writer);
    this.#cutIfLong(cid, bytes);
    // More than the socket takes at once would only wait, and until the end of the turn the peer would have nothing.
    if (this.#writer.byteLength >= FULL_WRITE_BYTES && this.#stream.writableLength === 0) this.#flush();
    this.#flushSoon();
    return bytes;
  }

  /** Whether a long message of this dialog is still on its way out: its items had better wait. */
  holds(cid: Cid): boolean {
    return this.#outgoingParts.holds(cid);
  }

  /** What was written last leaves in parts if it is long, or follows something of its dialog that does. */
  #cutIfLong(cid: Cid, bytes: number): void {
    if ((bytes > MAX_WHOLE_BYTES && this.has("parts")) || this.#outgoingParts.holds(cid)) {
      this.#outgoingParts.add(cid, this.#writer.cutLastFrame());
    }
  }

  /** Send what is left, then end the stream. The peer's end is still awaited by `closed`. */
  end(): void {
    if (this.#state !== "open") return;
    this.#flush();
    this.#state = "ending";
    if (this.#partsUnderWay === 0) this.#stream.end();
  }

  /** Drop everything at once. */
  destroy(reason = "closed by this side"): void {
    this.#close(new TransportClosed(this.#peer?.id, reason));
  }

  readonly #onData = (chunk: Buffer): void => {
    try {
      this.#reader.push(chunk);
      while (this.#state !== "closed" && this.#readOne());
      if (this.#state !== "closed") this.#watch.arrived(this.#reader.pendingBytes > 0);
    } catch (cause) {
      const why =
        this.#peer === undefined && isTls(chunk) ? SPEAKS_TLS : cause instanceof Error ? cause.message : String(cause);
      if (journal.isEnabled("transport")) journal.write("transport", "connection.refused", `${this}: ${why}`);
      this.#close(new TransportClosed(this.#peer?.id, why, { cause }));
    }
  };

  #readOne(): boolean {
    if (this.#peer === undefined) {
      const payload = this.#reader.next();
      if (payload !== undefined) this.#greet(this.#codec.decode(payload));
      return payload !== undefined;
    }
    try {
      const message = this.#codec.read(this.#reader);
      if (message === undefined) return false;
      if (message.msg_type === "Part") this.#readPart(message);
      else this.#listener.message(message, this.#reader.end - this.#reader.start);
    } catch (error) {
      if (!(error instanceof UndecodablePayload)) throw error;
      this.#listener.undecodable(error);
    }
    return true;
  }

  #readPart(part: Part): void {
    const payload = this.#incomingParts.add(part);
    if (payload === undefined) return;
    const message = this.#codec.decode(payload, true);
    if (message.msg_type === "Part") throw new ProtocolError("received a part of a part");
    this.#listener.message(message, payload.length);
  }

  #greet(message: Message): void {
    if (message.msg_type !== "Aid") {
      throw new ProtocolError(`the peer began with ${message.msg_type}; the first message of a connection is Aid`);
    }
    this.#disarm();
    const features = negotiate(this.#ext, message.ext);
    this.#peer = { id: { name: message.name, uuid: message.uuid }, pid: message.pid, features };
    const { extensions, errors, typesOfStart } = this.#options;
    const spelling = features.has("compact") ? "compact" : "named";
    this.#codec = new MessageCodec({ spelling, features, extensions, errors, typesOfStart });
    this.#reader.maxFrameBytes = MAX_FRAME_BYTES;
    const early = this.#early;
    this.#early = [];
    if (journal.isEnabled("transport")) {
      journal.write("transport", "connection.greeted", `${this} is open`, {
        pid: message.pid,
        features: [...features],
      });
    }
    this.greeted.resolve(this.#peer);
    for (const kept of early) this.send(kept);
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    runQueue.whenIdle(this);
  }

  /** So that the peer works on the first messages while this side makes the next; many bytes had better leave together. */
  get isImpatient(): boolean {
    return this.#writer.byteLength < EARLY_FLUSH_BYTES;
  }

  /** @internal */
  turnEnded(): void {
    this.#flushing = false;
    this.#flush();
  }

  #flush(): void {
    if (this.#state !== "open") return;
    if (this.#writer.byteLength > 0) this.#write(this.#writer.take());
    this.#sendParts();
    // Over only when it has drained: whoever waits is told then, and not when a later message finds less waiting.
    this.#congested ||= this.#stream.writableLength > CONGESTION_BYTES;
  }

  #write(chunks: readonly Uint8Array[], done?: () => void): void {
    const [only] = chunks;
    if (chunks.length === 1 && only !== undefined) {
      this.#stream.write(only, done);
      return;
    }
    this.#stream.cork();
    for (const chunk of chunks) this.#stream.write(chunk, chunk === chunks.at(-1) ? done : undefined);
    this.#stream.uncork();
  }

  /** Only so many parts are written that the messages of a later turn need not wait long behind them. */
  #sendParts(): void {
    while (this.#partsUnderWay < MAX_PARTS_UNDER_WAY && this.#state !== "closed") {
      const part = this.#outgoingParts.next();
      if (part === undefined) return;
      this.#codec.append(part, this.#partWriter);
      this.#partsUnderWay++;
      this.#write(this.#partWriter.take(), () => this.#partSent(part.cid));
    }
  }

  #partSent(cid: Cid): void {
    this.#partsUnderWay--;
    this.#sendParts();
    if (this.#state === "ending" && this.#partsUnderWay === 0) this.#stream.end();
    // Its dialog may go on; the others never stopped.
    if (this.#state === "open" && !this.#outgoingParts.holds(cid) && !this.#congested) this.#listener.drained();
  }

  readonly #onDrain = (): void => {
    if (this.#congested) {
      this.#congested = false;
      this.#listener.drained();
    }
    this.#listener.emptied?.();
  };

  #close(error: TransportClosed): void {
    if (this.#state === "closed") return;
    if (journal.isEnabled("transport")) journal.write("transport", "connection.closed", error.message);
    this.#state = "closed";
    this.#disarm();
    this.#watch.end();
    this.#early = [];
    this.#outgoingParts.clear();
    this.#stream.off("data", this.#onData);
    this.#stream.on("error", () => {}); // it is gone; what it still says of that is no news
    this.#stream.destroy();
    this.greeted.reject(
      new TransportClosed(this.#peer?.id, `${error.message}, before the handshake was over`, { cause: error }),
    );
    this.#listener.closed(error);
  }

  toString(): string {
    return `connection to ${this.#peer === undefined ? "an unknown peer" : formatActorId(this.#peer.id)}`;
  }
}

const SPEAKS_TLS =
  "the peer speaks TLS, as actors do that ask for a secret; give this side the same one, by the option secret or by ESPALIER_SECRET";

/** Whether these bytes begin a TLS record: [ type: 20 to 23 ][ version: 3, any ]. As a frame they are too long. */
function isTls(chunk: Uint8Array): boolean {
  const [type = 0, version] = chunk;
  return type >= 20 && type <= 23 && version === 3;
}
