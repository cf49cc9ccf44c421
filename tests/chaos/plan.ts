/**
 * What a round of chaos does, decided by its seed alone: a tree of actors, the dialogs that each has with its parent, and
 * what is done to whom, and when. The moments are milliseconds after an event, so a replay hits about the same spot.
 */
import { seededRandom } from "../support/simulated-link.ts";

/** Something that a parent does with a child until the round is over, or until one of the two is gone. */
export interface DialogPlan {
  readonly kind: (typeof DIALOGS)[number];
  /** Between two of its steps on the parent's side; 0 for as fast as it goes. */
  readonly gapMs: number;
  /** Items that the reading side takes ahead. */
  readonly capacity: number;
}

export interface ActorPlan {
  readonly name: string;
  /** Until its parent starts it, from when that has begun its own work. */
  readonly delayMs: number;
  /** Whether it keeps the failures of its children to itself, and goes on without them. */
  readonly contains: boolean;
  readonly dialogs: readonly DialogPlan[];
  readonly children: readonly ActorPlan[];
}

/** Events in the life of an actor that a fault may follow. */
export type Stage = "spawning" | "importing" | "working" | "ending";

export interface Fault {
  readonly kind: FaultKind;
  readonly target: string;
  readonly after: { readonly stage: Stage; readonly name: string };
  readonly delayMs: number;
  /** For whatever of the fault is left to chance: bytes, exit status, milliseconds. */
  readonly detail: number;
}

export interface Plan {
  readonly seed: number;
  readonly root: ActorPlan;
  /** Whether the root does not wait until the tree is up, or fails to come up. */
  readonly hurried: boolean;
  /** From then until the root ends the tree. */
  readonly workMs: number;
  /** Whether the root ends the tree by leaving all dialogs in good order, or by cancelling its nursery. */
  readonly ending: "leave" | "cancel";
  readonly faults: readonly Fault[];
}

const DIALOGS = ["calls", "echo", "download", "upload", "producer", "subscribers"] as const;

/** Done by whoever runs the round, to a pid. */
export const OUTSIDE = ["SIGKILL", "SIGTERM", "SIGINT", "pause", "kill guard"] as const;
/** Done by the target to itself, at any stage it lives to see. */
const INSIDE = [
  "exit",
  "throw",
  "uncaught",
  "reject",
  "block",
  "flood",
  "cut own end",
  "half-close own end",
  "delay own end",
  "garbage up",
] as const;
/** Done by the target's parent to the link between the two. */
const PARENT = ["cut parent's end", "half-close parent's end", "delay parent's end", "garbage down"] as const;

export type OutsideKind = (typeof OUTSIDE)[number];
export type InsideKind = (typeof INSIDE)[number];
export type ParentKind = (typeof PARENT)[number];
export type FaultKind = OutsideKind | InsideKind | ParentKind;

export const isOutside = (kind: FaultKind): kind is OutsideKind => OUTSIDE.some((k) => k === kind);
export const isInside = (kind: FaultKind): kind is InsideKind => INSIDE.some((k) => k === kind);
export const isParents = (kind: FaultKind): kind is ParentKind => PARENT.some((k) => k === kind);

/** The root has no link; what it throws is its program's own failure. */
const AT_ROOT: readonly FaultKind[] = [
  "SIGKILL",
  "SIGKILL",
  "SIGTERM",
  "SIGINT",
  "pause",
  "exit",
  "uncaught",
  "block",
  "kill guard",
];
/** Children ignore SIGINT. Kills weigh more, as there are more moments that matter. */
const BELOW: readonly FaultKind[] = [
  "SIGKILL",
  "SIGKILL",
  "SIGKILL",
  "SIGTERM",
  "pause",
  "kill guard",
  ...INSIDE,
  ...PARENT,
];

export interface PlanLimits {
  readonly maxActors: number;
  readonly maxDepth: number;
}

/** A round takes seconds with these; the largest trees that are of interest have 40 actors. */
export const USUAL: PlanLimits = { maxActors: 12, maxDepth: 5 };

export function makePlan(seed: number, { maxActors, maxDepth }: PlanLimits = USUAL): Plan {
  const chance = new Chance(seed);
  let left = chance.whole(Math.ceil(maxActors / 4), maxActors - 1);
  const actors: ActorPlan[] = [];

  function actor(name: string, depth: number): ActorPlan {
    const children: ActorPlan[] = [];
    const usual = chance.whole(depth < 2 ? 1 : 0, 3);
    const most = depth === maxDepth ? 0 : usual * chance.of([1, 1, 1, 2]);
    for (let i = 0; i < most && left > 0; i++) {
      left--;
      children.push(actor(`${name}.${i}`, depth + 1));
    }
    const made: ActorPlan = {
      name,
      delayMs: chance.of([0, 0, 0, chance.whole(1, 400)]),
      contains: depth === 0 || chance.whole(0, 2) > 0,
      dialogs: Array.from({ length: chance.whole(0, 4) }, () => ({
        kind: chance.of(DIALOGS),
        gapMs: chance.of([0, 0, 1, chance.whole(2, 50)]),
        capacity: chance.of([1, 16, 1024]),
      })),
      children,
    };
    actors.push(made);
    return made;
  }

  const root = actor("r", 0);
  const workMs = chance.whole(100, 2_500);
  const hurried = chance.whole(1, 4) === 1;
  const count = chance.whole(1, 20) === 1 ? 0 : chance.of([1, 1, 1, 1, 2, 2, 3, chance.whole(4, 8)]);
  const faults = Array.from({ length: count }, () => makeFault(chance, actors, workMs, hurried));
  return { seed, root, hurried, workMs, ending: chance.of(["leave", "cancel"]), faults };
}

function makeFault(chance: Chance, actors: readonly ActorPlan[], workMs: number, hurried: boolean): Fault {
  const below = actors.filter(({ name }) => name !== "r");
  // The nearer to the root, the likelier it comes up in time to be hit; a tree that does not wait for it, hardly ever.
  const [shallow = "r"] = Array.from({ length: hurried ? 6 : 2 }, () => chance.of(below).name).sort(
    (a, b) => a.length - b.length,
  );
  const target = chance.whole(1, 6) === 1 ? "r" : shallow;
  const kind = chance.of(target === "r" ? AT_ROOT : BELOW);
  const child = actors.find((actor) => parentOf(actor.name) === target)?.name;
  const parent = parentOf(target);
  // What an actor does to itself it does by its own events; the others may look at its relatives.
  const near = isInside(kind) ? [target] : [target, target, parent ?? target, child ?? target];
  const name = isParents(kind) ? target : chance.of(near);
  const stage = stageFor(chance, kind, target);
  const longMs = { spawning: 600, importing: 300, working: workMs, ending: 20 }[stage];
  const delayMs = chance.of([
    0,
    chance.whole(0, 20),
    chance.whole(0, Math.min(200, longMs)),
    chance.whole(0, longMs / 2),
  ]);
  return { kind, target, after: { stage, name }, delayMs, detail: chance.whole(0, 2 ** 30 - 1) };
}

function stageFor(chance: Chance, kind: FaultKind, target: string): Stage {
  // The links are in reach of the parent from the first moment on.
  if (isParents(kind)) return "spawning";
  if (isInside(kind))
    return target === "r" || kind === "flood" ? "working" : chance.of(["importing", "working", "working"]);
  return chance.of(["spawning", "importing", "working", "working", "ending"]);
}

/** `r.0` of `r.0.1`; undefined of the root. */
export function parentOf(name: string): string | undefined {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? undefined : name.slice(0, dot);
}

/** Whether `name` is `other`, or hangs below it. */
export function isWithin(name: string, other: string): boolean {
  return name === other || name.startsWith(`${other}.`);
}

export function allActors(root: ActorPlan): ActorPlan[] {
  return [root, ...root.children.flatMap(allActors)];
}

/** Draws from a seed. */
export class Chance {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.#random() * (Math.floor(most) - least + 1));
  }

  of<T>(choices: readonly T[]): T {
    const chosen = choices[this.whole(0, choices.length - 1)];
    if (chosen === undefined) throw new RangeError("nothing to choose from");
    return chosen;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.whole(0, 255)));
  }
}
