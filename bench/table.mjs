/**
 * Results as tables, for terminals and for Markdown: scenarios with few peers share one, a line each and a column for
 * each peer; one with many has a table of its own, a line for each peer.
 */
import { median } from "./scenario.mjs";

/** @import { Found } from "./scenarios.mjs" */

/**
 * @typedef {object} ScenarioResult
 * @property {Found} found
 * @property {Readonly<Record<string, readonly number[]>>} figures - by peer, one figure per sample
 * @property {Readonly<Record<string, string>>} failures - by peer, what went wrong; such a peer has no figures
 */

/** The one that is compared with the others. */
const OURS = "espalier";

/** @param {ScenarioResult} result */
export function summarise({ found, figures, failures }) {
  const { title, unit, limit = [], note, better = "less", notMeasured = {} } = found.scenario;
  const limits = typeof limit === "string" ? [limit] : limit;
  const ours = figures[OURS] === undefined ? undefined : median(figures[OURS]);
  const peers = Object.fromEntries(
    Object.entries(figures).map(([peer, samples]) => {
      const middle = median(samples);
      const cost = peer === OURS ? undefined : costRatio(better, ours, middle);
      return [peer, { median: middle, min: Math.min(...samples), max: Math.max(...samples), samples, cost }];
    }),
  );
  /** @type {(names: readonly string[]) => string | undefined} */
  const bestOf = (names) =>
    names.toSorted((a, b) => ((peers[a]?.median ?? 0) - (peers[b]?.median ?? 0)) * (better === "less" ? 1 : -1))[0];
  const measured = Object.keys(peers);
  const bestPeer = bestOf(measured.filter((peer) => peer !== OURS && !limits.includes(peer)));
  const byHand = bestOf(measured.filter((peer) => limits.includes(peer)));
  return {
    name: found.name,
    title,
    unit,
    better,
    note,
    peers,
    limits,
    bestPeer,
    limit: byHand,
    /** What we cost, in time or memory, for each that they cost: below 1 we are ahead. */
    toBestPeer: bestPeer === undefined ? undefined : peers[bestPeer]?.cost,
    toLimit: byHand === undefined ? undefined : peers[byHand]?.cost,
    notMeasured: { ...notMeasured, ...failures },
  };
}

/**
 * Undefined where one of the two was not measured, or is no amount to compare with, as heap that has shrunk.
 *
 * @param {"less" | "more"} better
 * @param {number | undefined} ours
 * @param {number} theirs
 */
function costRatio(better, ours, theirs) {
  if (ours === undefined || ours <= 0 || theirs <= 0) return undefined;
  return better === "less" ? ours / theirs : theirs / ours;
}

/** @typedef {ReturnType<typeof summarise>} Summary */

/** Columns of peers that still fit beside each other. */
const MAX_PEER_COLUMNS = 4;

/**
 * @param {readonly Summary[]} summaries
 * @param {boolean} markdown
 */
export function formatTables(summaries, markdown) {
  /** @type {(s: Summary) => boolean} */
  const isWide = (s) => Object.keys(s.peers).length > MAX_PEER_COLUMNS;
  const format = markdown ? markdownTable : plainTable;
  const short = summaries.filter((s) => !isWide(s));
  return [
    ...(short.length > 0 ? [shortTable(short, format)] : []),
    ...summaries.filter(isWide).map((s) => peerTable(s, format)),
    remarks(summaries)
      .map((line) => (markdown ? `- ${line}` : `  ${line}`))
      .join("\n"),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** @typedef {(head: readonly string[], rows: readonly (readonly string[])[]) => string} FormatTable */

/** @param {readonly Summary[]} summaries @param {FormatTable} format */
function shortTable(summaries, format) {
  const peers = [...new Set(summaries.flatMap((s) => Object.keys(s.peers)))];
  return format(
    ["scenario", "unit", ...peers, "to best peer", "to limit"],
    summaries.map((s) => [
      s.title,
      s.unit,
      ...peers.map((peer) => formatFigures(s.peers[peer])),
      formatRatio(s.toBestPeer),
      formatRatio(s.toLimit),
    ]),
  );
}

/** One scenario, the peers from best to worst. @param {Summary} s @param {FormatTable} format */
function peerTable(s, format) {
  const sorted = Object.entries(s.peers).sort(([, a], [, b]) => (a.median - b.median) * (s.better === "less" ? 1 : -1));
  /** @type {(peer: string) => string} */
  const role = (peer) => {
    if (peer === s.limit) return "the limit";
    if (s.limits.includes(peer)) return "by hand";
    return peer === s.bestPeer ? "best peer" : "";
  };
  return format(
    [s.title, "", s.unit, "min–max", "espalier costs"],
    sorted.map(([peer, { median, min, max, samples, cost }]) => [
      peer,
      role(peer),
      formatNumber(median),
      samples.length === 1 ? "–" : `${formatNumber(min)}–${formatNumber(max)}`,
      peer === OURS ? "" : formatRatio(cost),
    ]),
  );
}

/** What is to be said of several scenarios is said once. @param {readonly Summary[]} summaries */
function remarks(summaries) {
  /** @type {Map<string, string[]>} */
  const titles = new Map();
  for (const s of summaries) {
    const missing = Object.entries(s.notMeasured).map(([peer, why]) => `not measured: ${peer}, ${why}`);
    for (const remark of [...(s.note === undefined ? [] : [s.note]), ...missing]) {
      titles.set(remark, [...(titles.get(remark) ?? []), s.title]);
    }
  }
  return [...titles].map(([remark, about]) => `${about.join(", ")}: ${remark}`);
}

/** @param {Summary["peers"][string] | undefined} figures */
function formatFigures(figures) {
  if (figures === undefined) return "–";
  if (figures.samples.length === 1) return formatNumber(figures.median);
  return `${formatNumber(figures.median)} (${formatNumber(figures.min)}–${formatNumber(figures.max)})`;
}

/** @param {number | undefined} ratio */
function formatRatio(ratio) {
  return ratio === undefined ? "–" : `× ${formatNumber(ratio)}`;
}

/**
 * Three significant digits, and no exponent.
 *
 * @param {number} value
 */
function formatNumber(value) {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return Number(value.toPrecision(3)).toString();
}

/** @type {(head: readonly string[], rows: readonly (readonly string[])[]) => string} */
function markdownTable(head, rows) {
  /** @type {(cells: readonly string[]) => string} */
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i < 2 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

/** @type {(head: readonly string[], rows: readonly (readonly string[])[]) => string} */
function plainTable(head, rows) {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  return all
    .map((row) =>
      row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
    )
    .join("\n");
}
