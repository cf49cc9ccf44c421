/** The sending half of a message stream: items leave as far as the peer's credit goes, the others wait or are dropped. */
import type { Operation, Result } from "effection";
import { BrokenResourceError, MsgTypeError, StreamOverrun } from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { Fifo } from "../sc/fifo.ts";
import { ParkingLot } from "../sc/park.ts";
import { type Exit, err, OK, type Resolve, undoing } from "../sc/wait.ts";
import type { Cid } from "../wire/mod.ts";
import type { Channel } from "./channel.ts";
import { DEFAULT_STREAM_CAPACITY } from "./limits.ts";
import { Reason } from "./reason.ts";
import type { Parse } from "./schema.ts";
import type { Overflow, StreamOptions } from "./stream-options.ts";

/** Which stream it is: on the wire, for its users, and what its endpoint calls the items that go this way. */
export interface StreamName {
  readonly cid: Cid;
  readonly label: string;
  readonly slot: "send" | "receive";
}

interface Sender<Out> {
  readonly item: Out;
  readonly resolve: Resolve<void>;
}

export class OutgoingItems<Out> {
  readonly #channel: Channel;
  readonly #cid: Cid;
  readonly #label: string;
  readonly #slot: StreamName["slot"];
  readonly #check: Parse | undefined;
  #overflow: Overflow = "backpressure";
  #capacity = DEFAULT_STREAM_CAPACITY;
  #credit = 0;
  #creditBytes = 0;
  /** What the peer takes at most: its first grant, from which what is left of the credit is missing in flight. */
  #window = 0;
  readonly #senders = new Set<Sender<Out>>();
  /** Accepted, where `send` does not wait. */
  readonly #pending = new Fifo<Out>();
  readonly #whenDrained = new ParkingLot();
  /** Why nothing can be sent any more. */
  #closed: Reason | undefined;
  /** That reason, if it is that the peer has left its stream. */
  #peerGone: Reason | undefined;
  #sent = 0;
  #waits = 0;
  #dropped = 0;

  constructor(channel: Channel, { cid, label, slot }: StreamName, check: Parse | undefined) {
    this.#channel = channel;
    this.#cid = cid;
    this.#label = label;
    this.#slot = slot;
    this.#check = check;
    // Such a peer takes what comes, and deals with what is too much by its own policy.
    if (!channel.hasCredit) this.#credit = this.#creditBytes = Number.POSITIVE_INFINITY;
  }

  get statistics() {
    return {
      credit: this.#credit,
      inFlight: Math.max(0, this.#window - this.#credit),
      waitingToSend: this.#senders.size,
      pending: this.#pending.size,
      sent: this.#sent,
      droppedSending: this.#dropped,
      waits: this.#waits,
    };
  }

  open({ sendOverflow, sendCapacity }: Required<StreamOptions>): void {
    this.#overflow = sendOverflow;
    this.#capacity = sendCapacity;
  }

  /** Send one item now, or deal with it as the policy says; `undefined` if its sender has to wait. */
  offer(item: Out): Result<void> | undefined {
    const sent = this.sendFirst(item);
    if (sent !== undefined) return sent;
    if (this.#closed !== undefined) return err(this.#closed.error);
    if (this.#overflow === "backpressure") {
      this.#waits++;
      return undefined;
    }
    if (this.#pending.size < this.#capacity) this.#pending.push(item);
    else if (this.#overflow === "error") return err(this.#overrun());
    else {
      this.#dropped++;
      if (this.#overflow === "drop-oldest") {
        this.#pending.shift();
        this.#pending.push(item);
      }
    }
    return OK;
  }

  /** As `trySend`, unless others have waited longer. */
  sendFirst(item: Out): Result<void> | undefined {
    return this.#senders.size === 0 && this.#pending.size === 0 ? this.trySend(item) : undefined;
  }

  /** `undefined` if there is no room now. */
  trySend(item: Out): Result<void> | undefined {
    if (this.#closed !== undefined) return err(this.#closed.error);
    if (this.#credit <= 0 || this.#creditBytes <= 0 || this.#channel.isHeld(this.#cid)) return undefined;
    try {
      this.#check?.(item);
      this.#creditBytes -= this.#channel.sendItem(this.#cid, item);
    } catch (error) {
      return err(error instanceof MsgTypeError ? error.inDialog(this.#label, this.#slot) : error);
    }
    this.#credit--;
    this.#sent++;
    return OK;
  }

  wait(item: Out, resolve: Resolve<void>): Exit {
    const sender = { item, resolve };
    this.#senders.add(sender);
    return undoing(() => this.#senders.delete(sender));
  }

  credited(items: number, bytes: number): void {
    if (this.#window === 0) this.#window = items;
    this.#credit += items;
    this.#creditBytes = Math.min(this.#creditBytes + bytes, Number.MAX_SAFE_INTEGER);
    this.resume();
  }

  /** Send what waits, as far as there is room. */
  resume(): void {
    while (this.#pending.size > 0) {
      const sent = this.trySend(this.#pending.peek() as Out);
      if (sent === undefined) return;
      this.#pending.shift();
      // Its sender has gone on: what cannot be encoded is no more than dropped.
      if (!sent.ok) this.#dropped++;
    }
    this.#whenDrained.unparkAll();
    for (const sender of this.#senders) {
      const sent = this.trySend(sender.item);
      if (sent === undefined) return;
      this.#senders.delete(sender);
      sender.resolve(sent);
    }
  }

  /** Wait until nothing that was accepted waits here any more. */
  *drained(): Operation<void> {
    while (this.#pending.size > 0) yield* this.#whenDrained.park("MessageStream: credit for what was sent");
  }

  /** Whether the peer has left its stream. */
  get isPeerGone(): boolean {
    return this.#peerGone !== undefined;
  }

  peerStopped(): void {
    if (this.#peerGone !== undefined) return;
    const what = `${this.#label}: the peer has closed its side of the stream`;
    this.#peerGone = new Reason(() => new BrokenResourceError(what));
    this.end(this.#peerGone);
  }

  end(why: Reason): void {
    if (this.#closed !== undefined) return;
    this.#closed = why;
    for (const sender of this.#senders) sender.resolve(err(why.error));
    this.#senders.clear();
    this.#dropped += this.#pending.size;
    this.#pending.clear();
    this.#whenDrained.unparkAll();
  }

  /** What is left of `error` without those thrown by `send` because the peer was done; undefined for nothing. */
  withoutPeerGone(error: unknown): { readonly error: unknown } | undefined {
    const gone = this.#peerGone;
    if (gone === undefined) return { error };
    if (gone.isOf(error)) return undefined;
    if (!(error instanceof ExceptionGroup)) return { error };
    const rest = error.split((e) => gone.isOf(e))[1];
    return rest === null ? undefined : { error: rest };
  }

  #overrun(): StreamOverrun {
    return new StreamOverrun(
      `${this.#label}: ${this.#capacity} items wait for the peer to read, and there is no room for another; send slower, raise sendCapacity, or choose another sendOverflow`,
      this.#label,
    );
  }
}
