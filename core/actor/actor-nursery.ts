/** The nursery for processes: it does not end before every child has exited and has been waited for. */
import type { Operation } from "effection";
import { ActorNameTaken, ActorNotFound, ConnectError, isCancelled, TransportClosed } from "../errors/mod.ts";
import { checkLogLevel, type LogLevel } from "../log/mod.ts";
import { type PromisePolicy, policyOf } from "../promise/mod.ts";
import type { ArgsOf, Callable, ResultOf } from "../rpc/endpoint.ts";
import type { EnabledModules } from "../rpc/function-name.ts";
import type { Portal } from "../rpc/portal.ts";
import type { CancelScope } from "../sc/cancel-scope.ts";
import { Deferred } from "../sc/deferred.ts";
import { type Nursery, named, openNursery } from "../sc/nursery.ts";
import { parseAddress, toWireAddress } from "../wire/mod.ts";
import { type Actor, actorHere } from "./actor.ts";
import { Child } from "./child.ts";
import { type ChildOutput, checkOutput, heapFlags } from "./child-process-options.ts";
import { enabledModules, type ModuleList } from "./enabled-modules.ts";
import { Finding } from "./finding.ts";
import { hostSpec } from "./host.ts";
import { processBackend } from "./process-backend.ts";
import type { RegisteredActor } from "./registered-actor.ts";
import { openRootActor } from "./root.ts";
import type { TeardownBounds, TeardownEvent } from "./teardown.ts";
import { checkWarm, WarmPool } from "./warm-pool.ts";

export interface ActorOptions {
  /** Modules whose exports may be called in the child. */
  readonly enableModules?: ModuleList;
  /**
   * Where it is to listen for peers: multiaddrs such as `/unix/run/user/1000/x.sock`, `/ip4/127.0.0.1/tcp/0`. Who can
   * connect can call what is enabled, and cancel the actor. Nowhere unless told; `portal.addresses` has them as bound.
   */
  readonly bindAddrs?: readonly string[];
  /**
   * Whether it is to hold its name for the whole tree, however deep: no other actor may then be started so under that
   * name. It costs a request to the root. Actors without it may have the name too; look-ups find the one that holds it.
   */
  readonly globalName?: boolean;
  /** Working directory; this process's unless told. */
  readonly cwd?: string;
  /** Environment variables beside those of this process; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Node flags beside those of this process. */
  readonly execArgv?: readonly string[];
  /**
   * A Promise program that runs in it, beside what it serves: the URL of its module, which is imported as its entry. If it
   * exports a function `main`, that is called with `{ signal, log, run }`; see `HostTools`. The actor ends with it: in good
   * order when nothing keeps its event loop alive, with `ActorDied` when it throws or exits with a status other than 0.
   */
  readonly host?: string | URL;
  /** What the host finds in its `process.argv`, after the first two; nothing unless told. */
  readonly hostArgs?: readonly string[];
  /** Where its output goes; to this process's own of the same name unless told. */
  readonly stdio?: ChildOutput;
  /** Megabytes that its JavaScript heap may have; Node's own bound unless told. Beyond it the child dies, and no other. */
  readonly maxHeapMb?: number;
  /** Until the child must be ready, in milliseconds; `SPAWN_TIMEOUT_MS` unless told. */
  readonly spawnTimeoutMs?: number;
  /** Bounds of its teardown, where they differ from those of the nursery. */
  readonly teardown?: TeardownBounds;
  /** The least level that it logs, and it alone: its own children log as the rest of the tree. */
  readonly logLevel?: LogLevel;
  /**
   * What Promise code in it has to go by, where a call does not say. `quarantine` is for code that is not trusted to end
   * when it is told to: if it ignores its abort signal, or keeps the thread when it is to be cancelled, its actor is
   * ended, by force if need be, and `ActorQuarantined` fails this nursery. The same as `{ onIgnoredAbort: "kill-actor" }`.
   */
  readonly promises?: "quarantine" | PromisePolicy;
}

export interface ActorNurseryOptions {
  /**
   * How many processes to keep ready for actors to come: with Node started and the runtime loaded, so that an actor is up
   * after its own modules are imported. Up to `MAX_WARM`; none unless told. Each takes some 12 MiB while it waits. Used
   * for actors with no `cwd`, `env`, `execArgv`, `stdio` or `maxHeapMb` of their own, while this process's environment
   * and working directory are as they were; others are started as without it.
   */
  readonly warm?: number;
  /** Bounds of the teardown of every child. */
  readonly teardown?: TeardownBounds;
  /** Told of every step by which a child is ended. Must not throw. */
  readonly onTeardown?: (event: TeardownEvent) => void;
  /** The least level that is logged by the actors of this nursery and all below; that of the tree unless told. */
  readonly logLevel?: LogLevel;
}

/** A child that runs one function and is reaped when that has ended. */
export interface OneShot<R> {
  readonly portal: Portal;
  /** The function's result, as often as it is asked for. @throws what it failed with, as `portal.run` */
  waitForResult(): Operation<R>;
}

/**
 * Run `body` with a nursery for actors. Boots the root actor if there is none.
 *
 * @returns what `body` returned
 * @throws ExceptionGroup with every error of the body and of the children
 */
export function* openActorNursery<T>(
  body: (nursery: ActorNursery) => Operation<T>,
  options: ActorNurseryOptions = {},
): Operation<T> {
  checkLogLevel("openActorNursery: logLevel", options.logLevel);
  const actor = yield* actorHere();
  if (actor === undefined) return yield* openRootActor(() => openActorNursery(body, options), options);
  const warm = checkWarm(options.warm);
  const inner = function* (pool?: WarmPool) {
    let an: ActorNursery | undefined;
    try {
      return yield* openNursery(
        (nursery) => {
          an = new ActorNursery(actor, nursery, options, pool);
          return body(an);
        },
        { name: `actors of ${actor.name}` },
      );
    } finally {
      an?.ended();
    }
  };
  return yield* warm === 0 ? inner() : withPool(warm, actor, inner);
}

/** What keeps blanks is around the actors' nursery: it has no end of its own, and does not keep that one open. */
function* withPool<T>(size: number, actor: Actor, body: (pool: WarmPool) => Operation<T>): Operation<T> {
  const outcome = new Deferred<T>(`actors of ${actor.name}`, true);
  yield* openNursery(
    function* (nursery) {
      const pool = new WarmPool(size, processBackend, actor.id, nursery);
      try {
        outcome.resolve(yield* body(pool));
      } catch (error) {
        // As it is, and not as an error of this nursery too.
        outcome.reject(error);
      }
      nursery.cancelScope.cancel("the actors have ended");
    },
    { name: `blanks of ${actor.name}` },
  );
  return yield* outcome.wait();
}

function isGone(error: unknown): boolean {
  return error instanceof ConnectError || error instanceof TransportClosed;
}

function checkName(name: string): void {
  if (typeof name !== "string" || name === "") {
    throw new TypeError(`an actor's name is a string, got ${name === "" ? "an empty one" : String(name)}`);
  }
}

export class ActorNursery {
  readonly #actor: Actor;
  readonly #nursery: Nursery;
  readonly #options: ActorNurseryOptions;
  readonly #pool: WarmPool | undefined;
  /** Connections to actors that others have started. */
  readonly #leaving: (() => void)[] = [];

  /** @internal */
  constructor(actor: Actor, nursery: Nursery, options: ActorNurseryOptions, pool: WarmPool | undefined) {
    this.#pool = pool;
    this.#actor = actor;
    this.#nursery = nursery;
    this.#options = options;
  }

  /** Cancels every child, and the body: each is asked, waited for, and killed if it does not end. */
  get cancelScope(): CancelScope {
    return this.#nursery.cancelScope;
  }

  /**
   * Start a child actor and wait until it serves. It runs until it is cancelled, and keeps the nursery open.
   *
   * @param name - for people: errors, logs, the process list
   * @throws ActorSpawnError if it does not come up, with its stderr and exit status; the nursery goes on
   * @throws ActorNameTaken if it is to hold its name for the tree, and another one does
   * @throws TypeError if an option is not what it should be, naming it
   */
  *startActor(name: string, options: ActorOptions = {}): Operation<Portal> {
    checkName(name);
    if (options.globalName !== true) return yield* this.#start(name, options, false);
    return yield* this.#actor.directory.claim(name, (holder) => {
      if (holder !== undefined) throw new ActorNameTaken(name, holder.actor);
      return this.#start(name, options, true);
    });
  }

  /**
   * The actor that holds `name` for the whole tree: it is started in this nursery if there is none, and if many ask at
   * once, then by one of them. If that one fails, or is cancelled or killed, the next one starts it. It belongs to the
   * nursery that has started it, and ends with that; to the others the portal is a connection until their nursery ends.
   *
   * ```ts
   * const cache = yield* an.getOrStart("cache", { enableModules });
   * ```
   *
   * @throws as `startActor`; ActorNotFound if the one that holds the name cannot be reached
   */
  *getOrStart(name: string, options: Omit<ActorOptions, "globalName"> = {}): Operation<Portal> {
    checkName(name);
    const modules = enabledModules(options.enableModules);
    let ending: string | undefined;
    for (;;) {
      try {
        return yield* this.#actor.directory.claim(
          name,
          (holder) => this.#takeOrStart(name, options, modules, holder),
          ending,
        );
      } catch (error) {
        // It was about to end. Then it is waited for, and the name is free.
        const uuid = error instanceof ActorNotFound && isGone(error.cause) ? error.unreachable[0]?.uuid : undefined;
        if (uuid === undefined || uuid === ending) throw error;
        ending = uuid;
      }
    }
  }

  *#takeOrStart(
    name: string,
    options: ActorOptions,
    modules: EnabledModules,
    holder: RegisteredActor | undefined,
  ): Operation<Portal> {
    if (holder === undefined) return yield* this.#start(name, options, true);
    const { portal, leave } = yield* new Finding(this.#actor, name, this.#actor.directory, modules, true).keep(holder);
    this.#leaving.push(leave);
    return portal;
  }

  /** @internal The block has been left, and all its children have gone. */
  ended(): void {
    for (const leave of this.#leaving.splice(0)) leave();
  }

  *#start(name: string, options: ActorOptions, holdsName: boolean): Operation<Portal> {
    const { cwd, env = {}, spawnTimeoutMs, teardown } = options;
    const execArgv = [...(options.execArgv ?? []), ...heapFlags(options.maxHeapMb)];
    const stdio = checkOutput(options.stdio);
    const id = { name, uuid: crypto.randomUUID() };
    const modules = enabledModules(options.enableModules);
    checkLogLevel("logLevel", options.logLevel);
    const promises = policyOf("startActor", options.promises);
    const runtime = {
      name,
      parent: this.#actor.id,
      logLevel: this.#options.logLevel ?? this.#actor.treeLogLevel,
      ownLogLevel: options.logLevel,
      credentials: this.#actor.credentials,
      host: hostSpec(options.host, options.hostArgs),
      promises,
    };
    return yield* this.#nursery.start(named(`actor ${name}`, Child.supervise), {
      parent: this.#actor,
      holdsName,
      backend: processBackend,
      pool: this.#pool,
      runtime,
      request: { id, cwd, env, execArgv, stdio },
      modules,
      addresses: (options.bindAddrs ?? []).map((address) => toWireAddress(parseAddress(address))),
      spawnTimeoutMs,
      bounds: { ...this.#options.teardown, ...teardown },
      onTeardown: this.#options.onTeardown,
      cancelRest: (why) => this.#nursery.cancelScope.cancelWith("nursery", why.message, why, name),
    });
  }

  /**
   * Start a child, run one function in it, and reap it when that has ended. Returns once the child is up; a failure of
   * the function is a failure of the nursery.
   *
   * @throws as `startActor`
   */
  *runInActor<F extends (...args: never[]) => unknown>(
    fn: F & Callable<never, unknown>,
    args: ArgsOf<F>[0],
    options: ActorOptions & { readonly name?: string },
  ): Operation<OneShot<ResultOf<F>>> {
    const name = options.name ?? (fn.name || "anonymous");
    const portal = yield* this.startActor(name, options);
    const result = new Deferred<ResultOf<F>>(`result of ${name}`, true);
    const work = function* (): Operation<void> {
      try {
        result.resolve(yield* portal.run(fn, ...([args] as ArgsOf<F>)));
      } catch (error) {
        result.reject(error);
        if (!isCancelled(error)) yield* portal.cancelActor({ reason: "its function has failed" });
        throw error;
      }
      yield* portal.cancelActor({ reason: "its function has returned" });
    };
    this.#nursery.startSoon(named(`run in ${name}`, work));
    return { portal, waitForResult: () => result.wait() };
  }
}
