/**
 * One half of the bidirectional stream of a context, with credit: a sender may have as many items in flight as the
 * receiver has room for, in items and in bytes. `send` waits for credit, so a slow consumer slows its own producer and
 * nobody else. Each direction has its own bounds and its own policy for when they are reached.
 */
import type { Operation, Result, Subscription } from "effection";
import { BusyResourceError, ClosedResourceError, EndOfChannel, WouldBlock } from "../errors/mod.ts";
import { type Broadcast, broadcast, type SubscribeOptions, type Subscriber } from "../sc/broadcast.ts";
import { IN_PLACE, type PromptSubscription } from "../sc/each.ts";
import { PromptWait } from "../sc/prompt-wait.ts";
import { Task } from "../sc/task.ts";
import { type Exit, err, Immediate, NO_EXIT, ok, type Resolve, type Routine } from "../sc/wait.ts";
import type { Cid } from "../wire/mod.ts";
import type { Channel } from "./channel.ts";
import { IncomingItems } from "./incoming-items.ts";
import { OutgoingItems, type StreamName } from "./outgoing-items.ts";
import { Reason } from "./reason.ts";
import type { Parse } from "./schema.ts";
import type { ReceiveStream, SendStream } from "./stream-ends.ts";
import { completeOptions, type StreamOptions, type StreamStatistics } from "./stream-options.ts";

/** Which ways a stream goes for this side. */
export type Direction = "both" | "send" | "receive";

export class MessageStream<Out, In> implements SendStream<Out>, ReceiveStream<In> {
  readonly [IN_PLACE] = true;
  readonly #channel: Channel;
  readonly #cid: Cid;
  readonly #label: string;
  readonly #outgoing: OutgoingItems<Out>;
  readonly #incoming: IncomingItems<In>;
  readonly #taken: Readable<In>;
  #fan: Broadcast<In> | undefined;
  #state: "new" | "open" | "closed" = "new";
  #direction: Direction = "both";
  /** What the dialog ended with, if that is what closed the stream. */
  #endedBy: Error | undefined;

  /**
   * @internal
   * @param check - of an item that is to be sent, where its sender checks it
   * @param parse - what a received item is for its reader
   */
  constructor(channel: Channel, dialog: StreamName, check?: Parse, parse?: Parse) {
    const { cid, label } = dialog;
    this.#channel = channel;
    this.#cid = cid;
    this.#label = label;
    this.#outgoing = new OutgoingItems(channel, dialog, check);
    this.#incoming = new IncomingItems(channel, cid, label, parse);
    const busy = () => new BusyResourceError(`${label}: the stream is read by its subscribers; subscribe here too`);
    this.#taken = { take: () => err(busy()), wait: () => NO_EXIT };
  }

  send(item: Out): Operation<void> {
    return new Send(this.#outgoing, item);
  }

  trySend(item: Out): boolean {
    const sent = this.#outgoing.trySend(item);
    if (sent === undefined) return false;
    if (!sent.ok) throw sent.error;
    return true;
  }

  receive(): Operation<In> {
    return new Receive(this.#readable, (result: Result<In>) => result);
  }

  receiveNowait(): In {
    const taken = this.#readable.take();
    if (taken === undefined) throw new WouldBlock(`${this.#label}: the stream has nothing to receive now`);
    if (!taken.ok) throw taken.error;
    return taken.value;
  }

  subscribe<R>(body: (subscriber: Subscriber<In>) => Operation<R>, options: SubscribeOptions = {}): Operation<R> {
    this.#fan ??= broadcast(
      { receive: () => new Receive(this.#incoming, (result: Result<In>) => result) },
      { capacity: this.#incoming.capacity },
    );
    return this.#fan.subscribe(body, options);
  }

  statistics(): StreamStatistics {
    return { ...this.#incoming.statistics, ...this.#outgoing.statistics };
  }

  /** What may be read here: nothing, while subscribers do. */
  get #readable(): Readable<In> {
    return this.#fan === undefined || this.#fan.statistics().subscribers === 0 ? this.#incoming : this.#taken;
  }

  [Symbol.iterator]() {
    const subscription: PromptSubscription<In> = {
      next: () => new Next(this.#readable, asIteration<In>),
      nextNow: () => {
        const taken = this.#readable.take();
        return taken?.ok === true ? { done: false, value: taken.value } : undefined;
      },
    };
    return new Immediate(subscription as Subscription<In, void>)[Symbol.iterator]();
  }

  // ---------------------------------------------------------------------------------------- used by the two contexts

  /**
   * @internal Run `body` with the stream open; leaving it tells the peer. That the peer has left its side is a clean
   * end, also for a body that was about to send: it is left, with undefined.
   *
   * @throws ClosedResourceError if the stream was open before, what the dialog ended with if it has; RangeError for a
   * bad option
   */
  *use<T>(body: (stream: this) => Operation<T>, options: StreamOptions): Operation<T> {
    this.open(options);
    try {
      return yield* this.#run(body);
    } finally {
      this.close();
    }
  }

  /** @internal As `use`, for a producer: that it failed says all, and its stream does not end in good order before. */
  *produce(body: (stream: this) => Operation<unknown>, options: StreamOptions): Operation<void> {
    this.open(options, "send");
    try {
      yield* this.#run(body);
    } catch (error) {
      this.end(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    this.close();
  }

  *#run<T>(body: (stream: this) => Operation<T>): Operation<T> {
    try {
      const value = yield* body(this);
      yield* this.drained();
      return value;
    } catch (error) {
      const rest = this.#outgoing.withoutPeerGone(error);
      if (rest !== undefined) throw rest.error;
      return undefined as T;
    }
  }

  /** @internal Wait until what was sent without waiting has left. */
  drained(): Operation<void> {
    return this.#outgoing.drained();
  }

  /** @internal Let the peer send, and this side, as far as the stream goes that way. @throws as `use` */
  open(options: StreamOptions, direction: Direction = "both"): void {
    const complete = completeOptions(options);
    if (this.#endedBy !== undefined) throw this.#endedBy;
    if (this.#state !== "new") throw new ClosedResourceError(`${this.#label}: the stream of a context is opened once`);
    this.#state = "open";
    this.#direction = direction;
    const oneWay = () =>
      new ClosedResourceError(`${this.#label}: a producer sends and its consumer receives; for both, open a context`);
    if (direction === "receive") this.#outgoing.end(new Reason(oneWay));
    else this.#outgoing.open(complete);
    if (direction === "send") this.#incoming.end(new Reason(oneWay));
    else this.#incoming.open(complete);
  }

  /** @internal End this side in good order: what is buffered is dropped, and the peer is told. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    // A peer that has left its own side neither sends nor takes anything more, and a producer is cancelled: they need
    // not be told.
    if (!this.#outgoing.isPeerGone && this.#direction !== "receive")
      this.#channel.send({ msg_type: "Stop", cid: this.#cid });
    const why = new Reason(() => new ClosedResourceError(`${this.#label}: this side has closed its stream`));
    this.#outgoing.end(why);
    this.#incoming.leave(why);
  }

  /** @internal The dialog is over: everyone who waits here is told why. */
  end(why: Error): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#endedBy = why;
    const reason = new Reason(() => why);
    this.#outgoing.end(reason);
    this.#incoming.end(reason);
  }

  /** @internal The peer has left its stream: after what is buffered nothing comes, and nobody takes what we send. */
  peerStopped(): void {
    this.#outgoing.peerStopped();
    this.#incoming.peerStopped();
  }

  /** @internal */
  credited(items: number, bytes: number): void {
    this.#outgoing.credited(items, bytes);
  }

  /** @internal The connection takes items again. */
  resume(): void {
    this.#outgoing.resume();
  }

  /** @internal @throws StreamOverrun as `IncomingItems.arrived` */
  arrived(items: readonly In[], bytes: number): void {
    this.#incoming.arrived(items, bytes);
  }

  /** @internal Whether `error` is what `receive` throws because the peer has left its stream. */
  isEnd(error: unknown): boolean {
    return this.#incoming.isEnd(error);
  }
}

class Send<Out> extends PromptWait<void> {
  readonly description = "MessageStream.send()";
  readonly #items: OutgoingItems<Out>;
  readonly #item: Out;

  constructor(items: OutgoingItems<Out>, item: Out) {
    super();
    this.#items = items;
    this.#item = item;
  }

  override get byHost(): boolean {
    return true;
  }

  attempt(): Result<void> | undefined {
    return this.#items.sendFirst(this.#item);
  }

  enter(resolve: Resolve<void>): Exit {
    const sent = this.#items.offer(this.#item);
    if (sent === undefined) return this.#items.wait(this.#item, resolve);
    resolve(sent);
    return NO_EXIT;
  }
}

/** Where items come from: `IncomingItems`, as far as reading goes. */
type Readable<In> = Pick<IncomingItems<In>, "take" | "wait">;

class Receive<In, R> extends PromptWait<R> {
  readonly description = "MessageStream.receive()";
  readonly #items: Readable<In>;
  readonly #shape: (result: Result<In>) => Result<R>;

  constructor(items: Readable<In>, shape: (result: Result<In>) => Result<R>) {
    super();
    this.#items = items;
    this.#shape = shape;
  }

  override get byHost(): boolean {
    return true;
  }

  attempt(): Result<R> | undefined {
    const taken = this.#items.take();
    return taken?.ok === true ? this.#shape(taken) : undefined;
  }

  enter(resolve: Resolve<R>, _routine: Routine): Exit {
    const taken = this.#items.take();
    if (taken !== undefined) {
      resolve(this.#shape(taken));
      return NO_EXIT;
    }
    return this.#items.wait(() => {
      const now = this.#items.take();
      if (now !== undefined) resolve(this.#shape(now));
    });
  }
}

/**
 * A step of an iteration. One that a foreign Effection task performs (Effection's own `each` asks for its first item in
 * one) never fails, but waits on: the task around the stream is cancelled by what ended the dialog, and says it better
 * than the failure of a task that nobody has heard of.
 */
class Next<In> extends Receive<In, IteratorResult<In, void>> {
  override enter(resolve: Resolve<IteratorResult<In, void>>, routine: Routine): Exit {
    const isOurs = Task.of(routine) !== undefined;
    return super.enter((result) => {
      if (result.ok || isOurs) resolve(result);
    }, routine);
  }
}

/** As an iteration has it: the end, and a stream that was closed here meanwhile, are ends and not errors. */
function asIteration<T>(result: Result<T>): Result<IteratorResult<T, void>> {
  if (result.ok) return ok({ done: false, value: result.value });
  const isEnd = result.error instanceof EndOfChannel || result.error instanceof ClosedResourceError;
  return isEnd ? ok({ done: true, value: undefined }) : result;
}
