/** What stands between those who log and what takes the records: bounded, and it waits for nobody. */
import { MAX_PENDING_LOG_RECORDS } from "./limits.ts";
import type { LogRecord } from "./record.ts";

export interface LogOutlet {
  /** Whether it takes records now; when it does again, it calls `resume` of its queue. */
  readonly hasRoom: boolean;
  put(record: LogRecord): void;
}

export class LogQueue {
  readonly #outlet: LogOutlet;
  readonly #lost: (count: number) => LogRecord;
  readonly #pending: LogRecord[] = [];
  #dropped = 0;

  /** @param lost - the record that tells of so many dropped ones */
  constructor(outlet: LogOutlet, lost: (count: number) => LogRecord) {
    this.#outlet = outlet;
    this.#lost = lost;
  }

  get size(): number {
    return this.#pending.length;
  }

  push(record: LogRecord): void {
    if (this.#pending.length === 0 && this.#dropped === 0 && this.#outlet.hasRoom) this.#outlet.put(record);
    // Once one was dropped all are, until that has been told: the gap then has one place, and is in order.
    else if (this.#dropped > 0 || this.#pending.length >= MAX_PENDING_LOG_RECORDS) this.#dropped++;
    else this.#pending.push(record);
  }

  /** The outlet may have room: pass on what waits. */
  resume(): void {
    this.#pass(() => this.#outlet.hasRoom);
  }

  /** The last chance: pass on everything, room or not. */
  flush(): void {
    this.#pass(() => true);
  }

  #pass(may: () => boolean): void {
    for (let record = this.#pending[0]; record !== undefined && may(); record = this.#pending[0]) {
      this.#pending.shift();
      this.#outlet.put(record);
    }
    if (this.#dropped === 0 || this.#pending.length > 0 || !may()) return;
    const count = this.#dropped;
    this.#dropped = 0;
    this.#outlet.put(this.#lost(count));
  }
}
