/** The output of a command, line by line, at the pace of whoever reads: what is not read waits in the pipe. */
import type { Readable } from "node:stream";
import type { Effect, Operation, Stream, Subscription } from "effection";
import { BusyResourceError, EndOfChannel, Event, IN_PLACE, park, realClock, type Waker } from "../core/mod.ts";
import { OUTPUT_DRAIN_MS } from "./limits.ts";
import { LineSplitter, type LongLines } from "./line-splitter.ts";

export interface LineStatistics {
  /** Lines that were received. */
  readonly lines: number;
  /** Lines that were longer than `maxLineBytes`, and were split or truncated. */
  readonly longLines: number;
}

interface LineOptions {
  /** For dumps and errors: `stdout of make`. */
  readonly name: string;
  readonly maxLineBytes: number;
  readonly longLines: LongLines;
  /** Told of all that is read. */
  readonly onChunk: (chunk: Buffer) => void;
}

/** The lines of a command's output: a `Stream` for `each`, with `receive()`. */
export class LineStream implements Stream<string, void> {
  readonly [IN_PLACE] = true;
  /** @internal Set once all was read. */
  readonly ended = new Event("the end of a command's output");
  readonly #source: Readable;
  readonly #name: string;
  readonly #onChunk: (chunk: Buffer) => void;
  readonly #splitter: LineSplitter;
  #lines: string[] = [];
  #next = 0;
  #received = 0;
  #waiter: Waker<string> | undefined;
  /** The command is gone, and what nothing comes from for a while has ended. */
  #isFinal = false;
  #disarm: (() => void) | undefined;
  /** What its reader hears at the end; nothing is heard before that is known. */
  #lastWord: (() => unknown) | undefined;
  #end: { readonly error: unknown } | undefined;

  /** @internal */
  constructor(source: Readable, { name, maxLineBytes, longLines, onChunk }: LineOptions) {
    this.#source = source;
    this.#name = name;
    this.#onChunk = onChunk;
    this.#splitter = new LineSplitter(maxLineBytes, longLines);
    const look = () => this.#look();
    source.on("readable", look).on("end", look).on("close", look).on("error", look);
  }

  /**
   * Receive one line, without its end; wait while there is none.
   *
   * @throws EndOfChannel if the command has ended, and everything was received; as a `Stream` it then ends
   * @throws CommandFailed in place of that, if it has failed; where both outputs are read, at the later end
   * @throws BusyResourceError if another task is waiting here
   */
  receive(): Operation<string> {
    return park<string>(`a line from ${this.#name}`, (waker) => this.#arrange(waker), { byHost: true });
  }

  statistics(): LineStatistics {
    return { lines: this.#received, longLines: this.#splitter.longCount };
  }

  *[Symbol.iterator](): Generator<Effect<unknown>, Subscription<string, void>, unknown> {
    return { next: () => this.#iteration() };
  }

  /** @internal The command is gone: what it has not sent by now is bounded. */
  final(): void {
    this.#isFinal = true;
    this.#look();
  }

  /** @internal The command's end is known. @param lastWord - what the reader is to be thrown, if anything */
  conclude(lastWord: () => unknown): void {
    this.#lastWord = lastWord;
    this.#look();
  }

  /** @internal Nobody reads any more: keep the command from waiting for that. */
  discard(): void {
    this.#lines = [];
    this.#next = 0;
    this.#source.removeAllListeners("readable");
    this.#source.on("data", this.#onChunk).resume();
  }

  *#iteration(): Operation<IteratorResult<string, void>> {
    try {
      return { done: false, value: yield* this.receive() };
    } catch (error) {
      if (error instanceof EndOfChannel) return { done: true, value: undefined };
      throw error;
    }
  }

  #arrange(waker: Waker<string>): () => boolean {
    if (this.#waiter !== undefined) {
      waker.fail(
        new BusyResourceError(`another task waits for a line from ${this.#name}; one reads, and may broadcast`),
      );
      return () => true;
    }
    this.#waiter = waker;
    this.#look();
    return () => {
      this.#release();
      return true;
    };
  }

  #look(): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    while (this.#next >= this.#lines.length && !this.ended.isSet) if (!this.#read()) break;
    if (this.#next < this.#lines.length) {
      this.#release();
      this.#received++;
      waiter.wake(this.#lines[this.#next++] as string);
    } else if (this.ended.isSet) {
      if (this.#lastWord === undefined) return;
      this.#release();
      this.#end ??= { error: this.#lastWord() ?? new EndOfChannel(this.#name) };
      waiter.fail(this.#end.error);
    } else if (this.#isFinal) {
      this.#disarm ??= realClock.at(realClock.now() + OUTPUT_DRAIN_MS, () => {
        this.#source.destroy();
        this.#finish();
        this.#look();
      });
    }
  }

  /** Take one chunk, or the end. Says whether there was any. */
  #read(): boolean {
    const chunk: unknown = this.#source.read();
    if (chunk instanceof Buffer) {
      this.#onChunk(chunk);
      this.#lines = this.#splitter.push(chunk);
      this.#next = 0;
      return true;
    }
    if (!this.#source.readableEnded && !this.#source.destroyed) return false;
    this.#finish();
    return true;
  }

  #finish(): void {
    if (this.ended.isSet) return;
    this.#lines = this.#splitter.end();
    this.#next = 0;
    this.ended.set();
  }

  #release(): void {
    this.#waiter = undefined;
    this.#disarm?.();
    this.#disarm = undefined;
  }
}
