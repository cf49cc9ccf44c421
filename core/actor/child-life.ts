/** What a child actor does on its link: say who it is, import what it exposes, serve until it is cancelled or alone. */
import type { Duplex } from "node:stream";
import { type Operation, until } from "effection";
import type { ActorId } from "../actor-id.ts";
import { journal } from "../log/mod.ts";
import { completePolicy, surviveRejections, usePolicy } from "../promise/mod.ts";
import { Channel } from "../rpc/channel.ts";
import { ExposedModules } from "../rpc/exposed-modules.ts";
import { Service } from "../rpc/service.ts";
import type { CancelScope } from "../sc/cancel-scope.ts";
import { realClock } from "../sc/clock.ts";
import { Deferred } from "../sc/deferred.ts";
import { type Nursery, named, openNursery } from "../sc/nursery.ts";
import { sleepForever } from "../sc/sleep.ts";
import {
  type Address,
  formatAddress,
  fromWireAddress,
  type Message,
  type SpawnSpec,
  type Start,
  toWireAddress,
} from "../wire/mod.ts";
import { Actor, asActor } from "./actor.ts";
import { AskedDirectory } from "./asked-directory.ts";
import { directoryFunctions } from "./directory-functions.ts";
import { Host, type HostSpec } from "./host.ts";
import { Household } from "./household.ts";
import { ACTOR_UNWIND_TIMEOUT_MS, ORPHAN_GRACE_MS } from "./limits.ts";
import { LogRelay } from "./log-relay.ts";
import { childLogging } from "./logging.ts";
import { listenForPeers } from "./peers.ts";
import { readRuntimeVars } from "./runtime-vars.ts";
import type { Watchdog } from "./watchdog.ts";

/** What an actor exits with that nobody has asked to end. */
export const ORPHAN_STATUS = 1;

export interface ChildOptions {
  /** Nobody else kills this process if it is stuck when its parent dies. */
  readonly unguarded: boolean;
  /** Called once the child has said who it is; what it exposes is imported after. */
  readonly prepare: () => Promise<void>;
  /** Says whether the link keeps this process alive; it does until this is called. */
  readonly keepAlive: (alive: boolean) => void;
}

export class ChildLife {
  readonly channel: Channel;
  #id: ActorId;
  readonly #options: ChildOptions;
  #watchdog: Watchdog | undefined;
  readonly #logRelay: LogRelay;
  readonly #parentPid = process.ppid;
  readonly #spec = new Deferred<SpawnSpec>("spawn specification", true);
  /** Requests that came before the modules were imported; at most a handful, as only the parent can send any. */
  readonly #early: Start[] = [];
  #service: Service | undefined;
  #scope: CancelScope | undefined;
  #endedBecause: string | undefined;
  #host: Host | undefined;
  #isOver = false;
  /** Whether its link has ended before anybody asked for its end. */
  isOrphan = false;

  constructor(id: ActorId, link: Duplex, options: ChildOptions) {
    this.#id = id;
    this.#options = options;
    this.channel = new Channel(link, {
      self: { ...id, pid: process.pid, is_registrar: null, is_probe: false },
      initiator: false,
      serve: (start, channel) => {
        if (this.#service === undefined) this.#early.push(start);
        else this.#service.serve(start, channel);
      },
      typesOfStart: (ns, func) => this.#service?.typesOfStart(ns, func),
      stray: (message) => this.#stray(message),
      closed: () => this.#orphaned(),
      emptied: () => this.#logRelay.resume(),
    });
    this.#logRelay = new LogRelay(this.channel);
  }

  cancel(reason: string): void {
    if (this.#service !== undefined) this.#service.cancel(this.#id, reason);
    else this.#endedBecause ??= reason;
    this.#scope?.cancel(reason);
  }

  /** The signal that comes after the time to unwind is over: what is not to be waited for is not. */
  terminate(): void {
    this.#host?.giveUp();
    this.cancel("SIGTERM");
  }

  *run(): Operation<void> {
    try {
      yield* this.#live();
    } finally {
      this.#isOver = true;
    }
  }

  *#live(): Operation<void> {
    yield* until(this.#options.prepare());
    // Before the user's modules: what is imported may keep the thread, and the parent may go meanwhile.
    if (this.#options.unguarded) yield* this.#watch();
    const spec = yield* this.#spec.wait();
    const runtime = readRuntimeVars(spec._runtime_vars);
    this.#rename(runtime.name);
    const { parent, logLevel, credentials } = runtime;
    surviveRejections();
    usePolicy(completePolicy(runtime.promises, (why) => this.channel.sendError(null, why)));
    const actor = new Actor(this.#id, parent, spec.enable_modules, logLevel, credentials);
    const addresses = (spec.bind_addrs ?? []).map(fromWireAddress);
    yield* asActor(actor, childLogging(runtime, this.#logRelay), () => this.#serve(actor, addresses, runtime.host));
  }

  #rename(name = this.#id.name): void {
    this.#id = { ...this.#id, name };
    this.channel.rename({ self: name });
    process.title = `espalier:${name}`;
  }

  *#watch(): Operation<void> {
    const { Watchdog } = yield* until(import("./watchdog.ts"));
    this.#watchdog = new Watchdog();
    this.#watchdog.start(this.#parentPid);
  }

  *#serve(actor: Actor, addresses: readonly Address[], program: HostSpec | undefined): Operation<void> {
    if (program !== undefined) this.#host = this.#prepareHost(program, actor);
    try {
      yield* this.#serveWith(actor, addresses);
    } catch (error) {
      throw this.#host?.whole(error) ?? error;
    }
  }

  *#serveWith(actor: Actor, addresses: readonly Address[]): Operation<void> {
    const modules = yield* ExposedModules.load(actor.enabled);
    const life = this;
    yield* openNursery(
      function* (nursery) {
        const directory = new AskedDirectory(life.channel);
        const service = new Service(life.#id, nursery, modules, directoryFunctions(actor, undefined));
        const household = new Household(actor, nursery, function* () {
          return service;
        });
        actor.settle(household, directory);
        actor.service = service;
        life.#scope = nursery.cancelScope;
        yield* listenForPeers(actor, service, addresses, function* (bound) {
          service.addresses = bound.map(toWireAddress);
          actor.addresses = bound.map(formatAddress);
          if (life.#host !== undefined) yield* life.#startHost(life.#host, service, nursery);
          life.#service = service;
          if (life.#endedBecause !== undefined) life.cancel(life.#endedBecause);
          for (const start of life.#early.splice(0)) service.serve(start, life.channel);
          yield* sleepForever();
        });
      },
      { name: `service of ${this.#id.name}` },
    );
  }

  #prepareHost(program: HostSpec, actor: Actor): Host {
    const host = new Host(program, {
      log: actor.log,
      isBusy: () => actor.service?.isBusy ?? false,
      keepAlive: this.#options.keepAlive,
      failed: (error) => this.#hostFailed(error),
    });
    host.prepare();
    return host;
  }

  /** Import the program, and let it run; its end is the actor's. */
  *#startHost(host: Host, service: Service, nursery: Nursery): Operation<void> {
    service.idled = host.idled;
    yield* host.load(nursery);
    nursery.startSoon(
      named(
        "host program",
        function* (this: ChildLife) {
          yield* host.run();
          this.cancel("the host program has ended");
        }.bind(this),
      ),
    );
  }

  /** Its process may be in any state: the parent is told at once, and the unwinding is bounded. */
  #hostFailed(error: unknown): void {
    this.channel.sendError(null, error);
    realClock.at(realClock.now() + ACTOR_UNWIND_TIMEOUT_MS, () => process.exit(1));
  }

  #stray(message: Message): void {
    if (message.msg_type === "SpawnSpec") this.#spec.resolve(message);
  }

  /** The parent is gone, and nobody is left to wait for this process: unwind, but not for long. */
  #orphaned(): void {
    if (this.#isOver) return;
    this.#watchdog?.noticed();
    this.#logRelay.disconnected();
    this.#spec.reject(this.channel.closedBy);
    const why = "the link to the parent has ended";
    this.isOrphan = this.#endedBecause === undefined && this.#service?.canceller === undefined;
    // A parent that lives on finds it at the end of this process's stderr.
    if (this.isOrphan && journal.isEnabled("warn")) journal.write("warn", "actor.orphaned", `ends itself: ${why}`);
    this.cancel(why);
    realClock.at(realClock.now() + ORPHAN_GRACE_MS, () => process.exit(ORPHAN_STATUS));
  }
}
