/** Readable streams of Node and of the web, both ways: read by tasks, and made of what tasks give. */
import { Readable } from "node:stream";
import { ReadableStream, type ReadableStreamDefaultReader } from "node:stream/web";
import type { Operation } from "effection";
import { ExceptionGroup, type RunOptions } from "../core/mod.ts";
import { type Puller, type PullOptions, type PullStream, pullFrom } from "./pull-stream.ts";
import type { StreamSource } from "./stream-source.ts";
import { iteratorOf } from "./task-iterator.ts";

export interface ToReadableOptions extends RunOptions {
  /** Items, or for Node without `objectMode` bytes, that are taken ahead of the reader; by default one at most. */
  readonly highWaterMark?: number | undefined;
}

/**
 * Read a stream of Node or of the web until the caller's Effection scope ends. Nothing is read before a task waits for
 * it, so its source is held back to the pace of that task. When the scope ends the stream is destroyed (a web stream is
 * cancelled), and its teardown waited for; one that takes longer than `graceMs` is reported as with `runTask`.
 *
 * @throws what the stream fails with, where its items are received: also `ERR_STREAM_PREMATURE_CLOSE` if it is destroyed
 * before its end
 * @throws what its teardown throws, when the scope ends
 * @throws TypeError if a web stream is being read by somebody else
 */
export function fromReadable<T>(source: ReadableStream<T>, options?: PullOptions): Operation<PullStream<T>>;
export function fromReadable<T = unknown>(source: Readable, options?: PullOptions): Operation<PullStream<T>>;
export function fromReadable<T>(
  source: Readable | ReadableStream<T>,
  options: PullOptions = {},
): Operation<PullStream<T>> {
  const isOfWeb = "getReader" in source;
  if (!isOfWeb && !(source instanceof Readable)) {
    throw new TypeError(`fromReadable() takes a Readable of Node or a ReadableStream, got ${typeof source}`);
  }
  return pullFrom(
    "readable stream",
    () => (isOfWeb ? new WebPuller(source.getReader()) : new NodePuller<T>(source)),
    options,
  );
}

/**
 * A Node stream of what `source` gives. The tree of tasks behind it runs from the first read on; to destroy the stream
 * cancels it, and `close` is emitted when it has unwound.
 *
 * @param options.objectMode - default true: items are of any type but null. Without it they are strings and bytes
 * @throws (as `error` event) what `source` throws, then or while it unwinds; `Cancelled` if `options.signal` was aborted
 */
export function toReadable<T>(
  source: StreamSource<T>,
  { highWaterMark = 1, objectMode = true, ...options }: ToReadableOptions & { readonly objectMode?: boolean } = {},
): Readable {
  const items = iteratorOf(source, { name: "toReadable", ...options });
  return new Readable({
    objectMode,
    highWaterMark,
    read() {
      items.next().then(
        ({ done, value }) => {
          if (done !== true && value === null) this.destroy(new TypeError("null is no item: it is how a stream ends"));
          else this.push(done === true ? null : value);
        },
        (error: unknown) => this.destroy(asError(error)),
      );
    },
    destroy(error, callback) {
      items.return().then(
        () => callback(error),
        (late: unknown) => callback(both(error, late)),
      );
    },
  });
}

/**
 * A web stream of what `source` gives. The tree of tasks behind it runs from the first read on; to cancel the stream
 * cancels it, and the promise of `cancel()` is settled when it has unwound.
 *
 * @throws (to the reader) what `source` throws; `Cancelled` if `options.signal` was aborted
 */
export function toReadableStream<T>(
  source: StreamSource<T>,
  { highWaterMark = 0, ...options }: ToReadableOptions = {},
): ReadableStream<T> {
  const items = iteratorOf(source, { name: "toReadableStream", ...options });
  return new ReadableStream<T>(
    {
      async pull(controller) {
        const { done, value } = await items.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await items.return();
      },
    },
    { highWaterMark },
  );
}

class NodePuller<T> implements Puller<T> {
  readonly #stream: Readable;
  readonly #iterator: AsyncIterator<T, unknown>;
  readonly #closed: Promise<void>;
  #failure: { readonly error: unknown } | undefined;
  #isClosing = false;

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#iterator = stream[Symbol.asyncIterator]();
    // Both stay to its end: an `error` that nobody listens to ends the process.
    this.#closed = stream.closed ? Promise.resolve() : new Promise((resolve) => stream.on("close", resolve));
    stream.on("error", (error) => {
      if (this.#isClosing) this.#failure ??= { error };
    });
  }

  next(): Promise<IteratorResult<T, unknown>> {
    return this.#iterator.next();
  }

  async close(): Promise<void> {
    // One that has failed is about to be closed, and has said why.
    this.#isClosing = this.#stream.errored === null;
    this.#stream.destroy();
    await this.#closed;
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

class WebPuller<T> implements Puller<T> {
  readonly #reader: ReadableStreamDefaultReader<T>;
  #hasFailed = false;

  constructor(reader: ReadableStreamDefaultReader<T>) {
    this.#reader = reader;
    this.#reader.closed.catch(() => {}); // said by `read`
  }

  async next(): Promise<IteratorResult<T, unknown>> {
    try {
      const { done, value } = await this.#reader.read();
      return done ? { done, value } : { done, value: value as T };
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    }
  }

  async close(): Promise<void> {
    try {
      if (!this.#hasFailed) await this.#reader.cancel("its reader has left");
    } finally {
      this.#reader.releaseLock();
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(`a stream failed with ${String(error)}`, { cause: error });
}

function both(error: Error | null, late: unknown): Error {
  if (error === null) return asError(late);
  return new ExceptionGroup("a stream was destroyed, and the tasks behind it failed as they unwound", [error, late]);
}
