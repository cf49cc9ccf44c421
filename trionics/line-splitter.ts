/** Bytes into lines, of bounded length. */

/** What becomes of a line that is too long: `split` into several that are not, or `truncate`d to its beginning. */
export type LongLines = "split" | "truncate";

const NEWLINE = 0x0a;

export class LineSplitter {
  readonly #maxBytes: number;
  readonly #longLines: LongLines;
  /** The line under way. */
  #parts: Buffer[] = [];
  #length = 0;
  /** Whether some of the line under way was given already, or its end is dropped. */
  #isLong = false;
  #longCount = 0;

  constructor(maxBytes: number, longLines: LongLines) {
    this.#maxBytes = maxBytes;
    this.#longLines = longLines;
  }

  /** How many lines were too long. */
  get longCount(): number {
    return this.#longCount;
  }

  /** The lines that `chunk` completes, without their ends (`\n` or `\r\n`). */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    for (let from = 0; from < chunk.length; ) {
      const at = chunk.indexOf(NEWLINE, from);
      this.#add(chunk.subarray(from, at < 0 ? chunk.length : at), lines);
      if (at < 0) break;
      this.#close(lines);
      from = at + 1;
    }
    return lines;
  }

  /** The last line, if it has no end. */
  end(): string[] {
    const lines: string[] = [];
    if (this.#length > 0) this.#close(lines);
    return lines;
  }

  #add(bytes: Buffer, lines: string[]): void {
    let rest = bytes;
    while (this.#length + rest.length > this.#maxBytes) {
      if (!this.#isLong) this.#longCount++;
      const isDropping = this.#isLong && this.#longLines === "truncate";
      this.#isLong = true;
      if (isDropping) return;
      const room = this.#maxBytes - this.#length;
      const full = Buffer.concat([...this.#parts, rest.subarray(0, room)]);
      const end = wholeCharacters(full);
      if (this.#longLines === "truncate") {
        this.#parts = [full.subarray(0, end)];
        this.#length = this.#maxBytes;
        return;
      }
      lines.push(full.toString("utf8", 0, end));
      rest = Buffer.concat([full.subarray(end), rest.subarray(room)]);
      this.#parts = [];
      this.#length = 0;
    }
    if (rest.length === 0) return;
    this.#parts.push(rest);
    this.#length += rest.length;
  }

  #close(lines: string[]): void {
    const wasGiven = this.#isLong && this.#longLines === "split" && this.#length === 0;
    if (!wasGiven) {
      const line = Buffer.concat(this.#parts).toString("utf8");
      lines.push(line.endsWith("\r") ? line.slice(0, -1) : line);
    }
    this.#parts = [];
    this.#length = 0;
    this.#isLong = false;
  }
}

/** Where the last whole character of UTF-8 ends; all of it, if that is no UTF-8. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(4, bytes.length - 1); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue;
    const size = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return size > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
