/**
 * Several errors that happened at once, kept apart and kept whole: Python's `ExceptionGroup` on JavaScript's
 * `AggregateError`. All walks are iterative: groups nest as deep as nurseries do, and that must not overflow the stack.
 */
import { inspect } from "node:util";
import { isCancelled } from "./errors/mod.ts";
import { foldFrames } from "./stack-frames.ts";

/** A test of one leaf error, by predicate or by class. */
export type ErrorMatcher<E = unknown> = ((error: unknown) => boolean) | (abstract new (...args: never[]) => E);

/** What a nursery raises when children failed; always a group, also for one error. */
export class ExceptionGroup extends AggregateError {
  override readonly name = "ExceptionGroup";
  declare errors: unknown[];
  #holdsCancelled: boolean | undefined;

  /**
   * @param errors - at least one; each may itself be a group
   * @throws RangeError if `errors` is empty
   */
  constructor(message: string, errors: readonly unknown[], options?: ErrorOptions) {
    if (errors.length === 0) throw new RangeError("an ExceptionGroup holds at least one error, got none");
    super(errors, message, options);
  }

  /** A group of other errors with this one's message, stack and cause; a subclass overrides it to stay itself. */
  derive(errors: readonly unknown[]): ExceptionGroup {
    return new ExceptionGroup(this.message, errors);
  }

  /**
   * Part the leaves that match from those that do not. Both halves keep the nesting; a half without leaves is `null`,
   * a half with all of them is this very group.
   */
  split(match: ErrorMatcher): [ExceptionGroup | null, ExceptionGroup | null] {
    return splitGroup(this, toPredicate(match));
  }

  /** The matching half of `split`. */
  subgroup(match: ErrorMatcher): ExceptionGroup | null {
    return this.split(match)[0];
  }

  /** Every leaf, in order, however deep. */
  leaves(): unknown[] {
    const out: unknown[] = [];
    const work: unknown[] = [this];
    while (work.length > 0) {
      const error = work.pop();
      if (!(error instanceof ExceptionGroup)) out.push(error);
      else for (let i = error.errors.length - 1; i >= 0; i--) work.push(error.errors[i]);
    }
    return out;
  }

  /** Whether any leaf is a `Cancelled`. Cached in every group below, so that scopes ask cheaply on the way out. */
  get holdsCancelled(): boolean {
    if (this.#holdsCancelled === undefined) {
      // Only what no group on the way has asked before: nurseries ask at each level, and together walk each once.
      for (const group of groupsBottomUp(this, (inner) => inner.#holdsCancelled === undefined)) {
        group.#holdsCancelled ??= group.errors.some((e) =>
          e instanceof ExceptionGroup ? (e.#holdsCancelled ?? false) : isCancelled(e),
        );
      }
    }
    return this.#holdsCancelled ?? false;
  }

  [inspect.custom](_depth: number, options: import("node:util").InspectOptions, print: typeof inspect): string {
    return foldFrames(formatGroup(this, (error) => print(error, options)));
  }
}

/** Call `handle` with the matching part of a caught error; throw again what did not match. `except*` as a function. */
export function catchGroup(error: unknown, match: ErrorMatcher, handle: (matched: ExceptionGroup) => void): void {
  if (!(error instanceof ExceptionGroup)) {
    if (!toPredicate(match)(error)) throw error;
    return handle(new ExceptionGroup("caught", [error]));
  }
  const [matched, rest] = error.split(match);
  if (matched !== null) handle(matched);
  if (rest !== null) throw rest;
}

function toPredicate(match: ErrorMatcher): (error: unknown) => boolean {
  return isErrorClass(match) ? (error) => error instanceof match : match;
}

function isErrorClass(match: ErrorMatcher): match is abstract new (...args: never[]) => unknown {
  return match === Error || match.prototype instanceof Error;
}

/** `root` and the groups under it that `descend` lets in, itself last: every group comes after those it holds. */
function groupsBottomUp(
  root: ExceptionGroup,
  descend: (inner: ExceptionGroup) => boolean = () => true,
): ExceptionGroup[] {
  const seen: ExceptionGroup[] = [];
  const work: ExceptionGroup[] = [root];
  for (let group = work.pop(); group !== undefined; group = work.pop()) {
    seen.push(group);
    for (const e of group.errors) if (e instanceof ExceptionGroup && descend(e)) work.push(e);
  }
  return seen.reverse();
}

type Halves = [matched: ExceptionGroup | null, rest: ExceptionGroup | null];

function splitGroup(root: ExceptionGroup, match: (error: unknown) => boolean): Halves {
  const done = new Map<ExceptionGroup, Halves>();
  const halvesOf = (group: ExceptionGroup): Halves => {
    const yes: unknown[] = [];
    const no: unknown[] = [];
    for (const e of group.errors) {
      if (e instanceof ExceptionGroup) {
        const [y, n] = done.get(e) ?? [null, e];
        if (y !== null) yes.push(y);
        if (n !== null) no.push(n);
      } else (match(e) ? yes : no).push(e);
    }
    if (no.length === 0) return [group, null];
    if (yes.length === 0) return [null, group];
    return [deriveFrom(group, yes), deriveFrom(group, no)];
  };
  // What is known to hold no Cancelled goes over whole: scopes split at each level, and together walk each group once.
  const descend = match === isCancelled ? (inner: ExceptionGroup) => inner.holdsCancelled : undefined;
  for (const group of groupsBottomUp(root, descend)) done.set(group, halvesOf(group));
  return done.get(root) ?? [null, null];
}

function deriveFrom(group: ExceptionGroup, errors: readonly unknown[]): ExceptionGroup {
  const part = group.derive(errors);
  if (group.stack !== undefined) part.stack = group.stack;
  if (group.cause !== undefined) part.cause = group.cause;
  return part;
}

/** Leaves shown of one group; the rest is counted. */
const MAX_SHOWN = 15;

/** A tree: one numbered box per error; equal errors (a mass cancellation) are shown once with their count. */
function formatGroup(root: ExceptionGroup, print: (error: unknown) => string): string {
  const lines: string[] = [];
  type Row = { depth: number; label: string; error: unknown };
  const work: Row[] = [{ depth: 0, label: "", error: root }];
  for (let row = work.pop(); row !== undefined; row = work.pop()) {
    const bar = "  | ".repeat(row.depth);
    const { error } = row;
    const push = (text: string) => {
      for (const line of text.split("\n")) lines.push(bar + line);
    };
    if (!(error instanceof ExceptionGroup)) {
      push(`${row.label}${print(error)}`);
      continue;
    }
    const head = String(error);
    const count = `${error.errors.length} sub-error${error.errors.length === 1 ? "" : "s"}`;
    push(`${row.label}${head} (${count})${error.stack?.startsWith(head) ? error.stack.slice(head.length) : ""}`);
    const counts = new Map<unknown, number>();
    for (const e of error.errors) counts.set(e, (counts.get(e) ?? 0) + 1);
    const shown = [...counts].slice(0, MAX_SHOWN);
    const rows = shown.map(([e, n], i): Row => {
      const label = `+-- ${i + 1}${n > 1 ? ` (${n} times)` : ""}: `;
      return { depth: row.depth + 1, label, error: e };
    });
    if (counts.size > shown.length) {
      rows.push({ depth: row.depth + 1, label: "+-- ", error: new Omitted(counts.size - shown.length) });
    }
    work.push(...rows.reverse());
  }
  return lines.join("\n");
}

class Omitted {
  readonly #count: number;
  constructor(count: number) {
    this.#count = count;
  }
  [inspect.custom](): string {
    return `… and ${this.#count} more`;
  }
}
