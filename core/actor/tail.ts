/** The last bytes of a stream: what a process said before it ended. */
export class Tail {
  readonly #size: number;
  #bytes = Buffer.alloc(0);

  /** @param size - in bytes */
  constructor(size: number) {
    this.#size = size;
  }

  push(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-this.#size);
  }

  text(): string {
    return this.#bytes.toString("utf8");
  }
}
