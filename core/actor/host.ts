/**
 * An actor whose entry is a Promise program: that runs as it would by itself, in a child process, and this runtime is its
 * guest. Its end is what Node would call the end of a program: nothing keeps its event loop alive, it has crashed, or it
 * has exited. Here is what tells one from the other, and how a cancellation reaches it.
 */
import { getEventListeners } from "node:events";
import { type Operation, until } from "effection";
import { isCancelled } from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { journal, type Log } from "../log/mod.ts";
import { Deferred } from "../sc/deferred.ts";
import type { Nursery } from "../sc/nursery.ts";
import { runIn } from "../sc/run.ts";
import { shielded } from "../sc/timeouts.ts";
import { MAX_HOST_FAILURES } from "./limits.ts";

/** What the `main` of a host program is given. */
export interface HostTools {
  /** Aborted when the actor is cancelled; the program has until the end of its teardown to end by itself. */
  readonly signal: AbortSignal;
  /** The log of the actor. */
  readonly log: Log;
  /**
   * Run an operation as a task of the actor: it may open actor nurseries, portals, whatever any task may.
   *
   * @throws (as rejection) what the operation throws; Cancelled when the actor ends
   */
  run<T>(op: () => Operation<T>): Promise<T>;
}

/** What to run as the host, as it is told to the child. */
export interface HostSpec {
  readonly url: string;
  /** For `process.argv`, after its first two. */
  readonly args: readonly string[];
}

/** What a host program needs of the process around it. */
interface HostProcess {
  readonly log: Log;
  /** Whether what the actor serves goes on: it is not over then, whatever the program does. */
  readonly isBusy: () => boolean;
  /** Whether the link to the parent keeps the process alive; without a host it always does. */
  readonly keepAlive: (alive: boolean) => void;
  /** Told of a failure as soon as it is there: what follows may never come to its end. */
  readonly failed: (error: unknown) => void;
}

/** Taken by the URL of its program. @throws TypeError naming what is none */
export function hostSpec(host: string | URL | undefined, args: readonly string[] | undefined): HostSpec | undefined {
  if (args !== undefined && !(Array.isArray(args) && args.every((arg) => typeof arg === "string"))) {
    throw new TypeError(`hostArgs: give an array of strings, got ${String(args)}`);
  }
  if (host === undefined) {
    if (args !== undefined) throw new TypeError("hostArgs: there is no host to give them to; give its URL as host");
    return undefined;
  }
  if (!URL.canParse(String(host))) {
    throw new TypeError(
      `host: ${JSON.stringify(String(host))} is not a URL; give import.meta.resolve("./server.ts") or a file: URL`,
    );
  }
  return { url: String(host), args: args ?? [] };
}

export class Host {
  readonly #spec: HostSpec;
  readonly #process: HostProcess;
  readonly #controller = new AbortController();
  /** Resolved when the program has come to its end by itself, rejected with its first failure. */
  readonly #ended: Deferred<void>;
  readonly #failures: unknown[] = [];
  #lost = 0;
  #mainRuns = false;
  /** Handlers of SIGTERM that are not the program's own. */
  #ownHandlers: readonly unknown[] = [];

  constructor(spec: HostSpec, process: HostProcess) {
    this.#spec = spec;
    this.#process = process;
    this.#ended = new Deferred(`end of the host program ${spec.url}`, true);
  }

  /** Make the process what the program finds. To be done before anything of the user's is imported. */
  prepare(): void {
    this.#ownHandlers = process.rawListeners("SIGTERM");
    process.argv.splice(2, Number.POSITIVE_INFINITY, ...this.#spec.args);
    process.on("uncaughtException", this.#onCrash);
  }

  /** Import the program, and call its `main` if it exports one. @throws what it throws while it is imported */
  *load(nursery: Nursery): Operation<void> {
    const exports: unknown = yield* until(import(this.#spec.url));
    const main: unknown = typeof exports === "object" && exports !== null ? Reflect.get(exports, "main") : undefined;
    if (typeof main === "function") this.#call(main, (op) => runIn(nursery, op));
  }

  /**
   * Wait until the program has ended. A cancellation is passed on to it, and waited for as long as the parent does.
   *
   * @throws what it has failed with
   */
  *run(): Operation<void> {
    process.on("beforeExit", this.#onIdle);
    try {
      yield* this.#ended.wait();
    } catch (error) {
      if (isCancelled(error) && this.#askToEnd(error)) yield* shielded(() => this.#ended.wait());
      throw error;
    } finally {
      process.off("beforeExit", this.#onIdle);
      // The actor's own end takes some turns of the event loop.
      this.#process.keepAlive(true);
    }
  }

  /** What keeps the process alive beside the program's own may have ended. */
  readonly idled = (): void => {
    if (this.#ended.result === undefined) this.#process.keepAlive(this.#mainRuns || this.#process.isBusy());
  };

  /** Nobody waits for the program any more. */
  giveUp(): void {
    if (!this.#controller.signal.aborted || !this.#ended.resolve()) return;
    const { url } = this.#spec;
    const what = this.#mainRuns ? "its main has not returned" : "something keeps its event loop alive";
    journal.write(
      "warn",
      "host.ignored-abort",
      `host program ${url} has not ended since its signal was aborted: ${what}`,
    );
  }

  /**
   * What the actor has failed with: all that the program has, and what else did.
   *
   * @param error - what the nursery has failed with in which the program runs
   */
  whole(error: unknown): unknown {
    const known = this.#failures;
    if (known.length === 0 && !(error instanceof ExceptionGroup)) return error;
    const others = error instanceof ExceptionGroup ? error.errors.filter((other) => !known.includes(other)) : [];
    const all = [...known, ...others];
    const lost = this.#lost === 0 ? "" : `; ${this.#lost} more of the host program are left out`;
    return all.length === 1 ? all[0] : new ExceptionGroup(`the actor failed in ${all.length} ways${lost}`, all);
  }

  #call(main: object, run: HostTools["run"]): void {
    const tools: HostTools = { signal: this.#controller.signal, log: this.#process.log, run };
    this.#mainRuns = true;
    const settled = () => {
      this.#mainRuns = false;
      this.idled();
    };
    new Promise((resolve) => resolve(Reflect.apply(main as () => unknown, undefined, [tools]))).then(
      (value) => {
        settled();
        if (isGenerator(value)) this.#fail(new TypeError(NO_OPERATION));
      },
      (error: unknown) => {
        settled();
        this.#fail(error);
      },
    );
  }

  /** @returns whether it has any way to hear of that, so that there is something to wait for */
  #askToEnd(cancelled: unknown): boolean {
    const { signal } = this.#controller;
    // A program of its own handles SIGTERM: that is what it is told by, without the signal itself, which would be ours too.
    const handlers = process.rawListeners("SIGTERM").filter((handler) => !this.#ownHandlers.includes(handler));
    const hears = this.#mainRuns || handlers.length > 0 || getEventListeners(signal, "abort").length > 0;
    for (const handler of handlers) process.nextTick(handler, "SIGTERM", 15);
    this.#controller.abort(cancelled);
    return hears;
  }

  #fail(error: unknown): void {
    if (this.#saysAborted(error)) return;
    if (this.#failures.length >= MAX_HOST_FAILURES) this.#lost++;
    else this.#failures.push(error);
    this.#process.failed(this.whole(undefined));
    this.#ended.reject(error);
  }

  /** Whether it is only what an aborted signal makes of whatever waited with it. */
  #saysAborted(error: unknown): boolean {
    const { signal } = this.#controller;
    if (!signal.aborted || !(error instanceof Error)) return false;
    return isCancelled(error) || error.name === "AbortError" || ("code" in error && error.code === "ABORT_ERR");
  }

  readonly #onCrash = (error: unknown): void => {
    // One that handles its own goes on, as it would without us.
    if (process.listeners("uncaughtException").some((listener) => listener !== this.#onCrash)) return;
    this.#fail(error);
  };

  readonly #onIdle = (): void => {
    if (this.#process.isBusy()) this.#process.keepAlive(true);
    else this.#ended.resolve();
  };
}

const NO_OPERATION =
  "main of a host program is Promise code, and it is a generator function: export it from an enabled module, and call it with portal.run";

function isGenerator(value: unknown): boolean {
  return typeof value === "object" && value !== null && Symbol.iterator in value && "next" in value && "throw" in value;
}
