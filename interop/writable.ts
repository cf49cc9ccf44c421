/** Into writable streams of Node and of the web, at the pace at which they take what is written. */
import { finished, Writable } from "node:stream";
import type { WritableStream, WritableStreamDefaultWriter } from "node:stream/web";
import type { Operation } from "effection";
import {
  BrokenResourceError,
  CancelScope,
  ExceptionGroup,
  isCancelled,
  park,
  shielded,
  type Waker,
} from "../core/mod.ts";
import { runTask, ScCancelled } from "../to_promise/mod.ts";
import type { PullOptions } from "./pull-stream.ts";
import { forEachItem, type StreamSource } from "./stream-source.ts";
import { waitFor } from "./wait-for.ts";

export interface IntoWritableOptions extends PullOptions {
  /** Whether the end of the source ends the stream, and its failure destroys it; default true. */
  readonly end?: boolean | undefined;
}

/**
 * Write what `source` gives into a stream of Node or of the web, and wait for that. The source is read as the stream has
 * room. At its end the stream is ended, and what was written has been taken over when this returns.
 *
 * If the source fails, or this is cancelled, the stream is destroyed (a web stream is aborted) and its teardown waited
 * for; one that takes longer than `graceMs` is reported as with `runTask`. If the stream fails the source is left at once.
 *
 * @throws what `source` throws, or what the stream fails with; ExceptionGroup if both fail
 * @throws BrokenResourceError if the stream is closed before the end of the source
 * @throws TypeError if a web stream is being written to by somebody else
 */
export function* intoWritable<T>(
  source: StreamSource<T>,
  target: Writable | WritableStream<T>,
  options: IntoWritableOptions = {},
): Operation<void> {
  if (!("getWriter" in target) && !(target instanceof Writable)) {
    throw new TypeError(`intoWritable() takes a Writable of Node or a WritableStream, got ${typeof target}`);
  }
  // Its own scope, so that in a foreign Effection task too a halt is a cancellation and waits.
  yield* new CancelScope().run(() => pump(source, target, options));
}

function* pump<T>(
  source: StreamSource<T>,
  target: Writable | WritableStream<T>,
  { end = true, ...grace }: IntoWritableOptions,
): Operation<void> {
  const intact = new CancelScope();
  const onBroken = () => intact.cancel("the stream that is written to has failed");
  const sink: Sink<T> = "getWriter" in target ? new WebSink(target, onBroken) : new NodeSink<T>(target, onBroken);
  try {
    yield* intact.run(() =>
      forEachItem(source, function* (item) {
        yield* sink.write(item);
        return true;
      }),
    );
    if (sink.failure !== undefined) throw sink.failure.error;
    yield* end ? sink.end() : sink.flush();
  } catch (error) {
    const errors = new Set([...(sink.failure === undefined ? [] : [sink.failure.error]), error]);
    if (end) {
      const reason = isCancelled(error) ? new ScCancelled(error, { cause: error }) : error;
      const options = { ...grace, signal: AbortSignal.abort(reason), name: "writable stream" };
      try {
        yield* shielded(() => runTask(() => sink.destroy(reason), {}, options));
      } catch (late) {
        errors.add(late);
      }
    }
    throw errors.size === 1 ? error : new ExceptionGroup("writing into a stream failed", [...errors]);
  } finally {
    sink.release();
  }
}

/** What is written to. */
interface Sink<T> {
  /** Set when it has failed, or was closed by somebody else. */
  readonly failure: { readonly error: unknown } | undefined;
  /** Write `item` when there is room. */
  write(item: T): Operation<void>;
  /** Wait until everything that was written has been taken over. */
  flush(): Operation<void>;
  /** As `flush`, and end it. */
  end(): Operation<void>;
  /** It is not to be written to any more; settled when it is closed. */
  destroy(reason: unknown): Promise<void>;
  /** Let go of it, as it stands. */
  release(): void;
}

class NodeSink<T> implements Sink<T> {
  failure: { readonly error: unknown } | undefined;
  readonly #target: Writable;
  readonly #onBroken: () => void;
  readonly #waiters = new Set<Waker<void>>();
  /** Writes that have not been taken over. */
  #pending = 0;
  #hasFinished = false;
  #closed: Promise<void> | undefined;

  constructor(target: Writable, onBroken: () => void) {
    if (!target.writable) {
      throw new BrokenResourceError("the stream to write to has ended, or was destroyed, before the first item", {
        cause: target.errored,
      });
    }
    this.#target = target;
    this.#onBroken = onBroken;
    target.on("error", this.#fail).on("close", this.#onClose).on("drain", this.#wake);
  }

  *write(item: T): Operation<void> {
    while (this.#target.writableNeedDrain) yield* this.#change("room in a writable stream");
    this.#pending++;
    this.#target.write(item, this.#onWritten);
  }

  *flush(): Operation<void> {
    while (this.#pending > 0) yield* this.#change("a writable stream to take over what was written");
  }

  *end(): Operation<void> {
    // It waits for `close` as well, where that is to come.
    finished(this.#target, { readable: false }, (error) => {
      if (error) this.#fail(error);
      else this.#hasFinished = true;
      this.#wake();
    });
    this.#target.end();
    while (!this.#hasFinished) yield* this.#change("a writable stream to finish");
  }

  destroy(reason: unknown): Promise<void> {
    this.#closed = this.#target.closed
      ? Promise.resolve()
      : new Promise((resolve) => this.#target.on("close", () => resolve()));
    this.#target.destroy(reason instanceof Error ? reason : new Error(String(reason), { cause: reason }));
    return this.#closed;
  }

  release(): void {
    this.#target.off("close", this.#onClose).off("drain", this.#wake);
    // What is being destroyed may say so yet, and nobody else need listen.
    if (this.#closed === undefined || this.#target.closed) this.#target.off("error", this.#fail);
  }

  *#change(description: string): Operation<void> {
    if (this.failure === undefined) {
      yield* park<void>(
        description,
        (waker) => {
          this.#waiters.add(waker);
          return () => this.#waiters.delete(waker);
        },
        { byHost: true },
      );
    }
    if (this.failure !== undefined) throw this.failure.error;
  }

  readonly #onWritten = (): void => {
    if (--this.#pending === 0) this.#wake();
  };

  readonly #onClose = (): void => {
    if (!this.#target.writableFinished) this.#fail(this.#target.errored ?? new BrokenResourceError(CLOSED_EARLY));
  };

  readonly #fail = (error: unknown): void => {
    this.failure ??= { error };
    this.#onBroken();
    this.#wake();
  };

  readonly #wake = (): void => {
    for (const waiter of this.#waiters) waiter.wake();
    this.#waiters.clear();
  };
}

class WebSink<T> implements Sink<T> {
  failure: { readonly error: unknown } | undefined;
  readonly #writer: WritableStreamDefaultWriter<T>;
  #written: Promise<void> | undefined;
  #isOurs = true;

  constructor(target: WritableStream<T>, onBroken: () => void) {
    this.#writer = target.getWriter();
    const fail = (error: unknown) => {
      if (!this.#isOurs) return;
      this.failure ??= { error };
      onBroken();
    };
    this.#writer.closed.then(() => fail(new BrokenResourceError(CLOSED_EARLY)), fail);
  }

  *write(item: T): Operation<void> {
    yield* waitFor(this.#writer.ready, "room in a writable stream");
    this.#written = this.#writer.write(item);
    this.#written.catch(() => {}); // said by `closed`
  }

  *flush(): Operation<void> {
    if (this.#written !== undefined) yield* waitFor(this.#written, "a writable stream to take over what was written");
  }

  *end(): Operation<void> {
    this.#isOurs = false;
    yield* waitFor(this.#writer.close(), "a writable stream to finish");
  }

  async destroy(reason: unknown): Promise<void> {
    this.#isOurs = false;
    await this.#writer.abort(reason);
  }

  release(): void {
    this.#isOurs = false;
    this.#writer.releaseLock();
  }
}

const CLOSED_EARLY = "the stream was closed by somebody else before everything was written";
