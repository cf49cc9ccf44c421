/** This process as an actor: who it is, what it is to clean up, and how tasks find it. */
import { createContext, type Operation } from "effection";
import type { ActorId } from "../actor-id.ts";
import { AlreadyAnActor, NoRuntime } from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import type { Credentials } from "../ipc/credentials.ts";
import { DEFAULT_LOG_LEVEL, Log, type LogLevel } from "../log/mod.ts";
import type { EnabledModules } from "../rpc/function-name.ts";
import type { Service } from "../rpc/service.ts";
import { Event } from "../sc/event.ts";
import { asGround, peek } from "../sc/ground.ts";
import { shielded } from "../sc/timeouts.ts";
import type { ChildLink } from "./child-link.ts";
import type { Directory } from "./directory.ts";
import type { Household } from "./household.ts";
import { type Logging, whileLogging } from "./logging.ts";
import type { Registrar } from "./registrar.ts";

/** Clean-up of an actor; what it returns, if it is an operation, is run out of reach of cancellations. */
export type CleanUp = (() => Operation<unknown>) | (() => void);

/** What is to be done when the actor ends, however it ends: in good order, cancelled, or by a signal. */
export class Lifetime {
  readonly #callbacks: CleanUp[] = [];

  /** Call `fn` when the actor ends; the last one given is called first. Returns what takes it back. */
  callback(fn: CleanUp): () => void {
    const entry: CleanUp = () => fn();
    this.#callbacks.push(entry);
    return () => {
      const at = this.#callbacks.indexOf(entry);
      if (at >= 0) this.#callbacks.splice(at, 1);
    };
  }

  /** @internal Run all of them. @throws ExceptionGroup with the errors of those that failed */
  *end(): Operation<void> {
    const errors: unknown[] = [];
    for (let fn = this.#callbacks.pop(); fn !== undefined; fn = this.#callbacks.pop()) {
      try {
        const result = fn();
        if (result !== undefined && result !== null) yield* result;
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new ExceptionGroup("clean-up of the actor failed", errors);
  }
}

export class Actor {
  readonly id: ActorId;
  /** The actor that started this one; undefined for the root. */
  readonly parent: ActorId | undefined;
  readonly lifetime = new Lifetime();
  /** What it says of itself; that of a task, which names the task, is `useLog()`. */
  readonly log = new Log();
  /** @internal The level of the log that its children inherit. */
  readonly treeLogLevel: LogLevel;
  /** @internal Asked of peers, and shown to them; its children inherit them. */
  readonly credentials: Credentials | undefined;
  /** Modules of which others may call the exports: names to URLs. */
  readonly enabled: EnabledModules;
  /** @internal The line of code that started it, where that was in this process. */
  startedAt: string | undefined;
  #addresses: readonly string[] = [];
  #neverClosing: Event | undefined;
  /** @internal What serves the requests of others, in an actor that takes any. */
  service: Service | undefined;
  /** @internal Its children that are up, by uuid. */
  readonly children = new Map<string, ChildLink>();
  /** @internal In a root: who knows all actors of the tree. */
  registrar: Registrar | undefined;
  #household: Household | undefined;
  #directory: Directory | undefined;

  /** @internal */
  constructor(
    id: ActorId,
    parent: ActorId | undefined,
    enabled: EnabledModules,
    treeLogLevel: LogLevel = DEFAULT_LOG_LEVEL,
    credentials?: Credentials,
  ) {
    this.credentials = credentials;
    this.treeLogLevel = treeLogLevel;
    this.id = id;
    this.parent = parent;
    this.enabled = enabled;
  }

  /**
   * Set when this actor is asked to end, and what it serves has some time before it is cancelled; see `Context.closing`.
   * In a root that does not listen, which nobody asks, never.
   */
  get closing(): Event {
    this.#neverClosing ??= new Event();
    return this.service?.closing ?? this.#neverClosing;
  }

  /** Where it listens for peers, as multiaddrs; empty where it does not. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** @internal */
  set addresses(addresses: readonly string[]) {
    this.#addresses = addresses;
    this.registrar?.rootMoved(addresses);
  }

  /** @internal Where it looks up others. */
  get directory(): Directory {
    if (this.#directory === undefined) throw new NoRuntime("a look-up");
    return this.#directory;
  }

  /** @internal What it does beside its work. */
  get household(): Household {
    if (this.#household === undefined) throw new NoRuntime("a look-up");
    return this.#household;
  }

  /** @internal It is up. */
  settle(household: Household, directory: Directory): void {
    this.#household = household;
    this.#directory = directory;
  }

  get name(): string {
    return this.id.name;
  }

  get isRoot(): boolean {
    return this.parent === undefined;
  }
}

const ActorContext = createContext<Actor>("espalier.actor");

/** The actor of this process. There is one at a time. */
let living: Actor | undefined;

/** The actor that the current task runs in. @throws NoRuntime if none is running */
export function* currentActor(): Operation<Actor> {
  const actor = yield* actorHere();
  if (actor === undefined) throw new NoRuntime("currentActor()");
  return actor;
}

/** Whether this process is the root of its tree, or no actor at all. */
export function isRootProcess(): boolean {
  return living === undefined || living.isRoot;
}

/** The actor that the current task runs in, if any. */
export function* actorHere(): Operation<Actor | undefined> {
  return yield* peek(ActorContext);
}

/**
 * Run `body` as the actor `id`; at its end, run the clean-up.
 *
 * @throws AlreadyAnActor if this process is one
 */
export function* asActor<T>(actor: Actor, logging: Logging, body: () => Operation<T>): Operation<T> {
  if (living !== undefined) throw new AlreadyAnActor(living.id, living.startedAt);
  living = actor;
  try {
    const whole = () => whileLogging(actor, logging, () => withLifetime(actor, body));
    return yield* ActorContext.with(actor, () => asGround(whole));
  } finally {
    living = undefined;
  }
}

function* withLifetime<T>(actor: Actor, body: () => Operation<T>): Operation<T> {
  let value: T;
  try {
    value = yield* body();
  } catch (error) {
    try {
      yield* shielded(() => actor.lifetime.end());
    } catch (failed) {
      throw new ExceptionGroup(`actor "${actor.name}" failed, and so did its clean-up`, [error, failed]);
    }
    throw error;
  }
  yield* shielded(() => actor.lifetime.end());
  return value;
}
