/**
 * Who is there: the data of a registrar, without any waiting. Actors are entered by whoever has started them, and leave
 * with all that is below them in their tree.
 */
import { type ActorId, formatActorId } from "../actor-id.ts";
import { ProtocolError } from "../errors/mod.ts";
import type { RegisteredActor } from "./registered-actor.ts";

/** What changes in a registry. */
export interface ActorEvent {
  readonly type: "joined" | "left";
  readonly actor: RegisteredActor;
}

/** Who entered an actor, and answers for it: a connection, this process itself, or nobody. */
export type Source = object;

interface Entry {
  record: RegisteredActor;
  readonly source: Source;
}

export class Registry {
  /** In the order of their entry. */
  readonly #entries = new Map<string, Entry>();
  readonly #byName = new Map<string, Set<Entry>>();
  /** Those directly below an actor, by its uuid. */
  readonly #below = new Map<string, Set<Entry>>();
  readonly #listeners = new Set<(event: ActorEvent) => void>();

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Enter an actor, or say anew what is known of it.
   *
   * @throws ProtocolError if somebody else has entered it
   */
  join(record: RegisteredActor, source: Source): void {
    const { uuid, name } = record.actor;
    const known = this.#entries.get(uuid);
    if (known !== undefined) {
      if (known.source !== source) {
        throw new ProtocolError(`${formatActorId(record.actor)} is registered already, by somebody else`);
      }
      known.record = record;
      return;
    }
    const entry = { record, source };
    this.#entries.set(uuid, entry);
    addTo(this.#byName, name, entry);
    const parent = record.path.at(-1);
    if (parent !== undefined) addTo(this.#below, parent.uuid, entry);
    this.#tell({ type: "joined", actor: record });
  }

  /** Where it listens is known by now, or known to be wrong. */
  relocate(uuid: string, addresses: readonly string[]): void {
    const entry = this.#entries.get(uuid);
    if (entry !== undefined) entry.record = { ...entry.record, addresses };
  }

  /**
   * Remove an actor and all below it, those deepest first.
   *
   * @param source - whose entries may be removed; anybody's unless told
   */
  leave(uuid: string, source?: Source): void {
    // A set, for what peers say of themselves may go in a circle.
    const doomed = new Set([uuid]);
    for (const above of doomed) {
      for (const { record } of this.#below.get(above) ?? []) doomed.add(record.actor.uuid);
    }
    for (const each of [...doomed].reverse()) {
      const entry = this.#entries.get(each);
      if (entry !== undefined && (source === undefined || entry.source === source)) this.#remove(entry);
    }
  }

  /** Remove all that `source` has entered. */
  leaveAllOf(source: Source): void {
    for (const entry of [...this.#entries.values()].reverse()) if (entry.source === source) this.#remove(entry);
  }

  /** All of that name, or simply all, in the order of their entry; but one that holds its name stands first. */
  find(name?: string): RegisteredActor[] {
    if (name === undefined) return [...this.#entries.values()].map(({ record }) => record);
    const found = [...(this.#byName.get(name) ?? [])].map(({ record }) => record);
    return found.sort((a, b) => Number(b.holdsName) - Number(a.holdsName));
  }

  get(uuid: string): { readonly record: RegisteredActor; readonly source: Source } | undefined {
    return this.#entries.get(uuid);
  }

  /** The one that holds `name` for its tree. */
  holderOf(name: string): RegisteredActor | undefined {
    return this.find(name).find(({ holdsName }) => holdsName);
  }

  /** Have `fn` told of every change, at once, until the function that is returned is called. */
  listen(fn: (event: ActorEvent) => void): () => void {
    const listener = (event: ActorEvent) => fn(event);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #remove(entry: Entry): void {
    const { actor, path } = entry.record;
    this.#entries.delete(actor.uuid);
    takeFrom(this.#byName, actor.name, entry);
    const parent: ActorId | undefined = path.at(-1);
    if (parent !== undefined) takeFrom(this.#below, parent.uuid, entry);
    this.#tell({ type: "left", actor: entry.record });
  }

  #tell(event: ActorEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

function takeFrom<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
