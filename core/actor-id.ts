/** Who an actor is, everywhere the same two words: on the wire, in errors, in logs. */

/** A name is for people and may repeat; the uuid is unique for the life of one process. */
export interface ActorId {
  readonly name: string;
  readonly uuid: string;
}

/** `feed@3f2a91c0`: the name and the first eight digits of the uuid. */
export function formatActorId(id: ActorId): string {
  return `${id.name}@${id.uuid.slice(0, 8)}`;
}

export function sameActor(a: ActorId, b: ActorId): boolean {
  return a.uuid === b.uuid && a.name === b.name;
}

/** Whether something from outside is one. */
export function isActorId(value: unknown): value is ActorId {
  if (typeof value !== "object" || value === null) return false;
  const { name, uuid }: { name?: unknown; uuid?: unknown } = value;
  return typeof name === "string" && typeof uuid === "string";
}
