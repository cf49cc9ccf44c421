/** A connection of a process to itself: two byte streams, each the other's far end, with the backpressure of a socket. */
import { Duplex } from "node:stream";

class LoopbackEnd extends Duplex {
  #far: LoopbackEnd | undefined;
  /** A write of the far end that waits until this one is read again. */
  #onRead: (() => void) | undefined;

  static pair(): [LoopbackEnd, LoopbackEnd] {
    const [a, b] = [new LoopbackEnd(), new LoopbackEnd()];
    a.#far = b;
    b.#far = a;
    return [a, b];
  }

  override _read(): void {
    const onRead = this.#onRead;
    this.#onRead = undefined;
    onRead?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const far = this.#far;
    if (far === undefined || far.destroyed) return done();
    // As a socket would: what is written is never heard in the same turn.
    process.nextTick(() => {
      if (far.destroyed || far.push(chunk)) done();
      else far.#onRead = done;
    });
  }

  override _final(done: () => void): void {
    process.nextTick(() => {
      this.#far?.push(null);
      done();
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const far = this.#far;
    const waiting = [this.#onRead, far === undefined ? undefined : far.#onRead];
    this.#far = undefined;
    process.nextTick(() => {
      for (const onRead of waiting) onRead?.();
      if (far !== undefined && !far.destroyed && !far.readableEnded) far.push(null);
      done(error);
    });
  }
}

/** Both ends; destroy them, or end them, as sockets. */
export function loopback(): [Duplex, Duplex] {
  return LoopbackEnd.pair();
}
