/**
 * The main job: `npm start`. A tick server, the `feed` actor that tames its legacy client, the `stats` actor that does
 * arithmetic, and this root, which shows what comes and sums it up. Three processes besides this one, and none of them
 * is there when it has ended, however it ends.
 *
 * `npm start -- [--crash] [--pace 1500]`: let the client fail half-way; ticks per second, 0 for as fast as they go.
 */
import { parseArgs } from "node:util";
import type { Operation } from "effection";
import { all, each, openActorNursery, openMemoryChannel, openNursery, type Portal, runMain } from "espalier";
import { windows } from "./feed.ts";
import { bootstrap, type Interval } from "./stats.ts";
import { formatSummary, type MarketSummary, Summarizer } from "./summary.ts";
import { LiveTable } from "./table.ts";
import { withTickServer } from "./use-tick-server.ts";
import type { Window } from "./window.ts";

const SYMBOLS = ["ASH", "BEECH", "LARCH", "OAK", "YEW"];
const WINDOW_SIZE = 20;
/** The client of `--crash` gives up after so many ticks: half of the recording. */
const CRASH_AFTER = 2_000;

runMain(import.meta, function* () {
  const { values } = parseArgs({ options: { crash: { type: "boolean" }, pace: { type: "string", default: "1500" } } });
  const pace = Number(values.pace);
  if (!(pace >= 0)) throw new RangeError(`--pace must be a number of ticks per second >= 0, got ${values.pace}`);
  const serverArgs = pace === 0 ? [] : ["--rows-per-second", String(pace)];
  const summary = yield* withTickServer(serverArgs, (port) =>
    watchMarket(port, values.crash ? CRASH_AFTER : undefined),
  );
  console.log(`\n${formatSummary(summary)}`);
});

/** Everything that is known of the market when the recording is over. */
function* watchMarket(port: number, failAfter: number | undefined): Operation<MarketSummary> {
  return yield* openActorNursery(function* (an) {
    console.log(`the tick server listens on port ${port}; starting the actors feed and stats`);
    const [feed, stats] = yield* all([
      an.startActor("feed", { enableModules: [import.meta.resolve("./feed.ts")] }),
      an.startActor("stats", { enableModules: [import.meta.resolve("./stats.ts")] }),
    ]);
    const market = new Market(process.stdout);
    try {
      yield* feed.openContext(windows, { port, symbols: SYMBOLS, windowSize: WINDOW_SIZE, failAfter }, function* (ctx) {
        yield* openNursery(function* (n) {
          // A slow estimate must not hold up the feed for longer than a few windows.
          const [toEstimate, received] = openMemoryChannel<Window>(8);
          n.startSoon(function* estimates() {
            for (const window of yield* each(received)) {
              market.estimated(window.symbol, yield* estimate(stats, window));
              yield* each.next();
            }
          });
          yield* ctx.openStream(function* (stream) {
            for (const window of yield* each(stream)) {
              market.took(window);
              yield* toEstimate.send(window);
              yield* each.next();
            }
          });
          toEstimate.close();
        });
      });
    } finally {
      market.end();
    }
    yield* feed.cancelActor();
    yield* stats.cancelActor();
    return market.summary();
  });
}

function* estimate(stats: Portal, window: Window): Operation<Interval> {
  const prices = window.ticks.map((tick) => tick.price);
  return yield* stats.run(bootstrap, { values: prices, seed: window.ticks[0]?.seq ?? 0 });
}

/** What the root knows, and shows. */
class Market {
  readonly #summarizer = new Summarizer();
  readonly #table: LiveTable;
  readonly #rows = new Map<string, { ticks: number; last: string; range: string; mean: string }>();

  constructor(output: ConstructorParameters<typeof LiveTable>[0]) {
    this.#table = new LiveTable(output, ["symbol", "ticks", "last", "window", "mean, 95 %"]);
  }

  took(window: Window): void {
    for (const tick of window.ticks) this.#summarizer.add(tick);
    const before = this.#rows.get(window.symbol);
    this.#rows.set(window.symbol, {
      ticks: (before?.ticks ?? 0) + window.ticks.length,
      last: window.close.toFixed(2),
      range: `${window.low.toFixed(2)}–${window.high.toFixed(2)}`,
      mean: before?.mean ?? "",
    });
    this.#show();
  }

  estimated(symbol: string, { low, high }: Interval): void {
    const row = this.#rows.get(symbol);
    if (row !== undefined) row.mean = `${low.toFixed(2)}–${high.toFixed(2)}`;
    this.#show();
  }

  summary(): MarketSummary {
    return this.#summarizer.summary();
  }

  end(): void {
    this.#table.end();
  }

  #show(): void {
    const rows = [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1));
    this.#table.show(rows.map(([symbol, row]) => [symbol, String(row.ticks), row.last, row.range, row.mean]));
  }
}
