/** The actors of a registry, for people who ask from a shell: `espalier ps`, `tree`, `call` and `cancel`. */
import { inspect } from "node:util";
import type { Operation } from "effection";
import { currentActor } from "../actor/actor.ts";
import { findActors } from "../actor/discovery.ts";
import { Finding } from "../actor/finding.ts";
import type { RegisteredActor } from "../actor/registered-actor.ts";
import { RegistrarAt } from "../actor/registrar-at.ts";
import { type ActorId, formatActorId } from "../actor-id.ts";
import { isCancelled } from "../errors/mod.ts";
import { functionName, remote } from "../rpc/function-name.ts";
import type { Portal } from "../rpc/portal.ts";
import type { Vitals } from "../rpc/vitals.ts";
import { openNursery } from "../sc/nursery.ts";
import { moveOnAfter } from "../sc/timeouts.ts";
import { CommandError, UsageError } from "./failure.ts";

/** For one actor to say how it does, in milliseconds; one that is stuck is listed without that. */
const VITALS_WITHIN_MS = 2_000;

export interface Seen extends RegisteredActor {
  /** Undefined where it could not be asked. */
  readonly vitals: Vitals | undefined;
}

/** Every actor of the registry, each asked how it does, all at once. */
export function* seeAll(registry: string): Operation<Seen[]> {
  const records = yield* findActors(undefined, { registryAddrs: [registry] });
  const vitals = new Map<RegisteredActor, Vitals>();
  yield* openNursery(function* (nursery) {
    for (const record of records) {
      nursery.startSoon(function* vitalsOf() {
        const found = yield* moveOnAfter(VITALS_WITHIN_MS, () => asked(registry, record));
        if (found !== undefined) vitals.set(record, found);
      });
    }
  });
  return records.map((record) => ({ ...record, vitals: vitals.get(record) }));
}

function* asked(registry: string, record: RegisteredActor): Operation<Vitals | undefined> {
  try {
    return yield* withPortal(registry, record, (portal) => portal.vitals());
  } catch (error) {
    if (isCancelled(error)) throw error;
    return undefined; // it has ended meanwhile, or is of another make: it is listed all the same
  }
}

/** @throws CommandError if it cannot be reached */
function* withPortal<T>(
  registry: string,
  record: RegisteredActor,
  body: (portal: Portal) => Operation<T>,
): Operation<T> {
  const actor = yield* currentActor();
  const finding = new Finding(actor, record.actor.name, new RegistrarAt(actor, registry), {}, false);
  const used = yield* finding.use(record, body);
  if (used !== undefined) return used.value;
  const why = finding.lastError instanceof Error ? finding.lastError.message : String(finding.lastError);
  throw new CommandError(`${formatActorId(record.actor)} cannot be reached: ${why}; the registrar has been told`);
}

/**
 * The one that is meant by `name`, or by `name@` and the beginning of its uuid, as `ps` shows it.
 *
 * @throws CommandError if there is none, or if there are several
 */
function* theOne(registry: string, wanted: string): Operation<RegisteredActor> {
  const [name = "", uuid = ""] = wanted.split("@");
  const named = yield* findActors(name, { registryAddrs: [registry] });
  const found = named.filter(({ actor }) => actor.uuid.startsWith(uuid));
  const [one, ...others] = found;
  if (one === undefined) throw new CommandError(`no actor "${wanted}" is registered at ${registry}`);
  if (others.length === 0) return one;
  const list = found.map(({ actor }) => formatActorId(actor)).join(", ");
  throw new CommandError(`${found.length} actors are called "${wanted}": say which one (${list})`);
}

/** @throws CommandError; what the function throws */
export function* call(registry: string, wanted: string, what: string, args: unknown): Operation<unknown> {
  const colon = what.lastIndexOf(":");
  if (colon <= 0 || colon === what.length - 1) {
    throw new UsageError(`call takes <module>:<function>, as the actor exposes it, got "${what}"`);
  }
  const { ns, func } = functionName(what.slice(0, colon), what.slice(colon + 1));
  const functions = remote<Record<string, (args: unknown) => Operation<unknown>>>(ns);
  const reference = functions[func];
  if (reference === undefined) throw new UsageError(`"${func}" is no name of a function`);
  const record = yield* theOne(registry, wanted);
  return yield* withPortal(registry, record, (portal) => portal.run(reference, args));
}

/** Cancel the actor. Its acknowledgement is waited for. */
export function* cancel(registry: string, wanted: string, reason: string): Operation<ActorId> {
  const record = yield* theOne(registry, wanted);
  yield* withPortal(registry, record, (portal) => portal.cancelActor({ reason, raiseOnTimeout: true }));
  return record.actor;
}

// --------------------------------------------------------------------------------------------------------- as text

const HEADINGS = ["ACTOR", "PID", "UPTIME", "DIALOGS", "MEMORY", "ADDRESS"];

export function asTable(actors: readonly Seen[]): string {
  const rows = actors.map((actor) => [formatActorId(actor.actor), ...details(actor), actor.addresses[0] ?? "-"]);
  const widths = HEADINGS.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return [HEADINGS, ...rows].map(line).join("\n");
}

/** Each below its parent; one whose parent is not registered stands at the left. */
export function asTree(actors: readonly Seen[]): string {
  const uuids = new Set(actors.map(({ actor }) => actor.uuid));
  const parentOf = ({ path }: Seen) => path.findLast(({ uuid }) => uuids.has(uuid))?.uuid;
  const lines: string[] = [];
  const add = (parent: string | undefined, indent: string): void => {
    const children = actors.filter((actor) => parentOf(actor) === parent);
    for (const [i, child] of children.entries()) {
      const isLast = i === children.length - 1;
      const [branch, below] = parent === undefined ? ["", ""] : isLast ? ["└─ ", "   "] : ["├─ ", "│  "];
      const [pid, uptime, , memory] = details(child);
      lines.push(`${indent}${branch}${formatActorId(child.actor)}  pid ${pid}, up ${uptime}, ${memory}`);
      add(child.actor.uuid, `${indent}${below}`);
    }
  };
  add(undefined, "");
  return lines.join("\n");
}

function details({ pid, vitals }: Seen): [pid: string, uptime: string, dialogs: string, memory: string] {
  const known = pid === undefined ? "-" : String(pid);
  if (vitals === undefined) return [known, "-", "-", "-"];
  return [known, duration(vitals.uptimeMs), String(vitals.dialogs), `${(vitals.rssBytes / 2 ** 20).toFixed(0)} MiB`];
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days}d${hours}h`;
  if (hours > 0) return `${hours}h${minutes}m`;
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}

/** As `ps --json` has it: one object an actor. */
export function asData(actors: readonly Seen[]): unknown {
  return actors.map(({ actor, pid, addresses, path, holdsName, vitals }) => ({
    name: actor.name,
    uuid: actor.uuid,
    pid: pid ?? null,
    addresses,
    path: path.map(formatActorId),
    holdsName,
    vitals: vitals ?? null,
  }));
}

export function asText(value: unknown): string {
  return typeof value === "string" ? value : inspect(value, { depth: null, maxArrayLength: null, breakLength: 100 });
}
