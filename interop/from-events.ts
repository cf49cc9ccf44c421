/** From event emitters into tasks. */
import type { EventEmitter } from "node:events";
import { type Operation, resource } from "effection";
import { PushBuffer, type PushOptions, type PushStream } from "./push-stream.ts";

export interface EmittedEvent {
  readonly name: string | symbol;
  /** What the emitter passed to its listeners. */
  readonly args: readonly unknown[];
}

export interface EventOptions extends PushOptions {
  /** Events that end the stream in good order, such as `close`. Default none. */
  readonly endOn?: readonly (string | symbol)[] | undefined;
}

/**
 * Listen to events of `emitter` until the caller's Effection scope ends; then no listener is left. An `error` event that
 * is not among `names` is thrown to receivers after the events before it, and ends the stream.
 *
 * @throws RangeError if `capacity` is not a whole number >= 1
 */
export function fromEvents(
  emitter: EventEmitter,
  names: readonly (string | symbol)[],
  options: EventOptions = {},
): Operation<PushStream<EmittedEvent>> {
  new PushBuffer<EmittedEvent>("the emitter", options); // a bad bound fails here, at the call
  return resource(function* (provide) {
    const buffer = new PushBuffer<EmittedEvent>("the emitter", options);
    const listeners = new Map<string | symbol, (...args: unknown[]) => void>();
    // Several meanings of one event are called in this order: it is an item first, then it may end the stream.
    const listen = (name: string | symbol, fn: (...args: unknown[]) => void) => {
      const before = listeners.get(name);
      listeners.set(name, (...args) => {
        before?.(...args);
        fn(...args);
      });
    };
    for (const name of new Set(names)) listen(name, (...args) => void buffer.push({ name, args }));
    for (const name of new Set(options.endOn ?? [])) listen(name, () => buffer.end());
    if (!listeners.has("error")) listen("error", (error) => buffer.fail(error));
    for (const [name, listener] of listeners) emitter.on(name, listener);
    try {
      yield* provide(buffer);
    } finally {
      for (const [name, listener] of listeners) emitter.off(name, listener);
    }
  });
}
