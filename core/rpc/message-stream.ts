/**
 * One half of the bidirectional stream of a context, with credit: a sender may have as many items in flight as the
 * receiver has room for, in items and in bytes. `send` waits for credit, so a slow consumer slows its own producer and
 * nobody else.
 */
import type { Operation, Result, Stream, Subscription } from "effection";
import { BrokenResourceError, ClosedResourceError, EndOfChannel, StreamOverrun } from "../errors.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { Fifo } from "../sc/fifo.ts";
import { type Exit, err, Immediate, NO_EXIT, OK, ok, type Resolve, undoing, Wait } from "../sc/wait.ts";
import type { Cid } from "../wire/mod.ts";
import type { Channel } from "./channel.ts";
import { DEFAULT_STREAM_BYTES, DEFAULT_STREAM_CAPACITY } from "./limits.ts";

export interface StreamOptions {
  /** Items this side takes before its consumer has to keep up; `DEFAULT_STREAM_CAPACITY` unless told. */
  readonly capacity?: number;
  /** As above, in bytes on the wire; `DEFAULT_STREAM_BYTES` unless told. */
  readonly capacityBytes?: number;
}

export interface StreamStatistics {
  /** Items received and not yet consumed. */
  readonly buffered: number;
  /** Items that may be sent before the peer has to grant more. */
  readonly credit: number;
  /** Tasks that wait for credit. */
  readonly waitingToSend: number;
  readonly sent: number;
  readonly received: number;
}

interface Sender {
  readonly item: unknown;
  readonly resolve: Resolve<void>;
}

/** What a side may send, and what it has let the other side send. */
export class MessageStream<Out, In> implements Stream<In, void> {
  readonly #channel: Channel;
  readonly #cid: Cid;
  readonly #label: string;
  #capacity = 0;
  #capacityBytes = 0;
  #opened = false;
  /** Why this side cannot use the stream any more. */
  #closed: Error | undefined;
  /** The peer has closed its side: after what is buffered, nothing comes, and nobody takes what we send. */
  #peerStopped = false;
  #peerGoneError: BrokenResourceError | undefined;

  #credit = 0;
  #creditBytes = 0;
  readonly #senders = new Set<Sender>();
  #sent = 0;

  readonly #items = new Fifo<In>();
  readonly #receivers = new Set<() => void>();
  #received = 0;
  /** Items, and bytes, that the peer may still send; what it has sent and we hold; what was consumed and not granted. */
  #granted = 0;
  #heldBytes = 0;
  #owedItems = 0;
  #owedBytes = 0;

  /** @internal */
  constructor(channel: Channel, cid: Cid, label: string) {
    this.#channel = channel;
    this.#cid = cid;
    this.#label = label;
  }

  /**
   * Send one item; wait while the peer has no room for it.
   *
   * @throws MsgTypeError if it cannot be encoded; the stream goes on
   * @throws BrokenResourceError if the peer has closed its side of the stream, before or meanwhile
   * @throws ClosedResourceError if this side has closed it
   * @throws TransportClosed, or what the dialog ended with, if it has ended
   */
  send(item: Out): Operation<void> {
    return new Send(this, item);
  }

  /** As `send`, at once; false, and nothing sent, if there is no room. */
  trySend(item: Out): boolean {
    const sent = this.attempt(item);
    if (sent === undefined) return false;
    if (!sent.ok) throw sent.error;
    return true;
  }

  /**
   * Receive one item; wait while there is none.
   *
   * @throws EndOfChannel if the peer has closed its side and all was received
   * @throws ClosedResourceError if this side has closed the stream
   * @throws TransportClosed, or what the dialog ended with, if it has ended
   */
  receive(): Operation<In> {
    return new Receive(this, (result: Result<In>) => result);
  }

  statistics(): StreamStatistics {
    return {
      buffered: this.#items.size,
      credit: this.#credit,
      waitingToSend: this.#senders.size,
      sent: this.#sent,
      received: this.#received,
    };
  }

  [Symbol.iterator]() {
    const subscription: Subscription<In, void> = { next: () => new Receive(this, asIteration<In>) };
    return new Immediate(subscription)[Symbol.iterator]();
  }

  // ---------------------------------------------------------------------------------------- used by the two contexts

  /** @internal Let the peer send. */
  open(options: StreamOptions): void {
    const { capacity = DEFAULT_STREAM_CAPACITY, capacityBytes = DEFAULT_STREAM_BYTES } = options;
    assertPositive("capacity", capacity);
    assertPositive("capacityBytes", capacityBytes);
    if (this.#opened) throw new ClosedResourceError(`${this.#label}: the stream of a context is opened once`);
    this.#opened = true;
    this.#capacity = capacity;
    this.#capacityBytes = capacityBytes;
    if (!this.#peerStopped && this.#closed === undefined) this.#grant(capacity, capacityBytes);
  }

  /** @internal End this side in good order: what is buffered is dropped, and the peer is told. */
  close(): void {
    if (this.#closed !== undefined) return;
    this.#channel.send({ msg_type: "Stop", cid: this.#cid });
    this.end(new ClosedResourceError(`${this.#label}: this side has closed its stream`));
  }

  /** @internal The dialog is over: everyone who waits here is told why. */
  end(why: Error): void {
    if (this.#closed !== undefined) return;
    this.#closed = why;
    if (why instanceof ClosedResourceError) this.#items.clear();
    this.#settleSenders(err(why));
    this.#wakeReceivers();
  }

  /** @internal */
  peerStopped(): void {
    this.#peerStopped = true;
    this.#settleSenders(err(this.#peerGone()));
    this.#wakeReceivers();
  }

  /** @internal */
  credited(items: number, bytes: number): void {
    this.#credit += items;
    this.#creditBytes = Math.min(this.#creditBytes + bytes, Number.MAX_SAFE_INTEGER);
    this.resume();
  }

  /** @internal Send what waits, as far as there is room. */
  resume(): void {
    for (const sender of this.#senders) {
      const sent = this.attempt(sender.item as Out);
      if (sent === undefined) return;
      this.#senders.delete(sender);
      sender.resolve(sent);
    }
  }

  /** @internal @throws StreamOverrun if the peer sends more than it was granted */
  arrived(items: readonly In[], bytes: number): void {
    // This side has left its stream: the peer did not know yet, and its items are nobody's.
    if (this.#closed !== undefined) return;
    if (items.length > this.#granted) {
      throw new StreamOverrun(
        `${this.#label}: the peer sent ${items.length} items and had credit for ${this.#granted}`,
        this.#label,
      );
    }
    this.#granted -= items.length;
    this.#received += items.length;
    this.#heldBytes += bytes;
    for (const item of items) this.#items.push(item);
    this.#wakeReceivers();
  }

  /** @internal What is left of `error` without those that `send` threw because the peer was done; undefined for nothing. */
  withoutPeerGone(error: unknown): { readonly error: unknown } | undefined {
    const gone = this.#peerGoneError;
    if (gone === undefined) return { error };
    if (error === gone) return undefined;
    if (!(error instanceof ExceptionGroup)) return { error };
    const rest = error.split((e) => e === gone)[1];
    return rest === null ? undefined : { error: rest };
  }

  // ----------------------------------------------------------------------------------------------- used by the waits

  /** @internal `undefined` if there is no room now. */
  attempt(item: Out): Result<void> | undefined {
    if (this.#closed !== undefined) return err(this.#closed);
    if (this.#peerStopped) return err(this.#peerGone());
    if (this.#credit <= 0 || this.#creditBytes <= 0 || this.#channel.congested) return undefined;
    try {
      this.#creditBytes -= this.#channel.sendItem(this.#cid, item);
    } catch (error) {
      return err(error);
    }
    this.#credit--;
    this.#sent++;
    return OK;
  }

  /** @internal */
  waitToSend(item: Out, resolve: Resolve<void>): Exit {
    const sender: Sender = { item, resolve };
    this.#senders.add(sender);
    return undoing(() => this.#senders.delete(sender));
  }

  /** @internal `undefined` if there is nothing to receive now. */
  take(): Result<In> | undefined {
    if (this.#items.size > 0) {
      const item = this.#items.shift() as In;
      this.#consumed();
      return ok(item);
    }
    if (this.#closed !== undefined) return err(this.#closed);
    return this.#peerStopped ? err(new EndOfChannel(`stream of ${this.#label}`)) : undefined;
  }

  /** @internal */
  waitToReceive(wake: () => void): Exit {
    this.#receivers.add(wake);
    return undoing(() => this.#receivers.delete(wake));
  }

  #consumed(): void {
    const share = this.#heldBytes / (this.#items.size + 1);
    this.#heldBytes -= share;
    this.#owedItems++;
    this.#owedBytes += share;
    if (this.#closed !== undefined || this.#peerStopped) return;
    if (this.#owedItems * 2 < this.#capacity && this.#owedBytes * 2 < this.#capacityBytes) return;
    // Rounded up: the peer counts items alone, we count whole messages, and credit must never leak away.
    const bytes = Math.ceil(this.#owedBytes);
    const items = this.#owedItems;
    this.#owedItems = 0;
    this.#owedBytes = 0;
    this.#grant(items, bytes);
  }

  #grant(items: number, bytes: number): void {
    this.#granted += items;
    this.#channel.send({ msg_type: "Credit", cid: this.#cid, items, bytes });
  }

  #settleSenders(result: Result<void>): void {
    for (const sender of this.#senders) sender.resolve(result);
    this.#senders.clear();
  }

  #wakeReceivers(): void {
    for (const wake of this.#receivers) {
      this.#receivers.delete(wake);
      wake();
      if (this.#items.size === 0 && this.#closed === undefined && !this.#peerStopped) return;
    }
  }

  #peerGone(): Error {
    this.#peerGoneError ??= new BrokenResourceError(`${this.#label}: the peer has closed its side of the stream`);
    return this.#peerGoneError;
  }
}

class Send<Out, In> extends Wait<void> {
  readonly description = "MessageStream.send()";
  readonly #stream: MessageStream<Out, In>;
  readonly #item: Out;

  constructor(stream: MessageStream<Out, In>, item: Out) {
    super();
    this.#stream = stream;
    this.#item = item;
  }

  override get byHost(): boolean {
    return true;
  }

  enter(resolve: Resolve<void>): Exit {
    const { waitingToSend } = this.#stream.statistics();
    const sent = waitingToSend > 0 ? undefined : this.#stream.attempt(this.#item);
    if (sent === undefined) return this.#stream.waitToSend(this.#item, resolve);
    resolve(sent);
    return NO_EXIT;
  }
}

class Receive<Out, In, R> extends Wait<R> {
  readonly description = "MessageStream.receive()";
  readonly #stream: MessageStream<Out, In>;
  readonly #shape: (result: Result<In>) => Result<R>;

  constructor(stream: MessageStream<Out, In>, shape: (result: Result<In>) => Result<R>) {
    super();
    this.#stream = stream;
    this.#shape = shape;
  }

  override get byHost(): boolean {
    return true;
  }

  enter(resolve: Resolve<R>): Exit {
    const taken = this.#stream.take();
    if (taken !== undefined) {
      resolve(this.#shape(taken));
      return NO_EXIT;
    }
    return this.#stream.waitToReceive(() => {
      const now = this.#stream.take();
      if (now !== undefined) resolve(this.#shape(now));
    });
  }
}

function asIteration<T>(result: Result<T>): Result<IteratorResult<T, void>> {
  if (result.ok) return ok({ done: false, value: result.value });
  return result.error instanceof EndOfChannel ? ok({ done: true, value: undefined }) : result;
}

function assertPositive(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${name} must be a whole number >= 1, got ${value}`);
  }
}
