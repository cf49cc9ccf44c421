/**
 * The `feed` actor. The legacy client runs here as it is; around it stand a channel that can cancel it, an observable
 * with real operators, and a context whose stream carries the windows to whoever opens it, at the reader's own pace.
 */
import { type Context, context, each } from "espalier";
import { Backpressure, fromObservable, toObservable } from "espalier/interop";
import { openChannelFrom, type PromiseChannel } from "espalier/to_promise";
import { bufferCount, groupBy, map, mergeMap } from "rxjs";
import type { Tick } from "./tick.ts";
import { TickClient } from "./tick-client.ts";
import { type Window, windowOf } from "./window.ts";

interface Windows {
  /** The symbols that are asked for, once the client is connected. */
  started: readonly string[];
  send: Window;
}

export interface WindowsArgs {
  readonly port: number;
  readonly symbols: readonly string[];
  /** Ticks to a window; the last one of a symbol may hold fewer. */
  readonly windowSize: number;
  /** Let the client fail after so many ticks. */
  readonly failAfter?: number | undefined;
}

/** Per symbol, windows of so many ticks, in order, as they become full; ends with the recording. */
export const windows = context(function* (
  ctx: Context<Windows>,
  { port, symbols, windowSize, failAfter }: WindowsArgs,
) {
  yield* openChannelFrom(follow, { port, symbols, failAfter }, function* (ticks, subscribed) {
    yield* ctx.started(subscribed);
    const pressure = new Backpressure();
    const windows$ = toObservable(ticks, { pressure }).pipe(
      groupBy((tick) => tick.symbol),
      mergeMap((ofSymbol) => ofSymbol.pipe(bufferCount(windowSize), map(windowOf))),
    );
    yield* ctx.openStream(function* (stream) {
      const full = yield* fromObservable(windows$, { capacity: 16, pressure });
      for (const window of yield* each(full)) {
        yield* stream.send(window);
        yield* each.next();
      }
    });
  });
});

interface Ticks {
  started: readonly string[];
  send: Tick;
}

/** The client's side: Promise code, in the manner of its kind. It is told to end by `chan.signal`, and waited for. */
async function follow(
  { port, symbols, failAfter }: Omit<WindowsArgs, "windowSize">,
  chan: PromiseChannel<Ticks>,
): Promise<void> {
  const client = new TickClient({ port, ...(failAfter !== undefined && { failAfter }) });
  const over = new Promise<void>((resolve, reject) => {
    client.on("end", resolve).on("error", reject);
    chan.signal.addEventListener("abort", () => reject(chan.signal.reason), { once: true });
  });
  over.catch(() => {}); // it may come while we are still connecting, and is awaited below
  client.on("tick", (tick) => {
    if (chan.trySend(tick)) return;
    client.pause();
    chan.send(tick).then(
      () => client.resume(),
      () => {},
    );
  });
  try {
    await client.connect();
    chan.started(symbols); // before the first tick can come
    await client.subscribe(symbols);
    await over;
  } finally {
    await client.close();
  }
}
