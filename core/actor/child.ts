/** One child, as its parent sees it: started, supervised until it has gone, ended by the ladder if need be. */
import { existsSync } from "node:fs";
import type { Operation } from "effection";
import { formatActorId } from "../actor-id.ts";
import {
  ActorDied,
  ActorQuarantined,
  ActorSpawnError,
  ActorTooSlowError,
  isCancelled,
  PromiseIgnoredAbort,
  RemoteActorError,
  TransportClosed,
} from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { journal, type LogFields, type LogLevel } from "../log/mod.ts";
import { Call } from "../rpc/call.ts";
import { CancelRequest, READY, SELF_NAMESPACE } from "../rpc/cancel-request.ts";
import type { Channel } from "../rpc/channel.ts";
import { type EnabledModules, functionName } from "../rpc/function-name.ts";
import { ownErrors } from "../rpc/own-types.ts";
import { Portal } from "../rpc/portal.ts";
import { CancelScope } from "../sc/cancel-scope.ts";
import { realClock } from "../sc/clock.ts";
import type { TaskStatus } from "../sc/nursery.ts";
import { moveOnAfter, shielded } from "../sc/timeouts.ts";
import {
  formatAddress,
  fromWireAddress,
  isWireAddress,
  type Message,
  unboxError,
  type WireAddress,
} from "../wire/mod.ts";
import type { Actor } from "./actor.ts";
import { ChildLink } from "./child-link.ts";
import { SPAWN_TIMEOUT_MS } from "./limits.ts";
import { recordOf } from "./log-relay.ts";
import { type RuntimeVars, writeRuntimeVars } from "./runtime-vars.ts";
import type { ExitStatus, SpawnBackend, SpawnedChild, SpawnRequest } from "./spawn-backend.ts";
import { type TeardownBounds, type TeardownEvent, tearDown } from "./teardown.ts";
import { Started, type WarmPool } from "./warm-pool.ts";

export interface ChildPlan {
  /** Whose child it is. */
  readonly parent: Actor;
  /** Whether it has its name for the whole tree. */
  readonly holdsName: boolean;
  readonly backend: SpawnBackend;
  /** Where processes may be waiting for it. */
  readonly pool: WarmPool | undefined;
  readonly runtime: RuntimeVars;
  readonly request: SpawnRequest;
  readonly modules: EnabledModules;
  /** Where it is to listen for peers. */
  readonly addresses: readonly WireAddress[];
  readonly spawnTimeoutMs: number | undefined;
  readonly bounds: TeardownBounds;
  readonly onTeardown: ((event: TeardownEvent) => void) | undefined;
  /** Cancel what else there is in the nursery: this child is about to fail it. */
  readonly cancelRest: (why: Error) => void;
}

export class Child {
  readonly #plan: ChildPlan;
  readonly #process: SpawnedChild;
  readonly #channel: Channel;
  /** Cancelled when somebody here has asked for the actor to end. */
  readonly #wanted = new CancelScope();
  /** The first request for its end that was made through its portal, and the time it grants. */
  #asked: { readonly request: CancelRequest; readonly graceMs: number } | undefined;
  /** What the child itself said of its failure. */
  #lastWords: Error | undefined;
  /** Why it is ended though nobody has asked for that: Promise code in it that cannot be. */
  #quarantined: ActorQuarantined | undefined;
  #isEnding = false;
  #serves = false;
  /** Whether it was a process that had been waiting. */
  readonly #wasBlank: boolean;
  /** Whether its link had ended before anybody asked for its end. */
  #wasGone = false;
  /** As others find it, once it is up. */
  #link: ChildLink | undefined;
  /** Where it listens. */
  #bound: readonly WireAddress[] = [];

  private constructor(plan: ChildPlan) {
    const { name } = plan.request.id;
    const blank = plan.pool?.take(plan.request);
    const started = blank ?? new Started(plan.backend, plan.request, plan.runtime.parent);
    this.#wasBlank = blank !== undefined;
    this.#plan = { ...plan, request: { ...plan.request, id: { name, uuid: started.uuid } } };
    this.#process = started.process;
    this.#channel = started.channel;
    started.stray = (message) => this.#stray(message);
    // One that was not trusted from the start, and does not even hear what it is told.
    if (plan.runtime.promises.onIgnoredAbort === "kill-actor") {
      this.#channel.onTooSlow = (error) => this.#quarantine(error);
    }
    // Looked for with the first request: most children have none.
    started.serve = (start, channel) => plan.parent.household.forChildren.serve(start, channel);
    this.#log(
      "runtime",
      "actor.started",
      blank === undefined ? "is being started" : "takes a process that was waiting",
    );
  }

  /**
   * The task of a nursery that owns a child: from its spawn until it has been waited for.
   *
   * @throws ActorSpawnError if it does not come up
   * @throws ActorDied if it ends without having been asked to
   * @throws ActorTooSlowError if it did not acknowledge its cancel request
   */
  static *supervise(status: TaskStatus<Portal>, plan: ChildPlan): Operation<void> {
    const began = realClock.now();
    const child = new Child(plan);
    try {
      yield* child.#boot();
      child.#log("runtime", "actor.ready", "is ready", { afterMs: Math.round(realClock.now() - began) });
      status.started(child.#introduce());
      const exit = yield* child.#wanted.run(() => child.#process.exited.wait());
      if (exit !== undefined) return child.#judge(exit);
      yield* shielded(() => child.#end(child.#wanted.cancelCause?.reason ?? "cancelled", false));
      const ended = child.#process.exited.result;
      if ((child.#wasGone || child.#lastWords !== undefined) && ended?.ok) child.#judge(ended.value);
    } catch (error) {
      // Cancelled, or it did not come up, or it died: in any case nothing of it may be left.
      const linkWasGone = child.#serves && child.#channel.closedBy !== undefined;
      const neverWoke = child.#diedAsBlank;
      yield* shielded(() => child.#end(error instanceof Error ? error.message : String(error), child.#canBeAsked));
      if (child.#quarantined !== undefined) throw child.#quarantined;
      // It died, and whoever talked to it was told before we were: that cancelled us, and says less.
      const exit = child.#process.exited.result;
      const hasFailed = linkWasGone || (child.#serves && child.#lastWords !== undefined);
      if (hasFailed && isCancelled(error) && exit?.ok) child.#judge(exit.value);
      if (neverWoke && !isCancelled(error)) return yield* Child.supervise(status, { ...plan, pool: undefined });
      throw error;
    } finally {
      child.#channel.destroy("the child has ended");
      child.#forget();
      const exit = child.#process.exited.result;
      if (exit?.ok) child.#log("runtime", "actor.exited", `has ended: ${describeExit(exit.value)}`, { ...exit.value });
    }
  }

  /**
   * Whether it was a blank that had died before it was up, most likely while it waited: that is no failure of the actor.
   * A module that ends its process while it is imported does so once more, and is reported then.
   */
  get #diedAsBlank(): boolean {
    const isLost = this.#channel.closedBy !== undefined && this.#lastWords === undefined;
    return this.#wasBlank && !this.#serves && isLost;
  }

  /** One that keeps its thread answers nothing. */
  get #canBeAsked(): boolean {
    return this.#serves && !(this.#quarantined?.cause instanceof ActorTooSlowError);
  }

  /** It is up: others may look for it. */
  #introduce(): Portal {
    const { request, modules, parent, holdsName } = this.#plan;
    const { id } = request;
    const addresses = this.#bound.map((address) => formatAddress(fromWireAddress(address)));
    const portal = new Portal(id, this.#channel, modules, {
      cancel: (reason, graceMs) => this.#want(reason, graceMs),
      gone: () => this.#process.exited.wait(),
      addresses,
    });
    this.#link = new ChildLink(this.#channel, portal);
    parent.children.set(id.uuid, this.#link);
    parent.directory.join([{ actor: id, pid: this.#process.pid, addresses, path: [parent.id], holdsName }]);
    return portal;
  }

  /** Its process has gone, and it can be found no more, nor can those below it. */
  #forget(): void {
    const { request, parent } = this.#plan;
    if (this.#link === undefined) return;
    this.#link.gone();
    parent.children.delete(request.id.uuid);
    parent.directory.leave([request.id.uuid]);
  }

  *#boot(): Operation<void> {
    const { request, modules, spawnTimeoutMs = SPAWN_TIMEOUT_MS } = this.#plan;
    try {
      const up = yield* moveOnAfter(spawnTimeoutMs, () => this.#handshake(modules));
      if (up === undefined) throw this.#spawnError(`it was not ready within ${spawnTimeoutMs} ms`);
      this.#bound = up;
      this.#serves = true;
    } catch (error) {
      if (this.#lastWords !== undefined) {
        throw this.#spawnError(summaryOf(this.#lastWords), this.#lastWords, yield* this.#exitStatus());
      }
      if (!(error instanceof TransportClosed)) throw error;
      // The link ends a moment before the process does; what that says is what the user needs.
      const exit = yield* this.#exitStatus();
      if (exit === undefined) throw this.#spawnError(error.message, error);
      throw this.#spawnError(
        `it ${describeExit(exit)} before it was ready (actor ${formatActorId(request.id)})`,
        error,
        exit,
      );
    }
  }

  *#handshake(modules: EnabledModules): Operation<readonly WireAddress[]> {
    yield* this.#channel.greeted.wait();
    this.#channel.rename({ peer: this.#plan.request.id.name });
    const { runtime, addresses } = this.#plan;
    this.#channel.send({
      msg_type: "SpawnSpec",
      _parent_main_data: {},
      _runtime_vars: writeRuntimeVars(runtime),
      enable_modules: modules,
      reg_addrs: [],
      bind_addrs: addresses.length === 0 ? null : addresses,
    });
    const ready = yield* Call.begin(this.#channel, functionName(SELF_NAMESPACE, READY), {});
    const bound = yield* ready.outcome.wait();
    return Array.isArray(bound) ? bound.filter(isWireAddress) : [];
  }

  /** How the process ended, within a moment; undefined if it runs on. */
  *#exitStatus(): Operation<ExitStatus | undefined> {
    try {
      return yield* moveOnAfter(1_000, () => this.#process.exited.wait());
    } catch (cause) {
      if (isCancelled(cause)) throw cause;
      // It was never started. The host names the executable whichever path it is that does not exist.
      const { cwd } = this.#plan.request;
      if (cwd !== undefined && !existsSync(cwd)) throw this.#spawnError(`cwd ${cwd} does not exist`, cause);
      throw this.#spawnError(summaryOf(cause), cause);
    }
  }

  /** Somebody here has asked for its end. */
  #want(reason: string, graceMs = this.#plan.bounds.graceMs ?? 0): CancelRequest {
    // It had died by then, and who asks has most likely just been told of a lost connection: that says less.
    if (!this.#wanted.cancelCalled) this.#wasGone = this.#channel.closedBy !== undefined;
    const request = CancelRequest.ofActor(this.#channel, { reason, graceMs });
    this.#asked ??= { request, graceMs };
    this.#wanted.cancel(reason);
    return request;
  }

  *#end(reason: string, byRequest: boolean): Operation<void> {
    const { bounds, onTeardown, request } = this.#plan;
    this.#isEnding = true;
    const onStep = (event: TeardownEvent) => {
      const { step, afterMs, reason } = event;
      const facts = { afterMs: Math.round(afterMs), reason };
      this.#log("cancel", `teardown.${step.replaceAll(" ", "-")}`, `teardown: ${step}`, facts);
      onTeardown?.(event);
    };
    const asked = this.#asked;
    const graceMs = asked?.graceMs ?? bounds.graceMs ?? 0;
    const ask = byRequest ? () => CancelRequest.ofActor(this.#channel, { reason, graceMs }) : undefined;
    yield* tearDown({
      actor: request.id,
      child: this.#process,
      reason,
      bounds,
      onStep,
      request: asked === undefined ? ask : () => asked.request,
      graceMs,
    });
  }

  /** It has ended unasked. */
  #judge(exit: ExitStatus): void {
    if (exit.exitCode === 0 && this.#lastWords === undefined) return;
    const facts = { ...exit, stderrTail: this.#process.stderrTail() };
    const died =
      this.#lastWords === undefined
        ? new ActorDied(this.#plan.request.id, facts)
        : new ActorDied(
            this.#plan.request.id,
            { ...facts, why: summaryOf(this.#lastWords) },
            { cause: this.#lastWords },
          );
    // Its error is raised, and printed by whoever handles it; said here at a level that is on, it would stand there twice.
    this.#log("info", "actor.died", `died: ${describeExit(exit)}`, { ...facts, error: this.#lastWords });
    throw died;
  }

  #log(level: LogLevel, event: string, what: string, fields: LogFields = {}): void {
    if (!journal.isEnabled(level)) return;
    const child = formatActorId(this.#plan.request.id);
    journal.write(level, event, `actor ${child} ${what}`, { child, childPid: this.#process.pid, ...fields });
  }

  #stray(message: Message): void {
    if (message.msg_type === "Log") journal.pass(recordOf(message));
    else if (message.msg_type === "Error") {
      const error = unboxError(message, ownErrors);
      if (error instanceof PromiseIgnoredAbort) this.#quarantine(error);
      else this.#lastWords = error;
    }
  }

  /**
   * Promise code in it cannot be ended, so it is. The rest of the nursery is cancelled now, and not after it has gone:
   * whoever waits for it is to hear of that, and not of a connection that is lost.
   */
  #quarantine(cause: Error): void {
    if (this.#isEnding || this.#wanted.cancelCalled) {
      // Its end was asked for anyway, so this is no failure of it; and whoever has called that code is told as well.
      return this.#log("warn", "actor.ignored-abort", `is being ended with code that cannot be: ${cause.message}`, {
        cause,
      });
    }
    this.#quarantined ??= new ActorQuarantined(this.#plan.request.id, { cause });
    this.#log("info", "actor.quarantined", `is ended for code that cannot be: ${cause.message}`, { cause });
    this.#plan.cancelRest(this.#quarantined);
  }

  #spawnError(why: string, cause?: unknown, exit?: ExitStatus): ActorSpawnError {
    const facts = { ...exit, stderrTail: this.#process.stderrTail() };
    return new ActorSpawnError(this.#plan.request.id.name, why, facts, cause === undefined ? undefined : { cause });
  }
}

/** Of several failures the first ones; the others are in the cause. */
const SUMMARISED = 3;

function describeExit({ exitCode, signal }: ExitStatus): string {
  return signal === null ? `exited with status ${exitCode}` : `was killed by ${signal}`;
}

function summaryOf(error: unknown): string {
  if (error instanceof RemoteActorError) {
    if (error.boxed instanceof ExceptionGroup) return summaryOf(error.boxed);
    return `${error.remoteName}: ${error.remoteMessage}`;
  }
  if (error instanceof ExceptionGroup) return error.leaves().slice(0, SUMMARISED).map(summaryOf).join("; ");
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
