/** The receiving half of a message stream: a bounded buffer, and the credit that keeps the peer from overflowing it. */
import type { Result } from "effection";
import { EndOfChannel, StreamOverrun } from "../errors/mod.ts";
import { Fifo } from "../sc/fifo.ts";
import { type Exit, err, ok, undoing } from "../sc/wait.ts";
import { type Cid, MAX_FRAME_BYTES } from "../wire/mod.ts";
import type { Channel } from "./channel.ts";
import { DEFAULT_STREAM_BYTES, DEFAULT_STREAM_CAPACITY } from "./limits.ts";
import { Reason } from "./reason.ts";
import type { Parse } from "./schema.ts";
import type { Overflow, StreamOptions } from "./stream-options.ts";

export class IncomingItems<In> {
  readonly #channel: Channel;
  readonly #cid: Cid;
  readonly #label: string;
  readonly #parse: Parse | undefined;
  #overflow: Overflow = "backpressure";
  #capacity = DEFAULT_STREAM_CAPACITY;
  #capacityBytes = DEFAULT_STREAM_BYTES;
  readonly #items = new Fifo<In>();
  readonly #receivers = new Set<() => void>();
  /** Why nothing more can be received, after what is buffered. */
  #ended: Reason | undefined;
  #received = 0;
  #dropped = 0;
  /** What the peer may still send. */
  #granted = 0;
  #grantedBytes = 0;
  /** Bytes of what is buffered; items and bytes that are free again and not granted yet. */
  #heldBytes = 0;
  #owedItems = 0;
  #owedBytes = 0;

  constructor(channel: Channel, cid: Cid, label: string, parse: Parse | undefined) {
    this.#channel = channel;
    this.#cid = cid;
    this.#label = label;
    this.#parse = parse;
    if (channel.hasCredit) return;
    // It sends as it likes, from the first value on. What it sends beyond our room cannot be held back, only refused.
    this.#granted = this.#grantedBytes = Number.POSITIVE_INFINITY;
    this.#overflow = "error";
  }

  get capacity(): number {
    return this.#capacity;
  }

  get statistics() {
    return { buffered: this.#items.size, received: this.#received, droppedReceiving: this.#dropped };
  }

  open({ capacity, capacityBytes, overflow }: Required<StreamOptions>): void {
    this.#capacity = capacity;
    this.#capacityBytes = capacityBytes;
    if (!this.#channel.hasCredit) {
      if (overflow !== "backpressure") this.#overflow = overflow;
      return;
    }
    this.#overflow = overflow;
    if (this.#ended === undefined) this.#grant(capacity, capacityBytes);
  }

  /**
   * @throws StreamOverrun if the peer sends more than it was granted, or the policy is `error` and the buffer is full
   * @throws MsgTypeError if an item is not what the schema allows; those before it are kept
   */
  arrived(items: readonly In[], bytes: number): void {
    // This side has left its stream, and the peer did not know yet: its items are nobody's.
    if (this.#ended !== undefined) return;
    // The last item of a credit may be as long as a message can be.
    if (items.length > this.#granted || this.#grantedBytes < -MAX_FRAME_BYTES) {
      const credit = `${this.#granted} items and ${Math.floor(this.#grantedBytes)} bytes`;
      throw new StreamOverrun(
        `${this.#label}: the peer sent ${items.length} items and had credit for ${credit}`,
        this.#label,
      );
    }
    this.#granted -= items.length;
    this.#grantedBytes -= bytes;
    this.#received += items.length;
    try {
      for (const item of items) {
        const parsed = this.#parse === undefined ? item : (this.#parse(item) as In);
        if (this.#makeRoom(bytes / items.length)) this.#keep(parsed, bytes / items.length);
      }
    } finally {
      this.#wake();
    }
    // Without backpressure the peer is granted anew what it has used, read or not.
    if (this.#overflow !== "backpressure") this.#owe(items.length, bytes);
  }

  /** `undefined` if there is nothing to receive now. */
  take(): Result<In> | undefined {
    if (this.#items.size === 0) return this.#ended === undefined ? undefined : err(this.#ended.error);
    const share = this.#heldBytes / this.#items.size;
    const item = this.#items.shift() as In;
    this.#heldBytes -= share;
    if (this.#overflow === "backpressure") this.#owe(1, share);
    return ok(item);
  }

  isEnd(error: unknown): boolean {
    return error instanceof EndOfChannel && this.#ended?.isOf(error) === true;
  }

  wait(wake: () => void): Exit {
    this.#receivers.add(wake);
    return undoing(() => this.#receivers.delete(wake));
  }

  peerStopped(): void {
    this.end(new Reason(() => new EndOfChannel(`stream of ${this.#label}`)));
  }

  end(why: Reason): void {
    if (this.#ended !== undefined) return;
    this.#ended = why;
    this.#wake();
  }

  /** This side reads no more: what is buffered is nobody's. */
  leave(why: Reason): void {
    this.#items.clear();
    this.#ended = why;
    this.#wake();
  }

  /** The peer may send so much more; it is told when that is worth a message. */
  #owe(items: number, bytes: number): void {
    this.#owedItems += items;
    this.#owedBytes += bytes;
    if (this.#ended !== undefined || !this.#channel.hasCredit) return;
    if (this.#owedItems * 2 < this.#capacity && this.#owedBytes * 2 < this.#capacityBytes) return;
    // Rounded up: the peer counts items alone, we count whole messages, and credit must never leak away.
    this.#grant(this.#owedItems, Math.ceil(this.#owedBytes));
    this.#owedItems = 0;
    this.#owedBytes = 0;
  }

  #grant(items: number, bytes: number): void {
    this.#granted += items;
    this.#grantedBytes += bytes;
    this.#channel.send({ msg_type: "Credit", cid: this.#cid, items, bytes });
  }

  #keep(item: In, bytes: number): void {
    this.#items.push(item);
    this.#heldBytes += bytes;
  }

  /** Whether an item of so many bytes may be kept. @throws StreamOverrun if the policy is `error` */
  #makeRoom(bytes: number): boolean {
    if (this.#overflow === "backpressure") return true;
    while (this.#items.size > 0 && !this.#hasRoom(bytes)) {
      if (this.#overflow === "error") throw this.#overrun();
      this.#dropped++;
      if (this.#overflow === "drop-newest") return false;
      this.#heldBytes -= this.#heldBytes / this.#items.size;
      this.#items.shift();
    }
    return true;
  }

  /** An item alone is taken whatever its size. */
  #hasRoom(bytes: number): boolean {
    return this.#items.size < this.#capacity && this.#heldBytes + bytes <= this.#capacityBytes;
  }

  #overrun(): StreamOverrun {
    const held = `${this.#items.size} items (${Math.ceil(this.#heldBytes)} bytes) wait to be read`;
    const why = this.#channel.hasCredit ? "" : " (the peer does not know credit, and cannot be held back)";
    const advice = "read faster, raise capacity or capacityBytes, or choose another overflow";
    return new StreamOverrun(`${this.#label}: ${held}, and there is no room for another${why}; ${advice}`, this.#label);
  }

  #wake(): void {
    for (const wake of this.#receivers) {
      this.#receivers.delete(wake);
      wake();
      if (this.#items.size === 0 && this.#ended === undefined) return;
    }
  }
}
