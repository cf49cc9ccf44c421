/** Taking part in the registries of other programs, as a root is told to when it is opened. */
import type { Operation } from "effection";
import { ExceptionGroup } from "../exception-group.ts";
import { journal } from "../log/mod.ts";
import { named } from "../sc/nursery.ts";
import type { Actor } from "./actor.ts";
import { RegistryLink } from "./registry-link.ts";

export interface Registries {
  readonly registryAddrs: readonly string[];
  readonly ensureRegistry: string | undefined;
}

/**
 * Join registries, for as long as the root `actor` is there. Returns once the actors of the tree are known to those that
 * could be reached.
 *
 * @throws RegistrarUnavailable if none of `registryAddrs` could; ExceptionGroup if none of several could
 * @throws ListenError if `ensureRegistry` can neither be listened on nor joined
 */
export function* joinRegistries(actor: Actor, { registryAddrs, ensureRegistry }: Registries): Operation<void> {
  const { registrar, household } = actor;
  if (registrar === undefined) throw new TypeError(`actor "${actor.name}" is no root: registries are joined by roots`);
  const start = (address: string, how: "keep" | "ensure") => {
    const link = new RegistryLink(actor, registrar, address);
    household.nursery.startSoon(named(`registry at ${address}`, () => link[how]()));
    return link;
  };
  if (ensureRegistry !== undefined) yield* start(ensureRegistry, "ensure").first.wait();
  const links = [...new Set(registryAddrs)].map((address) => start(address, "keep"));
  const errors: unknown[] = [];
  for (const link of links) {
    try {
      yield* link.first.wait();
    } catch (error) {
      if (link.first.result?.ok !== false || link.first.result.error !== error) throw error;
      errors.push(error);
    }
  }
  if (links.length === 0 || errors.length < links.length) {
    for (const error of errors) journal.write("warn", "registrar.unavailable", `${error}; it is looked for`, { error });
    return;
  }
  throw errors.length === 1 ? errors[0] : new ExceptionGroup("no registrar of registryAddrs is there", errors);
}
