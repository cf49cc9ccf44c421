/**
 * One resource for many users, after tractor's `maybe_open_context`: the first one opens it, the last one out leaves it.
 * It runs in a tree of its own, so that it can outlive whoever came first; it belongs to its users together, and the last
 * of them does not leave before it has ended.
 */
import type { Operation, Result, Scope } from "effection";
import { CancelScope, Event, GroundContext, named, openNursery, peek, shielded } from "../core/mod.ts";
import { SharedResourceEnded } from "./errors.ts";
import type { Opener } from "./gather-contexts.ts";
import { holdsCancelled, throwAll } from "./outcome.ts";
import { type SharedKey, textOf } from "./shared-key.ts";
import { type Failure, InsideContext, SharedResource, type User } from "./shared-resource.ts";

/**
 * Run `body` with the resource that `key` names in this actor: opened by `opener` if nobody uses it, shared if somebody
 * does. Where there is no actor, the tree of tasks (`run`, `runMain`) is what shares.
 *
 * ```ts
 * yield* maybeOpenContext(["ticks", symbol], (use) => portal.openContext(ticks, { symbol }, use), function* (ctx, isHit) { … });
 * ```
 *
 * - It is in no user's cancel scope. A first user that is cancelled while the resource is being opened, or used by
 *   others, leaves it to them; it is cancelled when the last one is.
 * - The last user out leaves it as if it had opened it alone: in good order, by the error of its body, or by its own
 *   cancellation. It waits for that, and what goes wrong there is raised at it, beside what it was leaving by.
 * - Who comes while it is being left waits, and opens it anew.
 *
 * @param key - the same key must mean the same kind of resource: nobody checks that
 * @param opener - runs its body once, with the resource; of several users only the first one's is called
 * @param body - `isHit` tells whether somebody else had opened it, or begun to
 * @returns what `body` returned
 * @throws whatever `body` throws, as it is
 * @throws what the opener throws, at all that wait for it or use it: their bodies are cancelled first. The next user
 *   tries anew. SharedResourceEnded if it returns while it is used
 * @throws ExceptionGroup if both have failed
 * @throws Error if the resource would wait for itself, through other shared resources too, or in a plain Effection task
 */
export function* maybeOpenContext<T, R>(
  key: SharedKey,
  opener: Opener<T>,
  body: (value: T, isHit: boolean) => Operation<R>,
): Operation<R> {
  for (const [name, value] of Object.entries({ opener, body })) {
    if (typeof value === "function") continue;
    throw new TypeError(`maybeOpenContext(key, opener, body): ${name} must be a function, got ${typeof value}`);
  }
  const ground = yield* peek(GroundContext);
  if (ground === undefined) {
    throw new Error(
      "maybeOpenContext was called in a plain Effection task, which shares with no other; call it inside run(), runMain() or a nursery",
    );
  }
  return yield* new Lease(tableOf(ground), textOf(key), body).use(key, ground, opener);
}

/** What is open, by the text of its key. */
type Table = Map<string, SharedResource>;

/** Those of each actor, or of each tree where there is none. */
const tables = new WeakMap<object, Table>();

function tableOf(ground: object): Table {
  let table = tables.get(ground);
  if (table === undefined) {
    table = new Map();
    tables.set(ground, table);
  }
  return table;
}

/** One use of a shared resource, from its beginning to its end. */
class Lease<T, R> implements User {
  readonly #table: Table;
  readonly #text: string;
  readonly #body: (value: T, isHit: boolean) => Operation<R>;
  /** Cancelled when the resource ends before its users. */
  readonly #scope = new CancelScope();
  readonly #bodyEnded = new Event("the body of its user to end");
  #outcome: Result<R> | undefined;
  #failure: Failure | undefined;

  constructor(table: Table, text: string, body: (value: T, isHit: boolean) => Operation<R>) {
    this.#table = table;
    this.#text = text;
    this.#body = body;
  }

  *use(key: SharedKey, ground: Scope, opener: Opener<T>): Operation<R> {
    const inside = yield* peek(InsideContext);
    yield* this.#untilFree(inside);
    const unwound: unknown[] = [];
    const lease = this;
    try {
      yield* openNursery(
        function* (nursery) {
          const open = lease.#table.get(lease.#text);
          const resource = open ?? new SharedResource(key, () => lease.#table.delete(lease.#text));
          // No pause until there is a task that sees to the end.
          resource.join(lease);
          nursery.startSoon(named(`user of ${resource.name}`, () => lease.#keep(resource, inside)));
          if (open === undefined) {
            inside?.use(resource);
            lease.#table.set(lease.#text, resource);
            yield* resource.open(ground, opener);
          }
          yield* lease.#runBody(resource, open !== undefined);
        },
        { name: "maybeOpenContext" },
      );
    } catch (error) {
      unwound.push(error);
    }
    return this.#conclude(unwound);
  }

  broken(): void {
    this.#scope.cancel("the shared resource is ending");
  }

  failed(failure: Failure): void {
    this.#failure = failure;
  }

  /** While it is being left by those before us it is neither there nor gone. */
  *#untilFree(inside: SharedResource | undefined): Operation<void> {
    for (;;) {
      const resource = this.#table.get(this.#text);
      if (resource !== undefined) inside?.use(resource);
      if (resource?.isLeaving !== true) return;
      try {
        yield* resource.gone.wait();
      } finally {
        inside?.letGo(resource);
      }
    }
  }

  *#runBody(resource: SharedResource, isHit: boolean): Operation<void> {
    const lease = this;
    try {
      yield* this.#scope.run(function* () {
        yield* resource.entered.wait();
        lease.#outcome = { ok: true, value: yield* lease.#body(resource.value as T, isHit) };
      });
    } catch (error) {
      if (holdsCancelled(error)) throw error;
      this.#outcome = { ok: false, error: error as Error };
    } finally {
      this.#bodyEnded.set();
    }
  }

  /** Whichever way the body ends: count it out, and see to the end of the resource if it was the last. */
  *#keep(resource: SharedResource, inside: SharedResource | undefined): Operation<void> {
    yield* shielded(() => this.#bodyEnded.wait());
    try {
      if (!resource.part(this)) return;
      if (this.#outcome !== undefined) resource.leave(this.#outcome);
      yield* resource.gone.wait();
    } catch (error) {
      if (resource.hurry(this)) yield* shielded(() => resource.gone.wait());
      throw error;
    } finally {
      inside?.letGo(resource);
    }
  }

  /** @param unwound - what came out of the nursery: a cancellation, and what went wrong on its way */
  #conclude(unwound: readonly unknown[]): R {
    const outcome = this.#outcome;
    const errors = [...unwound];
    const failure = this.#failure?.error;
    // That it ended before its users matters to those whose bodies it cut short.
    const isCut = outcome === undefined && unwound.length === 0;
    if (this.#failure !== undefined && (isCut || !(failure instanceof SharedResourceEnded))) errors.unshift(failure);
    if (outcome?.ok === false && this.#failure?.holds !== outcome.error) errors.unshift(outcome.error);
    throwAll("a shared resource and its user failed", errors);
    return (outcome as Result<R> & { readonly ok: true }).value;
  }
}
