/** A table that stays in its place in a terminal while its rows change; elsewhere each changed row becomes a line. */

/** The part of `process.stdout` that is used. */
export interface TableOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_BELOW = "\x1b[J";
const CLEAR_REST_OF_LINE = "\x1b[K";

export class LiveTable {
  readonly #output: TableOutput;
  readonly #header: readonly string[];
  #widths: number[];
  /** The lines as last shown, by the first cell of their row. */
  #shown = new Map<string, string>();
  /** How many lines above the cursor are ours. */
  #height = 0;
  #ended = false;

  /** @param header - the title of each column; the first column names the row and is aligned to the left */
  constructor(output: TableOutput, header: readonly string[]) {
    this.#output = output;
    this.#header = header;
    this.#widths = header.map((title) => title.length);
    if (output.isTTY) output.write(HIDE_CURSOR);
  }

  /** Show these rows in place of those before. A row is known by its first cell. */
  show(rows: readonly (readonly string[])[]): void {
    if (this.#ended) return;
    this.#widths = this.#header.map((_, column) =>
      Math.max(this.#widths[column] ?? 0, ...rows.map((row) => row[column]?.length ?? 0)),
    );
    const lines = new Map(rows.map((row) => [row[0] ?? "", this.#lineOf(row)]));
    if (this.#output.isTTY) this.#redraw([this.#lineOf(this.#header), ...lines.values()]);
    else this.#printChanged(lines);
    this.#shown = lines;
  }

  /** A line of text of its own: above the table in a terminal. */
  note(text: string): void {
    this.#output.write(`${this.#toTop()}${text}\n`);
    if (this.#height > 0) {
      this.#height = 0;
      this.#redraw([this.#lineOf(this.#header), ...this.#shown.values()]);
    }
  }

  /** Leave the table as it stands and give the cursor back; may be called again, and must be called however it ends. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#height = 0;
    if (this.#output.isTTY) this.#output.write(SHOW_CURSOR);
  }

  #printChanged(lines: ReadonlyMap<string, string>): void {
    for (const [name, line] of lines) if (this.#shown.get(name) !== line) this.#output.write(`${line}\n`);
  }

  #redraw(lines: readonly string[]): void {
    // A line that wraps, or scrolls out at the top, could not be found again.
    const fitting = lines
      .slice(0, (this.#output.rows ?? Number.POSITIVE_INFINITY) - 1)
      .map((line) => line.slice(0, this.#output.columns));
    const text = fitting.map((line) => `${line}${CLEAR_REST_OF_LINE}\n`).join("");
    this.#output.write(`${this.#height > 0 ? `\x1b[${this.#height}A` : ""}\r${text}${CLEAR_BELOW}`);
    this.#height = fitting.length;
  }

  #toTop(): string {
    return this.#height > 0 ? `\x1b[${this.#height}A\r${CLEAR_BELOW}` : "";
  }

  #lineOf(cells: readonly string[]): string {
    return this.#widths
      .map((width, column) => {
        const cell = cells[column] ?? "";
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd();
  }
}
