/**
 * Makes the recording: `node --import tsx examples/market_feed/data/generate.ts > examples/market_feed/data/ticks.ndjson`
 *
 * Five made-up symbols, each on a geometric random walk (every trade multiplies the price by 1 + volatility * z, where
 * z is nearly normal), trades some hundred milliseconds apart. The generator is seeded and uses only operations whose
 * results IEEE 754 fixes (no `exp`, `log`, `cos`), so every machine makes the same bytes.
 */
import { pathToFileURL } from "node:url";
import type { Tick } from "../tick.ts";
import { seededRandom } from "../random.ts";

export const SEED = 20_240_229;
export const ROWS = 4_000;
/** 2024-02-29, 09:00 UTC. */
const OPENS_AT = 1_709_197_200_000;
const LONGEST_PAUSE_MS = 240;
const LARGEST_SIZE = 400;

/** Where each symbol opens, how much it moves per trade, and its share of the trades. */
const SYMBOLS = [
  { symbol: "ASH", opensAt: 42.5, volatility: 0.0011, share: 0.3 },
  { symbol: "BEECH", opensAt: 118.2, volatility: 0.0007, share: 0.25 },
  { symbol: "LARCH", opensAt: 9.84, volatility: 0.0019, share: 0.2 },
  { symbol: "OAK", opensAt: 271.0, volatility: 0.0005, share: 0.15 },
  { symbol: "YEW", opensAt: 63.75, volatility: 0.0014, share: 0.1 },
] as const;

/** The recording's text for a seed: `rows` lines of JSON. */
export function generateTicks(seed = SEED, rows = ROWS): string {
  const random = seededRandom(seed);
  const exactPrices = new Map<string, number>(SYMBOLS.map(({ symbol, opensAt }) => [symbol, opensAt]));
  let at = OPENS_AT;
  let text = "";
  for (let seq = 1; seq <= rows; seq++) {
    at += Math.floor(random() * LONGEST_PAUSE_MS);
    const { symbol, opensAt, volatility } = pick(random());
    const exact = (exactPrices.get(symbol) ?? opensAt) * (1 + volatility * nearlyNormal(random));
    exactPrices.set(symbol, exact);
    // Small trades are the common ones.
    const size = 1 + Math.floor(random() * random() * LARGEST_SIZE);
    const tick: Tick = { seq, at, symbol, price: Math.round(exact * 100) / 100, size };
    text += `${JSON.stringify(tick)}\n`;
  }
  return text;
}

function pick(chance: number): (typeof SYMBOLS)[number] {
  let sum = 0;
  for (const symbol of SYMBOLS) {
    sum += symbol.share;
    if (sum > chance) return symbol;
  }
  return SYMBOLS[0];
}

/** Twelve uniform numbers added up have variance 1. */
function nearlyNormal(random: () => number): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random();
  return sum;
}


if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.stdout.write(generateTicks());
