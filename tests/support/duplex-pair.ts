/** Two streams, each the other's far end, in memory: what one writes the other reads, in whole writes. */
import { Duplex } from "node:stream";

export class PairedStream extends Duplex {
  #other: PairedStream | undefined;
  /** The writes that have left this end so far: each would have been a system call. */
  readonly writes: Buffer[] = [];

  static make(): [PairedStream, PairedStream] {
    const [a, b] = [new PairedStream(), new PairedStream()];
    a.#other = b;
    b.#other = a;
    return [a, b];
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(chunk);
    this.#other?.push(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.#other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#other?.push(null);
    done(error);
  }
}
