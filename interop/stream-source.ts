/** What can be read item by item, in whatever form it comes. */
import type { Operation, Stream, Subscription } from "effection";
import { checkpoint, EndOfChannel, each, IN_PLACE } from "../core/mod.ts";

/** Whatever has `receive()` and throws `EndOfChannel` at its end: a memory channel, an actor's stream. */
export interface Receiver<T> {
  receive(): Operation<T>;
}

/** What gives items one by one. */
type Reader<T> = Stream<T, unknown> | Receiver<T>;

/** An Effection stream or a receiver; or a function that opens a fresh one. */
export type StreamSource<T> = Reader<T> | (() => Operation<Reader<T> | Subscription<T, unknown>>);

/** Items of a source that never waits which are handled in one go: a fraction of a millisecond. */
const ITEMS_PER_TURN = 64;

/** Whether more is wanted; what gives an operation is waited for. */
export type Handle<T> = (item: T) => boolean | Operation<boolean>;

/** Call `handle` with each item until the source ends, or until it gives false. */
export function* forEachItem<T>(source: StreamSource<T>, handle: Handle<T>): Operation<void> {
  const opened: Reader<T> | Subscription<T, unknown> = typeof source === "function" ? yield* source() : source;
  // As a stream first: that is where the several kinds of a good end are told from errors.
  if (IN_PLACE in opened && Symbol.iterator in opened) {
    for (const item of yield* each(opened)) {
      const more = handle(item);
      if (typeof more === "boolean" ? !more : !(yield* more)) return;
      yield* each.next();
    }
    return;
  }
  const reader = !("next" in opened) && Symbol.iterator in opened ? yield* opened : opened;
  if (!("next" in reader || "receive" in reader)) {
    throw new TypeError(
      "a source is a stream, something with receive(), or a function that opens one; for an observable open it with fromObservable",
    );
  }
  const take = "next" in reader ? () => reader.next() : () => nextOf(reader);
  for (let count = 1; ; count++) {
    const step = yield* take();
    if (step.done === true) return;
    const more = handle(step.value);
    if (typeof more === "boolean" ? !more : !(yield* more)) return;
    // What always has an item never waits, and others are to have their turn.
    if (count % ITEMS_PER_TURN === 0) yield* checkpoint();
  }
}

function* nextOf<T>(receiver: Receiver<T>): Operation<IteratorResult<T, unknown>> {
  try {
    return { done: false, value: yield* receiver.receive() };
  } catch (error) {
    if (error instanceof EndOfChannel) return { done: true, value: undefined };
    throw error;
  }
}
