import { expect, it } from "vitest";
import { LiveTable, type TableOutput } from "../../examples/market_feed/table.ts";

const ESC = "\x1b";
const TERMINAL_TOKEN = new RegExp(`${ESC}\\[(?:(\\d+)A|[JK]|\\?25[lh])|[^${ESC}\n\r]+|\n|\r`, "g");

class Recorder implements TableOutput {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows: number;
  written = "";
  constructor({ isTTY = false, columns = 80, rows = 24 } = {}) {
    this.isTTY = isTTY;
    this.columns = columns;
    this.rows = rows;
  }
  write(text: string): void {
    this.written += text;
  }
  /** What a terminal would show: it knows the sequences that the table uses. */
  screen(): string[] {
    const lines = [""];
    let at = 0;
    for (const [token, up] of this.written.matchAll(TERMINAL_TOKEN)) {
      if (up !== undefined) at -= Number(up);
      else if (token === `${ESC}[J`) lines.splice(at, Number.POSITIVE_INFINITY, "");
      else if (token === "\n") lines[++at] ??= "";
      else if (!token.startsWith(ESC) && token !== "\r") lines[at] = token;
    }
    return lines.slice(0, -1);
  }
}

const HEADER = ["symbol", "last"];

it("prints the rows that changed as lines when it is not a terminal", () => {
  const output = new Recorder();
  const table = new LiveTable(output, HEADER);
  table.show([
    ["OAK", "1.00"],
    ["YEW", "2.00"],
  ]);
  table.show([
    ["OAK", "1.00"],
    ["YEW", "2.50"],
  ]);
  table.note("done");
  table.end();
  expect(output.written).toBe("OAK     1.00\nYEW     2.00\nYEW     2.50\ndone\n");
});

it("redraws in place in a terminal", () => {
  const output = new Recorder({ isTTY: true });
  const table = new LiveTable(output, HEADER);
  table.show([
    ["OAK", "1.00"],
    ["YEW", "2.00"],
  ]);
  table.show([
    ["OAK", "1.00"],
    ["YEW", "2.50"],
  ]);
  expect(output.screen()).toEqual(["symbol  last", "OAK     1.00", "YEW     2.50"]);
  table.show([["YEW", "30.00"]]);
  expect(output.screen()).toEqual(["symbol   last", "YEW     30.00"]);
});

it("writes notes above the table", () => {
  const output = new Recorder({ isTTY: true });
  const table = new LiveTable(output, HEADER);
  table.note("first");
  table.show([["OAK", "1.00"]]);
  table.note("second");
  expect(output.screen()).toEqual(["first", "second", "symbol  last", "OAK     1.00"]);
});

it("gives the cursor back at the end, and draws no more", () => {
  const output = new Recorder({ isTTY: true });
  const table = new LiveTable(output, HEADER);
  table.show([["OAK", "1.00"]]);
  table.end();
  table.end();
  table.show([["OAK", "2.00"]]);
  expect(output.written.startsWith("\x1b[?25l")).toBe(true);
  expect(output.written.endsWith("\x1b[?25h")).toBe(true);
  expect(output.screen()).toEqual(["symbol  last", "OAK     1.00"]);
});

it("never writes more than fits on the screen", () => {
  const output = new Recorder({ isTTY: true, columns: 9, rows: 3 });
  const table = new LiveTable(output, HEADER);
  table.show([
    ["OAK", "1.00"],
    ["YEW", "2.00"],
  ]);
  expect(output.screen()).toEqual(["symbol  l", "OAK     1"]);
});
