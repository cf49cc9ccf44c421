import { createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { readRecording } from "../../examples/market_feed/recording.ts";
import { summarize } from "../../examples/market_feed/summary.ts";
import type { Tick } from "../../examples/market_feed/tick.ts";
import { TickClient, type TickClientOptions } from "../../examples/market_feed/tick-client.ts";
import { type ReplayOptions, serveTicks } from "../../examples/market_feed/tick-replay.ts";
import { useCensus } from "../support/census.ts";

useCensus();

const rows = await readRecording();
const SYMBOLS = ["ASH", "BEECH", "LARCH", "OAK", "YEW"];

/** A server and a client of it, both gone when the test is over, and what the client has emitted. */
async function useFeed(options: Partial<TickClientOptions> = {}, replay: ReplayOptions = {}) {
  const server = await serveTicks(rows, replay);
  const client = new TickClient({ port: server.port, reconnectDelayMs: 1, ...options });
  const ticks: Tick[] = [];
  const reconnects: number[] = [];
  const over = new Promise<Error | "end">((resolve) => {
    client.on("end", () => resolve("end")).on("error", resolve);
  });
  client.on("tick", (tick) => ticks.push(tick)).on("reconnect", (_, after) => reconnects.push(after));
  const close = async () => {
    await client.close();
    await server.close();
  };
  onTestFinished(close);
  return { server, client, ticks, reconnects, over, close };
}

it("emits every tick of its symbols once, in order, and then ends", async () => {
  const { client, ticks, over, close } = await useFeed();
  await client.connect();
  await client.subscribe(["OAK", "ASH"]);
  expect(await over).toBe("end");
  expect(ticks).toEqual(rows.filter((row) => row.symbol === "OAK" || row.symbol === "ASH"));
  await close();
});

it("loses nothing and repeats nothing when connections break in the middle of a row", async () => {
  const { client, ticks, reconnects, over, close } = await useFeed({}, { dropEvery: 700 });
  await client.connect();
  await client.subscribe(SYMBOLS);
  expect(await over).toBe("end");
  expect(reconnects).toEqual([700, 1_400, 2_100, 2_800, 3_500]);
  expect(ticks).toEqual(rows);
  expect(summarize(ticks)).toEqual(summarize(rows));
  await close();
});

it("loses nothing when connections are reset, also while paused", async () => {
  const { server, client, ticks, reconnects, over, close } = await useFeed();
  client.on("tick", ({ seq }) => {
    if (seq % 1_000 !== 500) return;
    client.pause();
    server.dropConnections();
    setTimeout(() => client.resume(), 5);
  });
  await client.connect();
  await client.subscribe(SYMBOLS);
  expect(await over).toBe("end");
  expect(reconnects.length).toBeGreaterThan(0);
  expect(ticks).toEqual(rows);
  await close();
});

it("emits nothing between pause and resume", async () => {
  const { client, ticks, over, close } = await useFeed();
  let paused = false;
  let whilePaused = 0;
  client.on("tick", ({ seq }) => {
    if (paused) whilePaused++;
    if (seq % 400 !== 0) return;
    client.pause();
    paused = true;
    setImmediate(() => {
      paused = false;
      client.resume();
    });
  });
  await client.connect();
  await client.subscribe(SYMBOLS);
  expect(await over).toBe("end");
  expect(whilePaused).toBe(0);
  expect(ticks).toEqual(rows);
  await close();
});

it("may be paused and resumed in a listener at every tick", async () => {
  const { client, ticks, over, close } = await useFeed();
  client.on("tick", () => {
    client.pause();
    client.resume();
  });
  await client.connect();
  await client.subscribe(SYMBOLS);
  expect(await over).toBe("end");
  expect(ticks).toEqual(rows);
  await close();
});

it("fails half-way with its own error, and emits nothing after it", async () => {
  const { client, ticks, over, close } = await useFeed({ failAfter: 2_000 });
  await client.connect();
  await client.subscribe(SYMBOLS);
  expect(await over).toMatchObject({ message: expect.stringMatching(/^tick client bug: cannot digest tick 2001 \(/) });
  expect(ticks).toEqual(rows.slice(0, 2_000));
  await close();
});

it("gives up when the server is gone for good, saying where it was and why", async () => {
  const { server, client, ticks, over, close } = await useFeed({ reconnects: 2 }, { rowsPerSecond: 1_000 });
  client.on("tick", ({ seq }) => {
    if (seq === 10) void server.close();
  });
  await client.connect();
  await client.subscribe(SYMBOLS);
  const error = await over;
  expect(error).toMatchObject({ message: `lost the tick server after tick ${ticks.length}` });
  expect(error).toMatchObject({ cause: { cause: { code: "ECONNREFUSED" } } });
  await close();
});

it("rejects when the server is not there", async () => {
  const { server, client, close } = await useFeed();
  await server.close();
  await expect(client.connect()).rejects.toMatchObject({
    message: `cannot connect to the tick server at 127.0.0.1:${server.port}`,
    cause: { code: "ECONNREFUSED" },
  });
  await close();
});

it("rejects a subscription that the server refuses", async () => {
  const { client, close } = await useFeed();
  await client.connect();
  await expect(client.subscribe(["ELM"])).rejects.toThrow("the tick server refused: unknown symbol ELM");
  await close();
});

it("connects once and subscribes once", async () => {
  const { client, over, close } = await useFeed();
  await expect(client.subscribe(["OAK"])).rejects.toThrow("not connected");
  await client.connect();
  await expect(client.connect()).rejects.toThrow("connects once");
  await client.subscribe(["OAK"]);
  await expect(client.subscribe(["OAK"])).rejects.toThrow("subscribed already");
  await over;
  await close();
});

it("tells a pending subscription when it is closed, and emits nothing more", async () => {
  const { client, ticks, close } = await useFeed();
  await client.connect();
  const subscribed = client.subscribe(SYMBOLS);
  await Promise.all([expect(subscribed).rejects.toThrow("was closed"), client.close()]);
  expect(ticks).toEqual([]);
  await close();
});

it.each([
  ["breaks off JSON", `{"seq":1,\n`, "the tick server sent a broken row after tick 0"],
  ["sends something else", `{"hello":1}\n`, `not a row: {"hello":1}`],
  ["never ends its line", "x".repeat(70_000), "the tick server does not speak our protocol"],
])("fails when the server %s", async (_, text, message) => {
  const server = createServer((socket) =>
    socket
      .on("error", () => {})
      .resume()
      .end(`{"subscribed":["OAK"]}\n${text}`),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const client = new TickClient({ port: address.port });
  const failed = new Promise<Error>((resolve) => client.on("error", resolve));
  await client.connect();
  const subscribed = client.subscribe(["OAK"]);
  expect(
    await Promise.race([
      failed,
      subscribed.then(
        () => failed,
        (error: Error) => error,
      ),
    ]),
  ).toMatchObject({ message });
  await client.close();
  await new Promise((resolve) => server.close(resolve));
});
