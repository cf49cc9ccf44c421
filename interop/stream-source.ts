/** What can be read item by item, in whatever form it comes. */
import type { Operation, Stream, Subscription } from "effection";
import { EndOfChannel } from "../core/mod.ts";

/** Whatever has `receive()` and throws `EndOfChannel` at its end: a memory channel, an actor's stream. */
export interface Receiver<T> {
  receive(): Operation<T>;
}

/** What gives items one by one. */
type Reader<T> = Stream<T, unknown> | Receiver<T>;

/** An Effection stream or a receiver; or a function that opens a fresh one. */
export type StreamSource<T> = Reader<T> | (() => Operation<Reader<T> | Subscription<T, unknown>>);

/** Call `handle` with each item until the source ends, or until it gives false. */
export function* forEachItem<T>(source: StreamSource<T>, handle: (item: T) => Operation<boolean>): Operation<void> {
  let reader: Reader<T> | Subscription<T, unknown> = typeof source === "function" ? yield* source() : source;
  // As a stream first: that is where the several kinds of a good end are told from errors.
  if (!("next" in reader) && Symbol.iterator in reader) reader = yield* reader;
  if ("next" in reader) {
    for (let step = yield* reader.next(); step.done !== true; step = yield* reader.next()) {
      if (!(yield* handle(step.value))) return;
    }
    return;
  }
  for (;;) {
    let item: T;
    try {
      item = yield* reader.receive();
    } catch (error) {
      if (error instanceof EndOfChannel) return;
      throw error;
    }
    if (!(yield* handle(item))) return;
  }
}
