/** Several registrars asked at once, as one directory: what one of them knows is known. */
import type { Operation } from "effection";
import type { ActorId } from "../actor-id.ts";
import { isCancelled, Lagged, RegistrarUnavailable } from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { journal } from "../log/mod.ts";
import { Deferred } from "../sc/deferred.ts";
import { type Nursery, named, openNursery } from "../sc/nursery.ts";
import { ActorEvents, EventRing } from "./actor-events.ts";
import type { Asking, WatchBody } from "./directory.ts";
import type { RegisteredActor } from "./registered-actor.ts";
import type { ActorEvent } from "./registry.ts";

/** One that may be gone for a while. */
interface MayReturn {
  untilBack?(): Operation<void>;
}

export class SeveralDirectories implements Asking {
  readonly #all: readonly (Asking & MayReturn)[];

  constructor(all: readonly (Asking & MayReturn)[]) {
    this.#all = all;
  }

  /** @param isKnown - whether something was found elsewhere: then a registrar that cannot be asked is no failure */
  *lookUp(name: string | undefined, enough: "one" | "all", isKnown = false): Operation<readonly RegisteredActor[]> {
    const found = new Map<string, RegisteredActor>();
    const errors = yield* this.#askAll("look-up", function* (directory, n) {
      const answer = yield* directory.lookUp(name, enough);
      for (const record of answer) {
        const key = keyOf(record);
        if (!found.has(key)) found.set(key, record);
      }
      if (enough === "one" && answer.length > 0) n.cancelScope.cancel("one of that name was found");
    });
    if (errors.length > 0 && found.size === 0 && !isKnown) throw together(errors);
    logAll(errors);
    return [...found.values()];
  }

  *locate(actor: ActorId): Operation<readonly string[]> {
    const errors: unknown[] = [];
    for (const directory of this.#all) {
      try {
        const addresses = yield* directory.locate(actor);
        if (addresses.length > 0) return addresses;
      } catch (error) {
        if (isCancelled(error)) throw error;
        errors.push(error);
      }
    }
    if (errors.length > 0) throw together(errors);
    return [];
  }

  *evict(actor: ActorId, addresses: readonly string[]): Operation<void> {
    // It only tidies up: whoever asks for it has an error of its own to tell of.
    logAll(yield* this.#askAll("evict", (directory) => directory.evict(actor, addresses)));
  }

  *waitFor(
    name: string,
    except: readonly string[],
    beside: readonly Pick<Asking, "waitFor">[] = [],
  ): Operation<RegisteredActor> {
    let found: RegisteredActor | undefined;
    const errors: unknown[] = [];
    yield* openNursery(
      function* (this: SeveralDirectories, n: Nursery) {
        for (const directory of [...beside, ...this.#all]) {
          n.startSoon(function* waitThere() {
            try {
              found ??= yield* directory.waitFor(name, except);
              n.cancelScope.cancel("one of that name was found");
            } catch (error) {
              if (isCancelled(error)) throw error;
              errors.push(error);
            }
          });
        }
      }.bind(this),
      { name: `waiting for ${name}` },
    );
    if (found === undefined) throw together(errors);
    logAll(errors);
    return found;
  }

  /**
   * @param beside - a directory that is there whatever happens
   * @param ownRoot - the uuid of its root: of that tree only `beside` tells
   */
  *watch<T>(body: WatchBody<T>, beside?: Pick<Asking, "watch">, ownRoot?: string): Operation<T> {
    const outcome = new Deferred<T>("watch of actors", true);
    yield* openNursery(
      function* (this: SeveralDirectories, n: Nursery) {
        const merged = new MergedWatch(ownRoot);
        const begun: Operation<void>[] = [];
        for (const directory of this.#all) begun.push(merged.follow(n, directory, true));
        if (beside !== undefined) begun.push(merged.follow(n, beside, false));
        for (const first of begun) yield* first;
        try {
          outcome.resolve(yield* body(merged.events, merged.begin()));
        } catch (error) {
          outcome.reject(error);
        }
        n.cancelScope.cancel("the watch has ended");
      }.bind(this),
      { name: "watch of actors" },
    );
    return yield* outcome.wait();
  }

  /** What those have failed with that did. */
  *#askAll(what: string, ask: (directory: Asking, n: Nursery) => Operation<void>): Operation<unknown[]> {
    const errors: unknown[] = [];
    const all = this.#all;
    yield* openNursery(
      function* (n) {
        for (const directory of all) {
          const askOne = function* (): Operation<void> {
            try {
              yield* ask(directory, n);
            } catch (error) {
              if (isCancelled(error)) throw error;
              errors.push(error);
            }
          };
          n.startSoon(named(`${what} at a registrar`, askOne));
        }
      },
      { name: `${what} at ${all.length} registrars` },
    );
    return errors;
  }
}

/** Changes told by several, as those of one: an actor that two know of joins and leaves once. */
class MergedWatch {
  readonly #ring = new EventRing();
  readonly #known = new Map<string, RegisteredActor>();
  readonly #ownRoot: string | undefined;
  #hasBegun = false;
  readonly events = new ActorEvents(() => this.#ring.next());

  constructor(ownRoot: string | undefined) {
    this.#ownRoot = ownRoot;
  }

  /** Who is there now; from now on changes are told. */
  begin(): RegisteredActor[] {
    this.#hasBegun = true;
    return [...this.#known.values()];
  }

  /** Start following a directory; what is returned waits until it has said who is there, or cannot be asked. */
  follow(n: Nursery, directory: Pick<Asking, "watch"> & MayReturn, isForeign: boolean): Operation<void> {
    const begun = new Deferred<void>("the first answer of a registrar", true);
    const theirs = new Set<string>();
    const isMine = ({ actor, path }: RegisteredActor) => isForeign && (path[0] ?? actor).uuid === this.#ownRoot;
    const joined = (actor: RegisteredActor) => {
      if (isMine(actor)) return;
      theirs.add(actor.actor.uuid);
      this.#apply({ type: "joined", actor });
    };
    const leaveAllBut = (present: ReadonlySet<string>) => {
      for (const uuid of [...theirs]) {
        const actor = this.#known.get(uuid);
        if (present.has(uuid)) continue;
        theirs.delete(uuid);
        if (actor !== undefined) this.#apply({ type: "left", actor });
      }
    };
    const followOnce = function* (this: MergedWatch): Operation<void> {
      yield* directory.watch(
        function* (this: MergedWatch, events: ActorEvents, present: readonly RegisteredActor[]): Operation<void> {
          leaveAllBut(new Set(present.map(({ actor }) => actor.uuid)));
          for (const actor of present) joined(actor);
          begun.resolve();
          for (;;) {
            const event = yield* events.receive();
            if (event.type === "joined") joined(event.actor);
            else if (theirs.delete(event.actor.actor.uuid)) this.#apply(event);
          }
        }.bind(this),
      );
    }.bind(this);
    const followOn = function* (this: MergedWatch): Operation<void> {
      for (;;) {
        try {
          yield* followOnce();
        } catch (error) {
          if (isCancelled(error) || !(error instanceof Error)) throw error;
          if (error instanceof Lagged) this.#ring.miss(error.missed);
          else {
            leaveAllBut(new Set());
            begun.resolve();
            if (!(error instanceof RegistrarUnavailable) || directory.untilBack === undefined) {
              return this.#ring.fail(error);
            }
            yield* directory.untilBack();
          }
        }
      }
    }.bind(this);
    n.startSoon(named("following a registrar", followOn));
    return begun.wait();
  }

  #apply(event: ActorEvent): void {
    const { uuid } = event.actor.actor;
    if (event.type === "joined" ? this.#known.has(uuid) : !this.#known.delete(uuid)) return;
    if (event.type === "joined") this.#known.set(uuid, event.actor);
    if (this.#hasBegun) this.#ring.push(event);
  }
}

/** One that a plain registrar has told of has no uuid yet. */
function keyOf({ actor, addresses }: RegisteredActor): string {
  return actor.uuid === "" ? `${actor.name} ${addresses.join(" ")}` : actor.uuid;
}

function together(errors: readonly unknown[]): unknown {
  return errors.length === 1 ? errors[0] : new ExceptionGroup("no registrar could be asked", errors);
}

function logAll(errors: readonly unknown[]): void {
  for (const error of errors) {
    const text = error instanceof Error ? error.message : String(error);
    journal.write("warn", "registrar.unavailable", text, { error });
  }
}
