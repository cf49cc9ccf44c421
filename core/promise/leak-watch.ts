/**
 * What Promise code starts and does not end, found by `async_hooks`: every timer, handle and promise that is made in the
 * async context of a watched call is noted with its stack until it is gone. Nothing is hooked while nobody watches.
 */
import { AsyncLocalStorage, createHook, executionAsyncId } from "node:async_hooks";
import type { LeftBehind } from "../errors/mod.ts";
import { CreationSite } from "./creation-site.ts";
import { hearRejections, reportRejection } from "./late-rejections.ts";
import { MAX_LISTED_LEAKS, MAX_LISTED_WAITS, MAX_WATCHED_RESOURCES } from "./limits.ts";

/** What Node calls the things that go on by themselves, and what people do. All else comes to its end. */
const KINDS: Readonly<Record<string, string>> = {
  Timeout: "timer",
  TCPWRAP: "socket",
  TCPSERVERWRAP: "server",
  PIPEWRAP: "pipe",
  PIPESERVERWRAP: "server on a pipe",
  UDPWRAP: "UDP socket",
  PROCESSWRAP: "child process",
  WORKER: "worker thread",
  FSEVENTWRAP: "file watcher",
  STATWATCHER: "file watcher",
};
const PROMISE = "PROMISE";

interface Noted {
  readonly type: string;
  readonly resource: object;
  readonly site: CreationSite;
}

const storage = new AsyncLocalStorage<LeakWatch>();
const owners = new Map<number, LeakWatch>();
/** Of promises that are not settled, for the rejections that come after their watch has ended. */
const promises = new WeakMap<Promise<unknown>, { readonly watch: LeakWatch; readonly site: CreationSite }>();
let watching = 0;

const hook = createHook({
  init: function init(id, type, _trigger, resource) {
    const watch = storage.getStore();
    if (watch?.hasRoom !== true) return;
    const noted = { type, resource, site: new CreationSite(init, watch.noted.get(executionAsyncId())?.site) };
    watch.noted.set(id, noted);
    owners.set(id, watch);
    if (resource instanceof Promise) promises.set(resource, { watch, site: noted.site });
  },
  promiseResolve: forget,
  destroy: forget,
});

function forget(id: number): void {
  owners.get(id)?.noted.delete(id);
  owners.delete(id);
}

/** One promise task that is watched, from its call until it was asked what is left. */
export class LeakWatch {
  /** @internal What it has made and not ended, by async id, the last made last. */
  readonly noted = new Map<number, Noted>();
  readonly #taskName: string;
  readonly #rejections: LeftBehind[] = [];
  #isOpen = true;
  /** Whether there was more than is looked at. */
  #overflowed = false;

  constructor(taskName: string) {
    this.#taskName = taskName;
    if (watching++ === 0) hook.enable();
    hearRejections(claimRejection);
  }

  /** @internal */
  get hasRoom(): boolean {
    if (!this.#isOpen) return false;
    if (this.noted.size < MAX_WATCHED_RESOURCES) return true;
    this.#overflowed = true;
    return false;
  }

  /** Call `fn`; what it and all that follows from it makes is noted. */
  run<T>(fn: () => T): T {
    return storage.run(this, fn);
  }

  /** What goes on now, and keeps the process alive: what was `unref`ed says itself that nobody need wait for it. */
  get count(): number {
    return this.#handles().length + this.#rejections.length;
  }

  /** The first of what is left, with the stacks of their making. */
  list(): LeftBehind[] {
    const handles = this.#handles().map(({ type, site }) => ({ kind: KINDS[type] ?? type, stack: site.ownFrames }));
    return [...this.#rejections, ...handles].slice(0, MAX_LISTED_LEAKS);
  }

  /** What the task seems to wait for: what it has made last, and is not there yet. */
  waits(): string[] {
    const described = new Set<string>();
    for (const { type, site } of [...this.noted.values()].reverse()) {
      if (described.size >= MAX_LISTED_WAITS) break;
      described.add(`a ${type === PROMISE ? "promise" : (KINDS[type] ?? type)} made ${site.innermost}`);
    }
    if (this.#overflowed) described.add(`more than ${MAX_WATCHED_RESOURCES} things, of which not all were watched`);
    return [...described];
  }

  /** Watch no longer. */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const id of this.noted.keys()) owners.delete(id);
    this.noted.clear();
    if (--watching > 0) return;
    hook.disable();
    storage.disable();
  }

  /** @internal */
  rejected(error: unknown, site: CreationSite): void {
    if (!this.#isOpen) return reportRejection(this.#taskName, error, site.ownFrames);
    if (this.#rejections.length >= MAX_LISTED_LEAKS) return reportRejection(this.#taskName, error, site.ownFrames);
    this.#rejections.push({ kind: `rejection that nobody awaits: ${String(error)}`, stack: site.ownFrames });
  }

  #handles(): Noted[] {
    return [...this.noted.values()].filter(({ type, resource }) => KINDS[type] !== undefined && keepsAlive(resource));
  }
}

function claimRejection(promise: Promise<unknown>, error: unknown): boolean {
  const made = promises.get(promise);
  made?.watch.rejected(error, made.site);
  return made !== undefined;
}

function keepsAlive(resource: object): boolean {
  return !("hasRef" in resource && typeof resource.hasRef === "function") || resource.hasRef() === true;
}
