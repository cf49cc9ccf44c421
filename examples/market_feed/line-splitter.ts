/** Text that arrives in pieces, taken out line by line. */

/** A row has some 80 characters; a peer that sends this much without a line end does not speak our protocol. */
const MAX_LINE_CHARS = 65_536;

export class LineSplitter {
  #text = "";
  #at = 0;

  /** @throws RangeError if what has come since the last line end is too long for a line */
  push(piece: string): void {
    this.#text = this.#text.slice(this.#at) + piece;
    this.#at = 0;
    if (this.#text.length - this.#text.lastIndexOf("\n") > MAX_LINE_CHARS) {
      throw new RangeError(`a line is longer than ${MAX_LINE_CHARS} characters`);
    }
  }

  /** The next whole line, without its end; undefined while it is not whole yet. */
  next(): string | undefined {
    const end = this.#text.indexOf("\n", this.#at);
    if (end < 0) return undefined;
    const line = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return line;
  }
}
