/** Streams of Node and of the web: read by tasks, written by tasks, and made of what tasks give. */
import { createReadStream, createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { Duplex, PassThrough, Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ReadableStream, TransformStream, WritableStream } from "node:stream/web";
import type { Operation } from "effection";
import { run as runInEffection, scoped } from "effection";
import { expectTypeOf } from "vitest";
import {
  BrokenResourceError,
  Cancelled,
  CancelScope,
  EndOfChannel,
  ExceptionGroup,
  openMemoryChannel,
  openNursery,
  run,
  waitAllTasksBlocked,
} from "../../core/mod.ts";
import {
  fromReadable,
  intoWritable,
  ScCancelled,
  toAsyncIterable,
  toReadable,
  toReadableStream,
} from "../../interop/mod.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { collect, lingering } from "../support/stream-sources.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { collectWarnings, errorOf, hostTurn } from "../to_promise/promise-side.ts";

useCensus();

const boom = new Error("boom");

/** 1, 2, … up to `to`, or without end; counts what was asked for. */
function counting(to = Number.POSITIVE_INFINITY) {
  const source = {
    asked: 0,
    *receive(): Operation<number> {
      if (source.asked === to) throw new EndOfChannel();
      return ++source.asked;
    },
  };
  return source;
}

/** 1, then the error. */
function* failing(): Operation<{ receive(): Operation<number> }> {
  let given = 0;
  return {
    *receive() {
      if (given++ === 0) return 1;
      throw boom;
    },
  };
}

const nameOf = (error: unknown) =>
  error instanceof Error && "code" in error ? error.code : error instanceof Error ? error.name : error;

// ------------------------------------------------------------------------------------------------------ fromReadable

describe("fromReadable, a stream of Node", () => {
  it("gives what the stream gives, in order, to its end", function* () {
    const stream = Readable.from([1, 2, 3]);
    yield* scoped(function* () {
      const items = yield* fromReadable<number>(stream);
      expect(yield* collect(items)).toEqual([1, 2, 3]);
      expect(yield* errorOf(() => items.receive())).toBeInstanceOf(EndOfChannel);
    });
    expect(stream.closed).toBe(true);
  });

  it("reads a file, and has closed it when the scope is left in the middle", function* () {
    const stream = createReadStream(import.meta.filename, { highWaterMark: 64, encoding: "utf8" });
    const first = yield* scoped(function* () {
      const chunks = yield* fromReadable<string>(stream);
      return yield* chunks.receive();
    });
    expect(readFileSync(import.meta.filename, "utf8")).toContain(first);
    expect([stream.closed, stream.readableEnded]).toEqual([true, false]);
  });

  it("reads nothing ahead of its buffer while nobody receives", function* () {
    const given: number[] = [];
    const endless = function* () {
      for (let i = 0; ; i++) {
        given.push(i);
        yield i;
      }
    };
    const stream = Readable.from(endless(), { highWaterMark: 4 });
    yield* scoped(function* () {
      const items = yield* fromReadable<number>(stream);
      for (let i = 0; i < 20; i++) expect(yield* items.receive()).toBe(i);
      for (let turns = 0; turns < 10; turns++) yield* hostTurn();
      expect(given.length).toBeLessThanOrEqual(20 + 4 + 1);
    });
  });

  it("throws its error where items are received, after those before it, and once", function* () {
    const stream = new PassThrough({ objectMode: true });
    yield* scoped(function* () {
      const items = yield* fromReadable(stream);
      stream.write(1);
      expect(yield* items.receive()).toBe(1);
      stream.destroy(boom);
      expect(yield* errorOf(() => items.receive())).toBe(boom);
      expect(yield* errorOf(() => items.receive())).toBeInstanceOf(EndOfChannel);
    });
    expect(stream.closed).toBe(true);
  });

  it("that is destroyed before its end is an error, and not an end", function* () {
    const stream = new PassThrough();
    yield* openNursery(function* (nursery) {
      const items = yield* fromReadable(stream);
      nursery.startSoon(function* () {
        expect(nameOf(yield* errorOf(() => items.receive()))).toBe("ERR_STREAM_PREMATURE_CLOSE");
      });
      yield* waitAllTasksBlocked();
      stream.destroy();
    });
  });

  it("is destroyed when the task that waits for it is cancelled, and that is waited for", function* () {
    const log: string[] = [];
    const stream = new Readable({
      read() {},
      destroy(error, callback) {
        setImmediate(() => {
          log.push("destroyed");
          callback(error);
        });
      },
    });
    const scope = new CancelScope();
    yield* openNursery(function* (nursery) {
      nursery.startSoon(() =>
        scope.run(() =>
          scoped(function* () {
            yield* (yield* fromReadable(stream)).receive();
          }),
        ),
      );
      yield* waitAllTasksBlocked();
      scope.cancel();
    });
    expect(scope.cancelledCaught).toBe(true);
    expect(log).toEqual(["destroyed"]);
  });

  it("an item that was asked for by a wait that was cancelled goes to the next one", function* () {
    const stream = new PassThrough({ objectMode: true });
    yield* scoped(function* () {
      const items = yield* fromReadable(stream);
      const scope = new CancelScope();
      yield* openNursery(function* (nursery) {
        nursery.startSoon(() => scope.run(() => items.receive()));
        yield* waitAllTasksBlocked();
        scope.cancel();
      });
      stream.write("kept");
      expect(yield* items.receive()).toBe("kept");
    });
  });

  it("what its teardown fails with comes out where the scope ends", function* () {
    const stream = new Readable({ read() {}, destroy: (_error, callback) => callback(boom) });
    const error = yield* errorOf(() =>
      scoped(function* () {
        yield* fromReadable(stream);
      }),
    );
    expect(error).toBe(boom);
  });

  it("an error that nobody has received comes out where the scope ends", function* () {
    const stream = new PassThrough();
    const error = yield* errorOf(() =>
      scoped(function* () {
        const items = yield* fromReadable(stream);
        const scope = new CancelScope();
        yield* openNursery(function* (nursery) {
          nursery.startSoon(() => scope.run(() => items.receive()));
          yield* waitAllTasksBlocked();
          scope.cancel();
        });
        stream.destroy(boom);
        yield* waitAllTasksBlocked();
      }),
    );
    expect(error).toBe(boom);
  });

  it("a teardown that takes too long is reported, and waited for", function* () {
    let finish = () => {};
    const stream = new Readable({
      read() {},
      destroy(error, callback) {
        finish = () => callback(error);
      },
    });
    const warnings = collectWarnings(() => finish());
    yield* scoped(function* () {
      yield* fromReadable(stream, { graceMs: 0 });
    });
    warnings.stop();
    expect(warnings.names).toEqual(["PromiseIgnoredAbort"]);
    expect(stream.closed).toBe(true);
  });

  it("what promise code writes into a PassThrough is read by tasks, at their pace", function* () {
    const pipe = new PassThrough({ objectMode: true, highWaterMark: 2 });
    const writing = pipeline(Readable.from([1, 2, 3, 4, 5, 6]), pipe);
    const seen = yield* scoped(function* () {
      return yield* collect(yield* fromReadable<number>(pipe));
    });
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    yield* waitAllTasksBlocked();
    writing.catch(() => {});
  });

  it("one that was closed before gives an end or its error", function* () {
    const ended = Readable.from([]);
    ended.resume();
    while (!ended.closed) yield* hostTurn();
    const error = yield* errorOf(() =>
      scoped(function* () {
        yield* (yield* fromReadable(ended)).receive();
      }),
    );
    expect(error).toBeInstanceOf(Error);
  });

  it("what is no stream is refused, saying what is taken", () => {
    expect(() => fromReadable({} as Readable)).toThrow(/takes a Readable of Node or a ReadableStream, got object/);
  });
});

describe("fromReadable, a stream of the web", () => {
  const webStream = (log: string[], items: number[], end: "closes" | "fails" | "stays" = "closes") =>
    new ReadableStream<number>(
      {
        pull(controller) {
          const item = items.shift();
          if (item !== undefined) {
            log.push(`gave ${item}`);
            controller.enqueue(item);
          } else if (end === "closes") controller.close();
          else if (end === "fails") controller.error(boom);
          else return new Promise<void>(() => {});
          return undefined;
        },
        async cancel() {
          await null;
          log.push("cancelled");
        },
      },
      { highWaterMark: 0 },
    );

  it("gives what the stream gives, to its end, and lets go of it", function* () {
    const stream = webStream([], [1, 2]);
    yield* scoped(function* () {
      expect(yield* collect(yield* fromReadable(stream))).toEqual([1, 2]);
      expect(stream.locked).toBe(true);
    });
    expect(stream.locked).toBe(false);
  });

  it("asks for an item when a task waits for one, and cancels the stream when the scope is left", function* () {
    const log: string[] = [];
    yield* scoped(function* () {
      const items = yield* fromReadable(webStream(log, [1, 2, 3]));
      yield* waitAllTasksBlocked();
      expect(log).toEqual([]);
      yield* items.receive();
      yield* waitAllTasksBlocked();
      expect(log).toEqual(["gave 1"]);
    });
    expect(log).toEqual(["gave 1", "cancelled"]);
  });

  it("throws its error after the items before it", function* () {
    yield* scoped(function* () {
      const items = yield* fromReadable(webStream([], [1], "fails"));
      expect(yield* items.receive()).toBe(1);
      expect(yield* errorOf(() => items.receive())).toBe(boom);
    });
  });

  it("is cancelled while an item is waited for", function* () {
    const log: string[] = [];
    const scope = new CancelScope();
    yield* openNursery(function* (nursery) {
      nursery.startSoon(() =>
        scope.run(() =>
          scoped(function* () {
            yield* (yield* fromReadable(webStream(log, [], "stays"))).receive();
          }),
        ),
      );
      yield* waitAllTasksBlocked();
      scope.cancel();
    });
    expect(log).toEqual(["cancelled"]);
  });

  it("that fails to be cancelled says so where the scope ends", function* () {
    const stream = new ReadableStream({
      cancel() {
        throw boom;
      },
    });
    const error = yield* errorOf(() =>
      scoped(function* () {
        yield* fromReadable(stream);
      }),
    );
    expect(error).toBe(boom);
  });

  it("that somebody else reads is refused", function* () {
    const stream = webStream([], []);
    stream.getReader();
    const read = () =>
      scoped(function* () {
        yield* fromReadable(stream);
      });
    expect(yield* errorOf(read)).toBeInstanceOf(TypeError);
  });
});

// ------------------------------------------------------------------------------------- toReadable, toReadableStream

describe("toReadable", () => {
  it("gives what tasks give, to the end, and is closed then", async () => {
    const stream = toReadable(counting(5));
    const seen: number[] = [];
    for await (const n of stream) seen.push(n);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(stream.closed).toBe(true);
  });

  it("can be piped, as bytes", async () => {
    const out = join(useTempDir(), "out");
    const words = {
      at: 0,
      *receive(): Operation<string> {
        if (this.at === 3) throw new EndOfChannel();
        return ["a ", "bird ", "sings"][this.at++] ?? "";
      },
    };
    await pipeline(toReadable(words, { objectMode: false }), createWriteStream(out));
    expect(readFileSync(out, "utf8")).toBe("a bird sings");
  });

  it("runs nothing before it is read, and is held back by its reader", async () => {
    const source = counting();
    const stream = toReadable(source);
    await run(waitAllTasksBlocked);
    expect(source.asked).toBe(0);
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    for (let turns = 0; turns < 10; turns++) await run(hostTurn);
    expect(source.asked).toBeLessThanOrEqual(4);
    await iterator.return?.();
  });

  it("fails with what the source throws, after the items before it", async () => {
    const seen: unknown[] = [];
    const reading = async () => {
      for await (const n of toReadable(failing)) seen.push(n);
    };
    await expect(reading()).rejects.toBe(boom);
    expect(seen).toEqual([1]);
  });

  it("that is destroyed while it waits cancels the tasks, and is closed when they have unwound", async () => {
    const log: string[] = [];
    const stream = toReadable(() => lingering(log));
    stream.on("close", () => log.push("closed")).on("data", () => log.push("data"));
    await run(waitAllTasksBlocked);
    expect(log).toEqual(["data"]);
    stream.destroy();
    await new Promise((resolve) => stream.on("close", resolve));
    expect(log).toEqual(["data", "unwound", "closed"]);
  });

  it("that is destroyed before it was read starts nothing", async () => {
    const source = counting();
    const stream = toReadable(source);
    stream.destroy();
    await new Promise((resolve) => stream.on("close", resolve));
    expect(source.asked).toBe(0);
  });

  it("tells of both errors when it is destroyed with one and the tasks unwind with another", async () => {
    const late = new Error("late");
    const stream = toReadable(() => lingering([], late));
    stream.resume();
    await run(waitAllTasksBlocked);
    const error = new Promise((resolve) => stream.on("error", resolve));
    stream.destroy(boom);
    expect(await error).toBeInstanceOf(ExceptionGroup);
    expect(await error).toMatchObject({ errors: [boom, late] });
    const alone = toReadable(() => lingering([], late));
    alone.resume();
    await run(waitAllTasksBlocked);
    const lateError = new Promise((resolve) => alone.on("error", resolve));
    alone.destroy();
    expect(await lateError).toBe(late);
  });

  it("refuses null, which would end it, and keeps other empty values", async () => {
    const [send, receive] = openMemoryChannel<unknown>(4);
    for (const item of [0, "", undefined, null]) send.sendNowait(item);
    const seen: unknown[] = [];
    const reading = async () => {
      for await (const item of toReadable(receive)) seen.push(item);
    };
    await expect(reading()).rejects.toThrow(/null is no item/);
    expect(seen.slice(0, 2)).toEqual([0, ""]);
  });

  it("is ended by its signal, with Cancelled", async () => {
    const controller = new AbortController();
    const log: string[] = [];
    const stream = toReadable(() => lingering(log), { signal: controller.signal });
    stream.resume();
    await run(waitAllTasksBlocked);
    const error = new Promise((resolve) => stream.on("error", resolve));
    controller.abort();
    expect(await error).toBeInstanceOf(Cancelled);
    expect(log).toEqual(["unwound"]);
  });
});

describe("toReadableStream", () => {
  it("gives what tasks give, to the end", async () => {
    const seen: number[] = [];
    for await (const n of toReadableStream(counting(3))) seen.push(n);
    expect(seen).toEqual([1, 2, 3]);
  });

  it("runs nothing before it is read, and is held back by its reader", async () => {
    const source = counting();
    const stream = toReadableStream(source);
    await run(waitAllTasksBlocked);
    expect(source.asked).toBe(0);
    const reader = stream.getReader();
    expect(await reader.read()).toEqual({ done: false, value: 1 });
    await run(waitAllTasksBlocked);
    expect(source.asked).toBe(2); // one ahead
    await reader.cancel();
  });

  it("takes more ahead where it is told to", async () => {
    const source = counting();
    const stream = toReadableStream(source, { highWaterMark: 5 });
    await run(waitAllTasksBlocked);
    expect(source.asked).toBe(6);
    await stream.cancel();
  });

  it("fails with what the source throws", async () => {
    const reader = toReadableStream(failing).getReader();
    expect(await reader.read()).toEqual({ done: false, value: 1 });
    await expect(reader.read()).rejects.toBe(boom);
  });

  it("that is cancelled while it waits cancels the tasks, and waits until they have unwound", async () => {
    const log: string[] = [];
    const reader = toReadableStream(() => lingering(log)).getReader();
    await reader.read();
    const pending = reader.read();
    await run(waitAllTasksBlocked);
    await reader.cancel();
    log.push("cancelled");
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(log).toEqual(["unwound", "cancelled"]);
    const failsLate = toReadableStream(() => lingering([], boom)).getReader();
    await failsLate.read();
    void failsLate.read();
    await run(waitAllTasksBlocked);
    await expect(failsLate.cancel()).rejects.toBe(boom);
  });
});

describe("toAsyncIterable", () => {
  it("return() may come while an item is waited for: it cancels, waits, and ends that wait", async () => {
    const log: string[] = [];
    const iterator = toAsyncIterable(() => lingering(log))[Symbol.asyncIterator]();
    await iterator.next();
    const pending = iterator.next();
    await run(waitAllTasksBlocked);
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    expect(log).toEqual(["unwound"]);
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it("return() before the first next() starts nothing", async () => {
    const source = counting();
    const iterator = toAsyncIterable(source)[Symbol.asyncIterator]();
    await iterator.return?.();
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(source.asked).toBe(0);
  });

  it("return() tells of an error that next() has not told", async () => {
    const iterator = toAsyncIterable(failing)[Symbol.asyncIterator]();
    await iterator.next();
    await run(waitAllTasksBlocked);
    await expect(iterator.return?.()).rejects.toBe(boom);
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
  });
});

// ------------------------------------------------------------------------------------------------------ intoWritable

/** A stream of Node that takes one item each time it is told to. */
function stepping(options: { highWaterMark?: number; destroy?: Writable["_destroy"] } = {}) {
  const taken: unknown[] = [];
  let step: ((error?: Error) => void) | undefined;
  const stream = new Writable({
    objectMode: true,
    highWaterMark: options.highWaterMark ?? 2,
    write(chunk, _encoding, callback) {
      step = (error) => {
        step = undefined;
        taken.push(chunk);
        callback(error);
      };
    },
    ...(options.destroy && { destroy: options.destroy }),
  });
  return { stream, taken, step: (error?: Error) => step?.(error) };
}

describe("intoWritable, a stream of Node", () => {
  it("writes everything, ends the stream, and returns when that has taken it over", function* () {
    const out = join(useTempDir(), "out");
    const stream = createWriteStream(out);
    const lines = {
      at: 0,
      *receive(): Operation<string> {
        if (this.at === 10_000) throw new EndOfChannel();
        return `line ${this.at++}\n`;
      },
    };
    yield* intoWritable(lines, stream);
    expect(stream.closed).toBe(true);
    expect(readFileSync(out, "utf8").split("\n")).toHaveLength(10_001);
  });

  it("reads its source only as the stream has room", function* () {
    const { stream, taken, step } = stepping({ highWaterMark: 2 });
    const source = counting(6);
    yield* openNursery(function* (nursery) {
      nursery.startSoon(() => intoWritable(source, stream));
      yield* waitAllTasksBlocked();
      expect(source.asked).toBe(3); // two in the stream, one in hand
      while (taken.length < 6) {
        step();
        yield* hostTurn();
        expect(source.asked).toBeLessThanOrEqual(taken.length + 3);
      }
    });
    expect(taken).toEqual([1, 2, 3, 4, 5, 6]);
    expect(stream.writableFinished).toBe(true);
  });

  it("throws what the stream fails with, at once, and leaves the source", function* () {
    const log: string[] = [];
    const { stream, step } = stepping();
    yield* openNursery(function* (nursery) {
      nursery.startSoon(function* () {
        expect(yield* errorOf(() => intoWritable(() => lingering(log), stream))).toBe(boom);
        log.push("failed");
      });
      yield* waitAllTasksBlocked();
      step(boom);
    });
    expect(log).toEqual(["unwound", "failed"]);
    expect(stream.closed).toBe(true);
    expect(stream.listenerCount("error")).toBe(0);
  });

  it("that is closed by somebody else is an error", function* () {
    const { stream } = stepping();
    yield* openNursery(function* (nursery) {
      nursery.startSoon(function* () {
        const error = yield* errorOf(() => intoWritable(() => lingering([]), stream));
        expect(error).toBeInstanceOf(BrokenResourceError);
        expect(String(error)).toMatch(/closed by somebody else/);
      });
      yield* waitAllTasksBlocked();
      stream.destroy();
    });
  });

  it("that has ended before is refused", function* () {
    const stream = new PassThrough();
    stream.end();
    const source = counting();
    expect(yield* errorOf(() => intoWritable(source, stream))).toBeInstanceOf(BrokenResourceError);
    expect(source.asked).toBe(0);
  });

  it("is destroyed with the source's error, which is thrown", function* () {
    const { stream } = stepping();
    let told: unknown;
    stream.on("error", (error) => {
      told = error;
    });
    expect(yield* errorOf(() => intoWritable(failing, stream))).toBe(boom);
    expect(told).toBe(boom);
    expect([stream.closed, stream.writableFinished]).toEqual([true, false]);
  });

  it.each(["while it has no room", "while the source has nothing", "while it ends"])(
    "is destroyed, and that waited for, when this is cancelled %s",
    function* (when) {
      const log: string[] = [];
      const { stream } = stepping({
        destroy(error, callback) {
          log.push(error instanceof ScCancelled ? "ScCancelled" : String(error));
          setImmediate(() => {
            log.push("destroyed");
            callback(error);
          });
        },
      });
      const source =
        when === "while it has no room" ? counting() : when === "while it ends" ? counting(1) : () => lingering(log);
      const scope = new CancelScope();
      yield* openNursery(function* (nursery) {
        nursery.startSoon(() => scope.run(() => intoWritable(source, stream)));
        yield* waitAllTasksBlocked();
        scope.cancel();
      });
      expect(scope.cancelledCaught).toBe(true);
      expect(log.slice(-2)).toEqual(["ScCancelled", "destroyed"]);
      expect(stream.closed).toBe(true);
    },
  );

  it("is destroyed when a foreign task is halted", async () => {
    const { stream } = stepping();
    const task = runInEffection(() => intoWritable(counting(), stream));
    await run(waitAllTasksBlocked);
    await task.halt();
    expect(stream.closed).toBe(true);
  });

  it("tells of the stream's error and of the source's, where both fail", function* () {
    const late = new Error("late");
    const { stream, step } = stepping();
    yield* openNursery(function* (nursery) {
      nursery.startSoon(function* () {
        const error = yield* errorOf(() => intoWritable(() => lingering([], late), stream));
        expect(error).toBeInstanceOf(ExceptionGroup);
        expect([...(error as ExceptionGroup).leaves()]).toEqual([boom, late]);
      });
      yield* waitAllTasksBlocked();
      step(boom);
    });
  });

  it("a teardown that takes too long is reported, and waited for", function* () {
    let finish = () => {};
    const { stream } = stepping({
      destroy(error, callback) {
        finish = () => callback(error);
      },
    });
    const warnings = collectWarnings(() => finish());
    expect(yield* errorOf(() => intoWritable(failing, stream, { graceMs: 0 }))).toBe(boom);
    warnings.stop();
    expect(warnings.names).toEqual(["PromiseIgnoredAbort"]);
  });

  it("with end: false it is left open, with all written taken over, and as it was", function* () {
    const { stream, taken, step } = stepping({ highWaterMark: 16 });
    yield* openNursery(function* (nursery) {
      nursery.startSoon(function* () {
        yield* intoWritable(counting(3), stream, { end: false });
        taken.push("returned");
      });
      while (taken.length < 4) {
        yield* hostTurn();
        step();
      }
    });
    expect(taken).toEqual([1, 2, 3, "returned"]);
    expect([stream.writable, stream.destroyed]).toEqual([true, false]);
    expect(yield* errorOf(() => intoWritable(failing, stream, { end: false }))).toBe(boom);
    expect(stream.destroyed).toBe(false);
    for (const event of ["error", "close", "drain"]) expect(stream.listenerCount(event)).toBe(0);
  });

  it("ends its half of a socket, and leaves the other", function* () {
    const log: string[] = [];
    const socket = new Duplex({
      objectMode: true,
      read() {},
      write(chunk, _encoding, callback) {
        log.push(`wrote ${chunk}`);
        callback();
      },
      final(callback) {
        log.push("half closed");
        callback();
      },
    });
    yield* intoWritable(counting(1), socket);
    expect(log).toEqual(["wrote 1", "half closed"]);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });
});

describe("intoWritable, a stream of the web", () => {
  interface Steps {
    readonly taken: unknown[];
    step: (error?: Error) => void;
  }
  function webStepping(log: string[] = [], abort: () => void | Promise<void> = () => {}) {
    const steps: Steps = { taken: [], step: () => {} };
    const stream = new WritableStream<number>({
      write: (chunk) =>
        new Promise<void>((resolve, reject) => {
          steps.step = (error) => {
            steps.taken.push(chunk);
            if (error) reject(error);
            else resolve();
          };
        }),
      close() {
        log.push("closed");
      },
      async abort(reason) {
        log.push(reason instanceof ScCancelled ? "ScCancelled" : String(reason));
        await abort();
      },
    });
    return { stream, steps };
  }

  it("writes everything as there is room, and closes the stream", function* () {
    const log: string[] = [];
    const { stream, steps } = webStepping(log);
    const source = counting(4);
    yield* openNursery(function* (nursery) {
      nursery.startSoon(() => intoWritable(source, stream));
      yield* waitAllTasksBlocked();
      expect(source.asked).toBe(2); // one in the stream, one in hand
      while (!log.includes("closed")) {
        steps.step();
        yield* hostTurn();
      }
    });
    expect(steps.taken).toEqual([1, 2, 3, 4]);
    expect(stream.locked).toBe(false);
  });

  it("throws what the stream fails with, at once, and leaves the source", function* () {
    const log: string[] = [];
    const { stream, steps } = webStepping();
    yield* openNursery(function* (nursery) {
      nursery.startSoon(function* () {
        expect(yield* errorOf(() => intoWritable(() => lingering(log), stream))).toBe(boom);
      });
      yield* waitAllTasksBlocked();
      steps.step(boom);
    });
    expect(log).toEqual(["unwound"]);
    expect(stream.locked).toBe(false);
  });

  it("is aborted with the source's error, which is thrown; and with that of the abort, if there is one", function* () {
    const log: string[] = [];
    const idle = new WritableStream<number>({ abort: (reason) => void log.push(String(reason)) });
    expect(yield* errorOf(() => intoWritable(failing, idle))).toBe(boom);
    expect(log).toEqual(["Error: boom"]);
    const late = new Error("late");
    const failsToAbort = new WritableStream<number>({ abort: () => Promise.reject(late) });
    const error = yield* errorOf(() => intoWritable(failing, failsToAbort));
    expect(error).toMatchObject({ errors: [boom, late] });
  });

  it("is aborted when this is cancelled, and that is waited for", function* () {
    const log: string[] = [];
    const stream = new WritableStream<number>({
      async abort(reason) {
        await null;
        log.push(reason instanceof ScCancelled ? "ScCancelled" : String(reason));
      },
    });
    const scope = new CancelScope();
    yield* openNursery(function* (nursery) {
      nursery.startSoon(() => scope.run(() => intoWritable(() => lingering(log), stream)));
      yield* waitAllTasksBlocked();
      scope.cancel();
    });
    expect(scope.cancelledCaught).toBe(true);
    expect(log).toEqual(["unwound", "ScCancelled"]);
  });

  it("with end: false it is left open and unlocked, with all written taken over", function* () {
    const log: string[] = [];
    const { stream, steps } = webStepping(log);
    yield* openNursery(function* (nursery) {
      nursery.startSoon(function* () {
        yield* intoWritable(counting(2), stream, { end: false });
        log.push(`returned after ${steps.taken.length}`);
      });
      while (log.length === 0) {
        yield* hostTurn();
        steps.step();
      }
    });
    expect(log).toEqual(["returned after 2"]);
    expect(stream.locked).toBe(false);
  });

  it("that somebody else writes to is refused", function* () {
    const stream = new WritableStream();
    stream.getWriter();
    expect(yield* errorOf(() => intoWritable(counting(), stream))).toBeInstanceOf(TypeError);
  });

  it("there and back: tasks write, a transform works, tasks read", function* () {
    const { readable, writable } = new TransformStream<number, string>({
      transform: (n, controller) => controller.enqueue(`#${n}`),
    });
    const seen = yield* openNursery(function* (nursery) {
      nursery.startSoon(() => intoWritable(counting(3), writable));
      return yield* scoped(function* () {
        return yield* collect(yield* fromReadable(readable));
      });
    });
    expect(seen).toEqual(["#1", "#2", "#3"]);
    expectTypeOf(seen).toEqualTypeOf<string[]>();
  });
});

it("what is no writable stream is refused, saying what is taken", function* () {
  expect(String(yield* errorOf(() => intoWritable(counting(), {} as Writable)))).toMatch(
    /takes a Writable of Node or a WritableStream, got object/,
  );
});
