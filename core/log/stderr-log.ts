/** The end of the way: records written to stderr, pretty where that is a terminal, as JSON lines where it is not. */
import type { Writable } from "node:stream";
import { wallTime } from "../sc/clock.ts";
import { jsonLine, prettyLine } from "./format.ts";
import { journal } from "./journal.ts";
import { MAX_LOG_BYTES_UNDER_WAY } from "./limits.ts";
import { LogQueue } from "./log-queue.ts";
import type { LogRecord } from "./record.ts";

/** A stream, or a terminal. */
export interface LogStream extends Writable {
  readonly isTTY?: boolean;
  hasColors?(): boolean;
}

export class StderrLog {
  readonly #stream: LogStream;
  readonly #queue: LogQueue;
  readonly #format: (record: LogRecord) => string;
  #broken = false;

  /** @param since - what the times of a terminal are counted from; now unless told */
  constructor({ stream = process.stderr, since = wallTime() }: { stream?: LogStream; since?: number } = {}) {
    this.#stream = stream;
    this.#queue = new LogQueue(this, lostRecords);
    const options = { colors: stream.hasColors?.() ?? false, since };
    this.#format = stream.isTTY === true ? (record) => prettyLine(record, options) : jsonLine;
    stream.on("drain", this.#onDrain);
  }

  readonly write = (record: LogRecord): void => this.#queue.push(record);

  /** Write what waits, and let go of the stream. */
  close(): void {
    this.#queue.flush();
    this.#stream.off("drain", this.#onDrain);
  }

  get hasRoom(): boolean {
    return this.#stream.writableLength < MAX_LOG_BYTES_UNDER_WAY;
  }

  /** @internal */
  put(record: LogRecord): void {
    if (this.#broken) return;
    this.#stream.write(this.#format(record), (error) => {
      if (!error || this.#broken) return;
      // Whoever read it has gone, as `head` does. That is no reason for the program to end.
      this.#broken = true;
      this.#stream.on("error", () => {});
    });
  }

  readonly #onDrain = (): void => this.#queue.resume();
}

/** What is said of records that found no room. */
export function lostRecords(count: number): LogRecord {
  const advice = "log less, or raise the level";
  return journal.describe(
    "warn",
    "log.dropped",
    `${count} records were dropped, as they came faster than they left; ${advice}`,
    {
      dropped: count,
    },
  );
}
