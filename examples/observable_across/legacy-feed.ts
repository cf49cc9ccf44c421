/** A feed as RxJS programs have them: hot, never late, and with no idea of who listens. It knows nothing of espalier. */
import { filter, map, type Observable, scan, share, timer } from "rxjs";

export interface Tick {
  readonly id: number;
  readonly symbol: string;
  readonly price: number;
}

const SYMBOLS = ["BTC", "ETH", "SOL"] as const;

/** One tick a millisecond, of all symbols in turn; the same ones each time it is started. */
const allTicks$: Observable<Tick> = timer(0, 1).pipe(
  scan((seed) => (seed * 1_103_515_245 + 12_345) % 2_147_483_648, 7),
  map((seed, id) => ({ id, symbol: SYMBOLS[id % SYMBOLS.length] ?? "BTC", price: 100 + (seed % 1_000) / 100 })),
  share(),
);

export const ticks$ = (symbol: string): Observable<Tick> => allTicks$.pipe(filter((tick) => tick.symbol === symbol));
