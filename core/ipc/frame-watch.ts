/**
 * A frame that has begun must go on arriving: whatever follows one that does not would be taken for its rest, and never
 * be heard.
 */
import type { Clock, Disarm } from "../sc/clock.ts";

export class FrameWatch {
  readonly #clock: Clock;
  readonly #boundMs: number;
  readonly #stalled: () => void;
  #isPending = false;
  #lastAt = 0;
  #disarm: Disarm | undefined;

  /** @param boundMs - from the last bytes of an unfinished frame until `stalled` is called */
  constructor(clock: Clock, boundMs: number, stalled: () => void) {
    this.#clock = clock;
    this.#boundMs = boundMs;
    this.#stalled = stalled;
  }

  /** Bytes have arrived; `isPending` if they end within a frame. */
  arrived(isPending: boolean): void {
    this.#isPending = isPending;
    if (!isPending) return;
    this.#lastAt = this.#clock.now();
    if (this.#disarm === undefined) this.#arm();
  }

  end(): void {
    this.#disarm?.();
    this.#disarm = undefined;
  }

  // One timer for a whole burst of chunks: each of which ends within a frame, as likely as not.
  #arm(): void {
    this.#disarm = this.#clock.at(this.#lastAt + this.#boundMs, () => {
      this.#disarm = undefined;
      if (!this.#isPending) return;
      if (this.#clock.now() < this.#lastAt + this.#boundMs) this.#arm();
      else this.#stalled();
    });
  }
}
