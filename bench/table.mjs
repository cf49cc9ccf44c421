/** Results as a table, for terminals and for Markdown. */
import { median } from "./scenario.mjs";

/** @import { Found } from "./scenarios.mjs" */

/**
 * @typedef {object} ScenarioResult
 * @property {Found} found
 * @property {Readonly<Record<string, readonly number[]>>} figures - by peer, one figure per sample
 */

/** The one that is compared with the others. */
const OURS = "espalier";

/** @param {ScenarioResult} result */
export function summarise({ found, figures }) {
  const { title, unit, limit, note } = found.scenario;
  const peers = Object.fromEntries(
    Object.entries(figures).map(([peer, samples]) => [
      peer,
      { median: median(samples), min: Math.min(...samples), max: Math.max(...samples), samples },
    ]),
  );
  const ours = peers[OURS]?.median;
  const best = Object.entries(peers)
    .filter(([peer]) => peer !== OURS && peer !== limit)
    .sort(([, a], [, b]) => a.median - b.median)[0];
  const byHand = limit === undefined ? undefined : peers[limit]?.median;
  return {
    name: found.name,
    title,
    unit,
    note,
    peers,
    bestPeer: best?.[0],
    /** Ours through theirs: below 1 we are ahead. */
    toBestPeer: ratio(ours, best?.[1].median),
    toLimit: ratio(ours, byHand),
  };
}

/**
 * Undefined where one of the two was not measured, or is no amount to compare with, as heap that has shrunk.
 *
 * @param {number | undefined} ours
 * @param {number | undefined} theirs
 */
function ratio(ours, theirs) {
  return ours === undefined || theirs === undefined || ours <= 0 || theirs <= 0 ? undefined : ours / theirs;
}

/** @typedef {ReturnType<typeof summarise>} Summary */

/**
 * @param {readonly Summary[]} summaries
 * @param {boolean} markdown
 */
export function formatTable(summaries, markdown) {
  const peers = [...new Set(summaries.flatMap((s) => Object.keys(s.peers)))];
  const head = ["scenario", "unit", ...peers, "to best peer", "to limit"];
  const rows = summaries.map((s) => [
    s.title,
    s.unit,
    ...peers.map((peer) => formatFigures(s.peers[peer])),
    formatRatio(s.toBestPeer),
    formatRatio(s.toLimit),
  ]);
  const notes = summaries.filter((s) => s.note !== undefined).map((s) => `${s.title}: ${s.note}`);
  const table = markdown ? markdownTable(head, rows) : plainTable(head, rows);
  return [table, ...notes.map((note) => (markdown ? `- ${note}` : `  ${note}`))].join("\n");
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
