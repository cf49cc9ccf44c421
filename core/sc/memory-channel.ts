/**
 * A bounded channel between tasks, after trio's memory channels: `send` waits for room, so that a slow consumer slows
 * its producer. Both ends can be cloned and are closed one by one.
 */
import type { Operation, Result, Stream, Subscription } from "effection";
import { BrokenResourceError, ClosedResourceError, EndOfChannel, WouldBlock } from "../errors/mod.ts";
import { IN_PLACE } from "./each.ts";
import { Fifo } from "./fifo.ts";
import { type Exit, err, Immediate, NO_EXIT, OK, ok, type Resolve, undoing, Wait } from "./wait.ts";

export interface ChannelStatistics {
  readonly currentBufferUsed: number;
  readonly maxBufferSize: number;
  readonly openSendChannels: number;
  readonly openReceiveChannels: number;
  readonly tasksWaitingSend: number;
  readonly tasksWaitingReceive: number;
}

/**
 * Open a channel that holds up to `capacity` items; with 0 every `send` waits for its `receive`.
 *
 * @throws RangeError if `capacity` is neither a whole number >= 0 nor `Infinity`
 */
export function openMemoryChannel<T>(capacity: number): [send: SendChannel<T>, receive: ReceiveChannel<T>] {
  if (!(capacity >= 0) || (capacity !== Number.POSITIVE_INFINITY && !Number.isInteger(capacity))) {
    throw new RangeError(`capacity must be a whole number >= 0 or Infinity, got ${capacity}`);
  }
  const state = new ChannelState<T>(capacity);
  return [new SendChannel(state), new ReceiveChannel(state)];
}

interface Sender<T> {
  readonly value: T;
  readonly end: SendChannel<T>;
  readonly resolve: Resolve<void>;
}

interface Receiver<T> {
  readonly end: ReceiveChannel<T>;
  readonly settle: (result: Result<T>) => void;
}

class ChannelState<T> {
  readonly capacity: number;
  readonly buffer = new Fifo<T>();
  readonly senders = new Set<Sender<T>>();
  readonly receivers = new Set<Receiver<T>>();
  openSends = 0;
  openReceives = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  statistics(): ChannelStatistics {
    return {
      currentBufferUsed: this.buffer.size,
      maxBufferSize: this.capacity,
      openSendChannels: this.openSends,
      openReceiveChannels: this.openReceives,
      tasksWaitingSend: this.senders.size,
      tasksWaitingReceive: this.receivers.size,
    };
  }
}

/** The end that sends. Close it (or leave `using`) so that receivers learn of the end. */
export class SendChannel<T> {
  readonly #state: ChannelState<T>;
  #closed = false;

  /** @internal */
  constructor(state: ChannelState<T>) {
    this.#state = state;
    state.openSends++;
  }

  /**
   * Send one item; wait while the channel is full.
   *
   * @throws ClosedResourceError if this end is closed, before or meanwhile
   * @throws BrokenResourceError if every receiving end is closed, before or meanwhile
   */
  send(value: T): Operation<void> {
    return new Send(this.#state, this, value);
  }

  /** As `send`, at once. @throws WouldBlock if there is no room, else as `send` */
  sendNowait(value: T): void {
    const sent = this.trySend(value);
    if (sent === undefined) throw new WouldBlock("the channel is full");
    if (!sent.ok) throw sent.error;
  }

  /** @internal `undefined` if there is no room: throwing inside would cost more than all the rest. */
  trySend(value: T): Result<void> | undefined {
    const state = this.#state;
    if (this.#closed) return err(new ClosedResourceError("this sending end is closed"));
    if (state.openReceives === 0) return err(new BrokenResourceError("every receiving end of the channel is closed"));
    for (const receiver of state.receivers) {
      state.receivers.delete(receiver);
      receiver.settle(ok(value));
      return OK;
    }
    if (state.buffer.size >= state.capacity) return undefined;
    state.buffer.push(value);
    return OK;
  }

  /** Another sending end of the same channel; the channel ends when all of them are closed. */
  clone(): SendChannel<T> {
    if (this.#closed) throw new ClosedResourceError("this sending end is closed");
    return new SendChannel(this.#state);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const state = this.#state;
    state.openSends--;
    for (const sender of state.senders) {
      if (sender.end !== this) continue;
      state.senders.delete(sender);
      sender.resolve(err(new ClosedResourceError("this sending end was closed")));
    }
    if (state.openSends > 0) return;
    for (const receiver of state.receivers) receiver.settle(err(new EndOfChannel()));
    state.receivers.clear();
  }

  statistics(): ChannelStatistics {
    return this.#state.statistics();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The end that receives. It is also an Effection `Stream`: `for (const item of yield* each(receive))`. */
export class ReceiveChannel<T> implements Stream<T, void> {
  readonly [IN_PLACE] = true;
  readonly #state: ChannelState<T>;
  #closed = false;

  /** @internal */
  constructor(state: ChannelState<T>) {
    this.#state = state;
    state.openReceives++;
  }

  /**
   * Receive one item; wait while there is none.
   *
   * @throws EndOfChannel if every sending end is closed and all was received
   * @throws ClosedResourceError if this end is closed, before or meanwhile
   */
  receive(): Operation<T> {
    return new Receive<T, T>(this.#state, this, asItem);
  }

  /** As `receive`, at once. @throws WouldBlock if there is no item, else as `receive` */
  receiveNowait(): T {
    const received = this.tryReceive();
    if (received === undefined) throw new WouldBlock("the channel is empty");
    if (!received.ok) throw received.error;
    return received.value;
  }

  /** @internal `undefined` if there is nothing to receive now. */
  tryReceive(): Result<T> | undefined {
    const state = this.#state;
    if (this.#closed) return err(new ClosedResourceError("this receiving end is closed"));
    for (const sender of state.senders) {
      state.senders.delete(sender);
      state.buffer.push(sender.value);
      sender.resolve(OK);
      break;
    }
    if (state.buffer.size > 0) return ok(state.buffer.shift() as T);
    return state.openSends === 0 ? err(new EndOfChannel()) : undefined;
  }

  /** Another receiving end of the same channel: every item goes to one of them. */
  clone(): ReceiveChannel<T> {
    if (this.#closed) throw new ClosedResourceError("this receiving end is closed");
    return new ReceiveChannel(this.#state);
  }

  /** Close this end; when it is the last one, what was not received is dropped, and senders are told. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const state = this.#state;
    state.openReceives--;
    for (const receiver of state.receivers) {
      if (receiver.end !== this) continue;
      state.receivers.delete(receiver);
      receiver.settle(err(new ClosedResourceError("this receiving end was closed")));
    }
    if (state.openReceives > 0) return;
    state.buffer.clear();
    for (const sender of state.senders) {
      sender.resolve(err(new BrokenResourceError("every receiving end of the channel is closed")));
    }
    state.senders.clear();
  }

  statistics(): ChannelStatistics {
    return this.#state.statistics();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.iterator]() {
    const subscription: Subscription<T, void> = {
      next: () => new Receive<T, IteratorResult<T, void>>(this.#state, this, asIteration),
    };
    return new Immediate(subscription)[Symbol.iterator]();
  }
}

class Send<T> extends Wait<void> {
  readonly description = "SendChannel.send()";
  readonly #state: ChannelState<T>;
  readonly #end: SendChannel<T>;
  readonly #value: T;

  constructor(state: ChannelState<T>, end: SendChannel<T>, value: T) {
    super();
    this.#state = state;
    this.#end = end;
    this.#value = value;
  }

  enter(resolve: Resolve<void>): Exit {
    const sent = this.#end.trySend(this.#value);
    if (sent !== undefined) {
      resolve(sent);
      return NO_EXIT;
    }
    const sender: Sender<T> = { value: this.#value, end: this.#end, resolve };
    this.#state.senders.add(sender);
    return undoing(() => this.#state.senders.delete(sender));
  }
}

class Receive<T, R> extends Wait<R> {
  readonly description = "ReceiveChannel.receive()";
  readonly #state: ChannelState<T>;
  readonly #end: ReceiveChannel<T>;
  readonly #shape: (result: Result<T>) => Result<R>;

  constructor(state: ChannelState<T>, end: ReceiveChannel<T>, shape: (result: Result<T>) => Result<R>) {
    super();
    this.#state = state;
    this.#end = end;
    this.#shape = shape;
  }

  enter(resolve: Resolve<R>): Exit {
    const received = this.#end.tryReceive();
    if (received !== undefined) {
      resolve(this.#shape(received));
      return NO_EXIT;
    }
    const receiver: Receiver<T> = { end: this.#end, settle: (result) => resolve(this.#shape(result)) };
    this.#state.receivers.add(receiver);
    return undoing(() => this.#state.receivers.delete(receiver));
  }
}

function asItem<T>(result: Result<T>): Result<T> {
  return result;
}

/** As an iteration has it: the end, and an end that was closed here, are ends and not errors; there are no others. */
function asIteration<T>(result: Result<T>): Result<IteratorResult<T, void>> {
  return ok(result.ok ? { done: false, value: result.value } : { done: true, value: undefined });
}
