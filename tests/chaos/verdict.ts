/**
 * The model: what may be seen of the faults of a round, by whom, and what must be. It is generous where faults overlap,
 * strict where there was one, and knows no excuse where there was none.
 */
import { allActors, type FaultKind, isWithin, parentOf } from "./plan.ts";
import type { RoundEnd } from "./round.ts";
import type { Entry, SeenError } from "./round-log.ts";

type FaultDone = Extract<Entry, { what: "fault" }>;
type Outcome = Extract<Entry, { what: "outcome" }>;

const DEAD = ["ActorDied", "ActorSpawnError"];
const DEATH = [...DEAD, "TransportClosed"];
const CUT = [...DEATH, "ActorTooSlowError"];

/** Errors that may name an actor to which that was done. */
const RAISES: Readonly<Record<FaultKind, readonly string[]>> = {
  SIGKILL: DEATH,
  // It unwinds; `Error`: it takes no more requests.
  SIGTERM: [...DEATH, "ContextCancelled", "Error"],
  SIGINT: DEATH,
  // Who does not answer is killed for it, and whoever had not waited that long is told of a lost connection.
  pause: ["ActorTooSlowError", "TransportClosed"],
  exit: DEATH,
  throw: ["Mischief", "ActorSpawnError"],
  uncaught: DEATH,
  reject: DEATH,
  block: ["ActorTooSlowError", "TransportClosed"],
  flood: [],
  "cut own end": CUT,
  "half-close own end": CUT,
  "garbage up": CUT,
  "cut parent's end": CUT,
  "half-close parent's end": CUT,
  "garbage down": CUT,
  "delay own end": ["ActorTooSlowError", "TransportClosed"],
  "delay parent's end": ["ActorTooSlowError", "TransportClosed"],
  // It is started anew, and nobody is told.
  "kill guard": [],
};

/** Of these the parent has to hear. Garbage may be the beginning of a frame, of which there is nothing to say yet. */
const MUST_BE_SEEN = new Set<FaultKind>([
  "SIGKILL",
  "SIGTERM",
  "exit",
  "throw",
  "uncaught",
  "reject",
  "cut own end",
  "half-close own end",
  "cut parent's end",
  "half-close parent's end",
]);
/** Of these it has to hear as of a death, with the cause. */
const KILLS: Readonly<Partial<Record<FaultKind, RegExp>>> = {
  SIGKILL: /SIGKILL/,
  uncaught: /Mischief/,
  reject: /Mischief/,
};

/** These print: the host tells of an uncaught error, the module loader of one at import. */
const PRINTS = new Set<FaultKind>(["uncaught", "reject", "flood"]);
const DELAYS = new Set<FaultKind>(["pause", "block"]);

/** How the program of a root ends to which that was done; 0 if it had ended already. What is not here is `exit`. */
const STATUS: Readonly<Partial<Record<FaultKind, readonly (number | string)[]>>> = {
  SIGKILL: ["SIGKILL", 0],
  SIGTERM: ["SIGTERM", 143, 0],
  SIGINT: ["SIGINT", 130, 0],
  uncaught: [1, 0],
  pause: [0],
  block: [0],
  "kill guard": [0],
};

/** A fault this close to the end of an actor may be too late for it, in milliseconds. */
const MARGIN_MS = 500;

/** What is wrong with the round; nothing, if all is well. */
export function judge(end: RoundEnd): string[] {
  const faults = end.entries.filter((entry) => entry.what === "fault");
  const outcomes = end.entries.filter((entry) => entry.what === "outcome");
  return [
    ...(end.hung ? ["the round did not end"] : []),
    ...end.survivors.map(({ pid, commandLine }) => `process ${pid} was left: ${commandLine}`),
    ...end.sockets.map((path) => `socket ${path} was left`),
    ...outcomes.flatMap((outcome) => unexplained(outcome, faults)),
    ...outcomes.flatMap((outcome) => wronglyCancelled(outcome, end, faults)),
    ...missingOutcomes(end.entries, outcomes, faults),
    ...unseen(end, outcomes, faults),
    ...wrongStatus(end, faults),
    ...printed(end.stderr, faults),
  ];
}

function unexplained({ name, errors }: Outcome, faults: readonly FaultDone[]): string[] {
  return errors
    .filter((error) => !isExplained(error, name, faults))
    .map(({ type, actor, message }) => `${name} saw an unexplained ${type} of ${actor}: ${message}`);
}

function wronglyCancelled({ name, cancelled }: Outcome, { plan }: RoundEnd, faults: readonly FaultDone[]): string[] {
  const isPlanned = plan.ending === "cancel" && name !== plan.root.name;
  return cancelled && !isPlanned && faults.length === 0
    ? [`${name} was cancelled, and nothing was done to anybody`]
    : [];
}

function isExplained({ type, actor }: SeenError, observer: string, faults: readonly FaultDone[]): boolean {
  if (actor === undefined || actor === observer || !isWithin(actor, observer)) return false;
  return faults.some(({ kind, target }) => {
    if (target === actor) return RAISES[kind].includes(type);
    // A parent whose thread stood still finds that its time has passed, whoever was to answer.
    return type === "ActorTooSlowError" && DELAYS.has(kind) && target === parentOf(actor);
  });
}

/** What the tree says on stderr: nothing, but for the log of what was done to it. */
function printed(stderr: string, faults: readonly FaultDone[]): string[] {
  if (faults.some(({ kind }) => PRINTS.has(kind))) return [];
  const lines = stderr.split("\n").filter((line) => line !== "" && !(faults.length > 0 && isLogRecord(line)));
  return lines.length === 0 ? [] : [`stderr has\n${lines.join("\n")}`];
}

function isLogRecord(line: string): boolean {
  return line.startsWith('{"time":') && line.includes('"event":');
}

/** An actor that worked, and that nobody touched, says how its children came out. */
function missingOutcomes(
  entries: readonly Entry[],
  outcomes: readonly Outcome[],
  faults: readonly FaultDone[],
): string[] {
  return entries
    .flatMap((entry) => (entry.what === "working" ? [entry] : []))
    .filter(({ name }) => !faults.some(({ target }) => isWithin(name, target) || isWithin(target, name)))
    .filter(({ name }) => !outcomes.some((outcome) => outcome.name === name))
    .map(({ name }) => `${name} ended without saying how`);
}

/** With one fault in all there is no doubt who has to hear of it: the parent, and those to whom it is passed on. */
function unseen({ entries, plan }: RoundEnd, outcomes: readonly Outcome[], faults: readonly FaultDone[]): string[] {
  const [fault] = faults;
  if (fault === undefined || faults.length > 1 || !MUST_BE_SEEN.has(fault.kind)) return [];
  const { kind, target, at } = fault;
  const containing = new Set(allActors(plan.root).flatMap(({ name, contains }) => (contains ? [name] : [])));
  for (let name = parentOf(target); name !== undefined; name = containing.has(name) ? undefined : parentOf(name)) {
    const ending = entries.find((entry) => entry.what === "ending" && isWithin(target, entry.name));
    if (ending !== undefined && ending.at - at < MARGIN_MS) return [];
    const errors = outcomes.find((outcome) => outcome.name === name)?.errors ?? [];
    const about = errors.filter((error) => error.actor === target && RAISES[kind].includes(error.type));
    if (about.length === 0) return [`${name} did not hear of the ${kind} of ${target}`];
    const why = KILLS[kind];
    if (why !== undefined && !about.some(({ type, message }) => DEAD.includes(type) && why.test(message))) {
      return [`${name} heard of the ${kind} of ${target}, but not that it died, or of what`];
    }
  }
  return [];
}

function wrongStatus({ plan, code, signal }: RoundEnd, faults: readonly FaultDone[]): string[] {
  const atRoot = faults.filter(({ target }) => target === plan.root.name);
  if (atRoot.length > 1) return [];
  const kind = atRoot[0]?.kind;
  const detail = plan.faults.find((fault) => fault.target === plan.root.name && fault.kind === kind)?.detail ?? 0;
  const allowed = kind === undefined ? [0] : (STATUS[kind] ?? [0, detail % 4]);
  const status = signal ?? code ?? "none";
  return allowed.includes(status) ? [] : [`the root ended with ${status}, not ${allowed.join(" or ")}`];
}
