/**
 * A recorded market day over TCP, as the client's vendor would serve it. One line of JSON per message.
 *
 * Client: `{"subscribe":["OAK"],"after":17}`, once per connection: rows of these symbols with `seq` greater than 17.
 * Server: `{"subscribed":["OAK"]}` or `{"error":"…"}`, then the rows as they were recorded, then `{"end":true}`.
 *
 * Rows go out no faster than the client reads them. A connection that breaks is the client's to open again; with
 * `after` it loses nothing and gets nothing twice.
 */
import { createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { LineSplitter } from "./line-splitter.ts";
import type { Tick } from "./tick.ts";

export interface ReplayOptions {
  /** Default: as fast as the client reads. */
  readonly rowsPerSecond?: number;
  /** Break each connection in the middle of a row after this many; default: never. */
  readonly dropEvery?: number;
}

export interface TickServer {
  readonly port: number;
  /** Reset every connection, as a failing network does; what was under way is lost. */
  dropConnections(): void;
  /** Stop listening, and end every connection. */
  close(): Promise<void>;
}

interface Subscription {
  readonly symbols: ReadonlySet<string>;
  readonly after: number;
}

/** Serve `rows` on a free port of the loopback interface. */
export async function serveTicks(rows: readonly Tick[], options: ReplayOptions = {}): Promise<TickServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    attend(socket, rows, options);
  });
  await new Promise<void>((resolve, reject) => {
    server.on("listening", resolve).on("error", reject).listen(0, "127.0.0.1");
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error(`not listening on a port: ${address}`);
  return {
    port: address.port,
    dropConnections() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function attend(socket: Socket, rows: readonly Tick[], options: ReplayOptions): void {
  const lines = new LineSplitter();
  const known = new Set(rows.map((row) => row.symbol));
  let subscribed = false;
  const refuse = (why: string) => socket.end(`${JSON.stringify({ error: why })}\n`);
  const answer = (line: string) => {
    const subscription = parseSubscription(line);
    const unknown = [...(subscription?.symbols ?? [])].find((symbol) => !known.has(symbol));
    if (subscription === undefined) refuse(`not a subscription: ${line.slice(0, 200)}`);
    else if (unknown !== undefined) refuse(`unknown symbol ${unknown}`);
    else if (subscribed) refuse("subscribed already");
    else {
      subscribed = true;
      socket.write(`${JSON.stringify({ subscribed: [...subscription.symbols] })}\n`);
      replay(socket, rows, subscription, options).catch((error: Error) => socket.destroy(error));
    }
  };
  // Whatever broke the connection, "close" follows, and the client comes again.
  socket.on("error", () => {});
  socket.setEncoding("utf8").on("data", (piece: string) => {
    try {
      lines.push(piece);
      for (let line = lines.next(); line !== undefined; line = lines.next()) answer(line);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      refuse(error.message);
    }
  });
}

async function replay(
  socket: Socket,
  rows: readonly Tick[],
  { symbols, after }: Subscription,
  { rowsPerSecond = Number.POSITIVE_INFINITY, dropEvery = Number.POSITIVE_INFINITY }: ReplayOptions,
): Promise<void> {
  const start = performance.now();
  let sent = 0;
  for (const row of rows) {
    if (row.seq <= after || !symbols.has(row.symbol)) continue;
    const earlyMs = start + (sent * 1000) / rowsPerSecond - performance.now();
    // The open connection keeps the process alive, not this timer: nobody waits for it when the connection is gone.
    if (earlyMs > 0) await sleep(earlyMs, undefined, { ref: false });
    if (socket.writableNeedDrain) await drained(socket);
    if (!socket.writable) return;
    const line = `${JSON.stringify(row)}\n`;
    if (sent === dropEvery) {
      socket.end(line.slice(0, line.length / 2));
      return;
    }
    socket.write(line);
    sent++;
  }
  socket.end(`${JSON.stringify({ end: true })}\n`);
}

/** Until the client has read enough for more to be written, or is gone. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      socket.off("drain", settle).off("close", settle);
      resolve();
    };
    socket.on("drain", settle).on("close", settle);
    if (socket.destroyed) settle();
  });
}

function parseSubscription(line: string): Subscription | undefined {
  const value = parseJson(line);
  if (typeof value !== "object" || value === null || !("subscribe" in value)) return undefined;
  const { subscribe } = value;
  const after = "after" in value ? value.after : 0;
  if (typeof after !== "number" || !Array.isArray(subscribe)) return undefined;
  const symbols = subscribe.filter((symbol) => typeof symbol === "string");
  return symbols.length === subscribe.length ? { symbols: new Set(symbols), after } : undefined;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
