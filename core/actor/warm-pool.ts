/**
 * Blanks: children that are started before anybody has asked for them. Node has started, the runtime is loaded and the
 * link is up; what is missing is a name and what to expose. Idea: the zygotes of Android and Chromium, without their fork.
 */
import type { Operation } from "effection";
import type { ActorId } from "../actor-id.ts";
import { isCancelled, ProtocolError } from "../errors/mod.ts";
import { Channel } from "../rpc/channel.ts";
import type { Service } from "../rpc/service.ts";
import { CancelScope } from "../sc/cancel-scope.ts";
import { type Nursery, named } from "../sc/nursery.ts";
import { sleep } from "../sc/sleep.ts";
import { moveOnAfter, shielded } from "../sc/timeouts.ts";
import { reportWarning } from "../warnings.ts";
import type { Message } from "../wire/mod.ts";
import { KILL_TIMEOUT_MS, MAX_BLANK_DEATHS, MAX_WARM, WARM_REFILL_MS } from "./limits.ts";
import type { SpawnBackend, SpawnedChild, SpawnRequest } from "./spawn-backend.ts";

/** What a blank is called until it is an actor. */
export const BLANK_NAME = "(blank)";

/** A process of ours with its link, as an actor's parent needs it, whether it has been waiting or was started just now. */
export class Started {
  readonly process: SpawnedChild;
  readonly channel: Channel;
  readonly uuid: string;
  /** Told of messages that belong to no dialog. */
  stray: (message: Message) => void = () => {};
  /** What it may ask its parent. */
  serve: Service["serve"] | undefined;

  constructor(backend: SpawnBackend, request: SpawnRequest, parent: ActorId) {
    this.uuid = request.id.uuid;
    this.process = backend.spawn(request);
    this.channel = new Channel(this.process.link, {
      self: { ...parent, pid: process.pid, is_registrar: null, is_probe: false },
      initiator: true,
      serve: (start, channel) => {
        if (this.serve !== undefined) this.serve(start, channel);
        else channel.sendError(start.cid, new ProtocolError("a blank asks for nothing"));
      },
      stray: (message) => this.stray(message),
    });
  }
}

/** @throws RangeError if it is not a whole number from 0 to `MAX_WARM` */
export function checkWarm(warm = 0): number {
  if (!Number.isSafeInteger(warm) || warm < 0 || warm > MAX_WARM) {
    throw new RangeError(`openActorNursery: warm must be a whole number from 0 to ${MAX_WARM}, got ${warm}`);
  }
  return warm;
}

/** Keeps as many blanks as it was told to, while its nursery is open. Those that nobody has taken are killed with it. */
export class WarmPool {
  readonly #backend: SpawnBackend;
  readonly #parent: ActorId;
  readonly #blanks = new Set<Blank>();
  /** Of blanks that were waiting, one after the other. */
  #deaths = 0;

  constructor(size: number, backend: SpawnBackend, parent: ActorId, nursery: Nursery) {
    this.#backend = backend;
    this.#parent = parent;
    for (let i = 1; i <= size; i++) nursery.startSoon(named(`blank ${i}`, () => this.#keepOne()));
  }

  /** A blank that is what `request` asks for, if there is one: from now on the caller's. */
  take({ cwd, env, execArgv, stdio }: SpawnRequest): Started | undefined {
    const isPlain = cwd === undefined && Object.keys(env).length === 0 && execArgv.length === 0;
    if (!isPlain || stdio.stdout !== "inherit" || stdio.stderr !== "inherit") return undefined;
    const inherited = inheritedNow();
    let best: Blank | undefined;
    for (const blank of this.#blanks) {
      if (!blank.isUsable) continue;
      if (blank.inherited !== inherited) blank.release("what it has inherited has changed since");
      else if (best?.isUp !== true) best = blank;
    }
    if (best === undefined) return undefined;
    this.#deaths = 0;
    best.isTaken = true;
    best.release("it was taken");
    return best.started;
  }

  *#keepOne(): Operation<void> {
    while (this.#deaths < MAX_BLANK_DEATHS) {
      const blank = new Blank(this.#backend, this.#parent);
      this.#blanks.add(blank);
      try {
        yield* blank.untilReleasedOrDead();
      } finally {
        this.#blanks.delete(blank);
        if (!blank.isTaken) yield* shielded(() => blank.end());
      }
      if (blank.hasDied && ++this.#deaths === MAX_BLANK_DEATHS) {
        reportWarning({
          type: "BlanksDie",
          message: `openActorNursery: ${MAX_BLANK_DEATHS} processes that were kept warm have died one after the other; no more are kept, and actors are started cold${blank.lastWords}`,
        });
      }
      // What was taken has work to do, and starting a process stops this one for some milliseconds.
      yield* sleep(WARM_REFILL_MS);
    }
  }
}

class Blank {
  readonly started: Started;
  /** What of this process it has inherited. */
  readonly inherited = inheritedNow();
  isTaken = false;
  hasDied = false;
  readonly #waiting = new CancelScope();

  constructor(backend: SpawnBackend, parent: ActorId) {
    const id = { name: BLANK_NAME, uuid: crypto.randomUUID() };
    const stdio = { stdout: "inherit", stderr: "inherit" } as const;
    this.started = new Started(backend, { id, cwd: undefined, env: {}, execArgv: [], stdio }, parent);
  }

  /** Whether it has said who it is. */
  get isUp(): boolean {
    return this.started.channel.peer !== undefined;
  }

  get isUsable(): boolean {
    return !this.#waiting.cancelCalled && this.started.channel.closedBy === undefined;
  }

  get lastWords(): string {
    const text = this.started.process.stderrTail().trim();
    return text === "" ? "" : `; the last one wrote: ${text}`;
  }

  release(reason: string): void {
    this.#waiting.cancel(reason);
  }

  *untilReleasedOrDead(): Operation<void> {
    yield* this.#waiting.run(() => this.#untilDead());
  }

  *end(): Operation<void> {
    const { process: child, channel } = this.started;
    channel.destroy("nobody has taken the blank");
    child.end("kill");
    yield* moveOnAfter(KILL_TIMEOUT_MS, () => this.#untilDead());
  }

  *#untilDead(): Operation<void> {
    try {
      yield* this.started.process.exited.wait();
    } catch (error) {
      // It could not be started at all.
      if (isCancelled(error)) throw error;
    }
    this.hasDied = true;
  }
}

/** What a child has of its parent without being told. */
function inheritedNow(): string {
  return JSON.stringify([process.cwd(), process.execArgv, process.env]);
}
