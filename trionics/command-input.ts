/** What a command reads from its stdin, as fast as it reads. */
import type { Writable } from "node:stream";
import type { Operation } from "effection";
import { BrokenResourceError, ClosedResourceError, checkpoint, park, type Waker } from "../core/mod.ts";

export class CommandInput {
  readonly #target: Writable;
  readonly #name: string;
  readonly #waiting = new Set<Waker<void>>();
  #isClosed = false;
  #broken: BrokenResourceError | undefined;

  /** @internal */
  constructor(target: Writable, name: string) {
    this.#target = target;
    this.#name = name;
    const broken = (cause?: unknown) => {
      this.#broken ??= new BrokenResourceError(`${name} has closed its stdin`);
      if (cause !== undefined) this.#broken.cause ??= cause;
      this.#wake();
    };
    target
      .on("error", broken)
      .on("close", () => broken())
      .on("drain", () => this.#wake());
  }

  /**
   * Send text or bytes; wait while the command is behind. Nothing is added: a line ends with `\n`.
   *
   * @throws BrokenResourceError if the command has closed its stdin, as it does by its end
   * @throws ClosedResourceError if this side has closed it
   */
  *send(data: string | Uint8Array): Operation<void> {
    if (typeof data !== "string" && !(data instanceof Uint8Array)) {
      throw new TypeError(`stdin of ${this.#name} takes text or bytes, got ${typeof data}`);
    }
    yield* checkpoint();
    for (;;) {
      if (this.#isClosed) throw new ClosedResourceError(`stdin of ${this.#name} is closed`);
      if (this.#broken !== undefined) throw this.#broken;
      if (!this.#target.writableNeedDrain) break;
      yield* park<void>(
        `${this.#name} to read its stdin`,
        (waker) => {
          this.#waiting.add(waker);
          return () => this.#waiting.delete(waker);
        },
        { byHost: true },
      );
    }
    this.#target.write(data);
  }

  /** The command finds the end of its input after what was sent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#target.end();
    this.#wake();
  }

  /** @internal The error by which a sender has learnt that the command no longer reads. */
  get brokenBy(): unknown {
    return this.#broken;
  }

  #wake(): void {
    for (const waker of this.#waiting) waker.wake();
    this.#waiting.clear();
  }
}
