import { createConnection } from "node:net";
import { expect, it, onTestFinished, vi } from "vitest";
import { RECORDING, readRecording } from "../../examples/market_feed/recording.ts";
import type { Tick } from "../../examples/market_feed/tick.ts";
import { type ReplayOptions, serveTicks } from "../../examples/market_feed/tick-replay.ts";
import { useCensus } from "../support/census.ts";
import { type Program, startProgram } from "../support/program.ts";

useCensus();

const rows = await readRecording();
const linesOf = (ticks: readonly Tick[]) => ticks.map((tick) => JSON.stringify(tick));

async function useServer(ticks: readonly Tick[], options?: ReplayOptions) {
  const server = await serveTicks(ticks, options);
  onTestFinished(() => server.close());
  return server;
}

/** Send one line and read until the connection ends, whichever way. */
async function ask(port: number, line: string): Promise<string[]> {
  const socket = createConnection({ port, host: "127.0.0.1" }).setEncoding("utf8");
  socket.write(`${line}\n`);
  let text = "";
  await new Promise((resolve) => {
    socket.on("data", (piece) => {
      text += piece;
    });
    socket.on("error", () => {}).on("close", resolve);
  });
  return text.split("\n").slice(0, -1);
}

it("replays the rows of the symbols asked for, as they were recorded", async () => {
  const server = await useServer(rows);
  const [agreed, ...lines] = await ask(server.port, `{"subscribe":["OAK","YEW"]}`);
  expect(agreed).toBe(`{"subscribed":["OAK","YEW"]}`);
  expect(lines.pop()).toBe(`{"end":true}`);
  expect(lines).toEqual(linesOf(rows.filter((row) => row.symbol === "OAK" || row.symbol === "YEW")));
  await server.close();
});

it("goes on after the sequence number it is told", async () => {
  const server = await useServer(rows.slice(0, 50));
  const lines = await ask(server.port, `{"subscribe":["ASH","BEECH","LARCH","OAK","YEW"],"after":47}`);
  expect(lines.slice(1, -1)).toEqual(linesOf(rows.slice(47, 50)));
  await server.close();
});

it.each([
  ["an unknown symbol", `{"subscribe":["ELM"]}`, "unknown symbol ELM"],
  ["what is not JSON", "OAK please", "not a subscription: OAK please"],
  ["what is not a subscription", `{"subscribe":[1]}`, `not a subscription: {"subscribe":[1]}`],
  ["an endless line", "x".repeat(70_000), "a line is longer than 65536 characters"],
])("refuses %s", async (_, line, why) => {
  const server = await useServer(rows);
  expect(await ask(server.port, line)).toEqual([JSON.stringify({ error: why })]);
  await server.close();
});

it("sends no faster than the client reads", async () => {
  let sent = 0;
  const toJSON = () => {
    sent++;
    return { ...rows[0], symbol: "OAK" };
  };
  // 30 MB: far more than what streams and kernel hold.
  const many = Array.from({ length: 400_000 }, (_, i) => ({
    seq: i + 1,
    at: 0,
    symbol: "OAK",
    price: 1,
    size: 1,
    toJSON,
  }));
  const server = await useServer(many);
  const socket = createConnection({ port: server.port, host: "127.0.0.1" });
  socket.write(`{"subscribe":["OAK"]}\n`);
  await new Promise((resolve) => socket.on("readable", resolve));
  // It goes on until everything on the way is full.
  let before = 0;
  await vi.waitUntil(
    () => {
      const stands = sent === before;
      before = sent;
      return stands;
    },
    { interval: 100 },
  );
  expect(sent).toBeLessThan(300_000);
  socket.destroy();
  await server.close();
});

it("keeps the pace it is given", async () => {
  const server = await useServer(rows.slice(0, 21), { rowsPerSecond: 100 });
  const start = performance.now();
  await ask(server.port, `{"subscribe":["ASH","BEECH","LARCH","OAK","YEW"]}`);
  expect(performance.now() - start).toBeGreaterThan(195);
  await server.close();
});

function startServer(...args: string[]): Program {
  return startProgram("examples/market_feed/tick-server.ts", { args });
}

it("is a program that prints its port and ends with its input", async () => {
  const program = startServer("--file", RECORDING.pathname);
  const [, port] = await program.outputHas(/^(\d+)\n/);
  expect(await ask(Number(port), `{"subscribe":["ASH","BEECH","LARCH","OAK","YEW"]}`)).toHaveLength(rows.length + 2);
  program.endInput();
  expect(await program.ended({ withinMs: 2_000 })).toMatchObject({ code: 0, stderr: "" });
});

it("ends with its input in the middle of a replay too, and leaves Ctrl-C to whoever started it", async () => {
  const program = startServer("--rows-per-second", "1");
  const [, port] = await program.outputHas(/^(\d+)\n/);
  const asked = ask(Number(port), `{"subscribe":["OAK"]}`);
  program.signal("SIGINT");
  program.endInput();
  expect(await program.ended({ withinMs: 2_000 })).toMatchObject({ code: 0 });
  expect((await asked).length).toBeLessThan(10);
});

it("says which option is wrong", async () => {
  const program = startServer("--rows-per-second", "fast");
  const { code, stderr } = await program.ended();
  expect(code).toBe(1);
  expect(stderr).toContain("--rows-per-second must be a number greater than 0, got fast");
});
