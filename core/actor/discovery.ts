/**
 * Looking up actors by their names. An actor asks up its tree, to the root, which knows all; what is found is connected
 * to directly. Names may repeat: of several the one that holds the name is found (see `getOrStart`), or one to which
 * there is a connection, or the one that is cheapest to reach, or the one that has been there longest.
 */
import type { Operation } from "effection";
import { ActorNotFound, NoRuntime } from "../errors/mod.ts";
import type { EnabledModules } from "../rpc/function-name.ts";
import type { Portal } from "../rpc/portal.ts";
import { parseAddress } from "../wire/mod.ts";
import { type Actor, actorHere } from "./actor.ts";
import type { Asking, WatchBody } from "./directory.ts";
import { enabledModules, type ModuleList } from "./enabled-modules.ts";
import { Finding, preferred, notFound as unreachableError } from "./finding.ts";
import type { RegisteredActor } from "./registered-actor.ts";
import { RegistrarAt } from "./registrar-at.ts";
import { SeveralDirectories } from "./several-directories.ts";

export interface LookUpOptions {
  /**
   * Registrars to ask, as multiaddrs, in place of this tree's own: all at once. Nobody is registered there by that. One
   * that cannot be asked is a failure only if the others know of nobody.
   */
  readonly registryAddrs?: readonly string[];
}

export interface FindOptions extends LookUpOptions {
  /**
   * Modules that the actor exposes, as this process has imported them, so that their functions can be named by
   * reference; those that this actor exposes itself unless told. `remote` references need none.
   */
  readonly modules?: ModuleList;
}

/**
 * Run `body` with a portal to the actor of that name. The connection is shared with all others of this process that talk
 * to it, and kept for a while (`PEER_IDLE_MS`). Of an
 * entry that leads to nobody the registrar is told, and the next one is tried.
 *
 * @returns what `body` returned
 * @throws ActorNotFound if there is none that can be reached; `cause` says why one could not
 * @throws ActorTooSlowError if a look-up is not answered within `LOOK_UP_TIMEOUT_MS`
 * @throws RegistrarUnavailable if a registrar outside this tree cannot be asked; ExceptionGroup if several cannot
 * @throws NoRuntime outside an actor; TypeError, RangeError for a bad name, option or address
 */
export function* findActor<T>(
  name: string,
  body: (portal: Portal) => Operation<T>,
  options: FindOptions = {},
): Operation<T> {
  const finding = yield* begin("findActor", name, body, options);
  const used = yield* finding.useFirst(body);
  if (used !== undefined) return used.value;
  throw notFound(name, finding, options);
}

/** As `findActor`, but `body` is run in any case: without a portal if there is no such actor that can be reached. */
export function* maybeFindActor<T>(
  name: string,
  body: (portal: Portal | undefined) => Operation<T>,
  options: FindOptions = {},
): Operation<T> {
  const finding = yield* begin("maybeFindActor", name, body, options);
  const used = yield* finding.useFirst(body);
  return used === undefined ? yield* body(undefined) : used.value;
}

/**
 * As `findActor`, but wait until there is one. Nothing is polled: the registrar tells of it. Bound the wait with
 * `failAfter`.
 *
 * @throws as `findActor`, but for ActorNotFound
 */
export function* waitForActor<T>(
  name: string,
  body: (portal: Portal) => Operation<T>,
  options: FindOptions = {},
): Operation<T> {
  const finding = yield* begin("waitForActor", name, body, options);
  const near = yield* finding.useNear(body);
  if (near !== undefined) return near.value;
  for (;;) {
    const used = yield* finding.useNext(body);
    if (used !== undefined) return used.value;
  }
}

/**
 * What is known of the actor that `findActor` would find, without connecting to it, or having it listen.
 *
 * @returns undefined if there is none
 * @throws as `findActor`, but for ActorNotFound
 */
export function* queryActor(name: string, options: LookUpOptions = {}): Operation<RegisteredActor | undefined> {
  const { directory } = yield* asking("queryActor", options);
  return preferred(yield* directory.lookUp(checkName("queryActor", name), "one"))[0];
}

/**
 * All actors of that name, or simply all: of this tree, and of those of the programs whose registries it has joined.
 *
 * @throws as `queryActor`
 */
export function* findActors(name?: string, options: LookUpOptions = {}): Operation<readonly RegisteredActor[]> {
  const { directory } = yield* asking("findActors", options);
  return yield* directory.lookUp(name === undefined ? undefined : checkName("findActors", name), "all");
}

/**
 * Run `body` with what changes from now on among the actors that `findActors` would find, and with those that are there.
 *
 * ```ts
 * yield* watchActors(function* (events, present) {
 *   for (const { type, actor } of yield* each(events)) { …; yield* each.next(); }
 * });
 * ```
 *
 * @returns what `body` returned
 * @throws as `queryActor`
 */
export function* watchActors<T>(body: WatchBody<T>, options: LookUpOptions = {}): Operation<T> {
  mustBeBlock("watchActors(body)", body);
  const { directory } = yield* asking("watchActors", options);
  return yield* directory.watch(body);
}

function* begin(call: string, name: string, body: unknown, options: FindOptions): Operation<Finding> {
  checkName(call, name);
  mustBeBlock(`${call}(name, body)`, body);
  const { actor, directory } = yield* asking(call, options);
  const modules = options.modules === undefined ? byUrl(actor.enabled) : enabledModules(options.modules);
  return new Finding(actor, name, directory, modules, options.registryAddrs === undefined);
}

function* asking(call: string, { registryAddrs }: LookUpOptions): Operation<{ actor: Actor; directory: Asking }> {
  const actor = yield* actorHere();
  if (actor === undefined) throw new NoRuntime(`${call}()`);
  if (registryAddrs === undefined) return { actor, directory: actor.directory };
  if (registryAddrs.length === 0) throw new RangeError(`${call}: registryAddrs names no registrar; leave it out`);
  for (const address of registryAddrs) parseAddress(address);
  return { actor, directory: new SeveralDirectories(registryAddrs.map((address) => new RegistrarAt(actor, address))) };
}

function notFound(name: string, { unreachable, lastError }: Finding, { registryAddrs }: LookUpOptions): ActorNotFound {
  if (unreachable.length > 0) return unreachableError(name, unreachable, lastError);
  const where = registryAddrs === undefined ? "" : ` at ${registryAddrs.join(", ")}`;
  return new ActorNotFound(name, `none is registered${where}; start it before, or wait for it with waitForActor`);
}

/** Exposed under their URLs everywhere, and under other names perhaps. */
function byUrl(enabled: EnabledModules): EnabledModules {
  return Object.fromEntries(Object.values(enabled).map((url) => [url, url]));
}

function checkName(call: string, name: string): string {
  if (typeof name === "string" && name !== "") return name;
  throw new TypeError(`${call}: an actor's name is a string, got ${name === "" ? "an empty one" : String(name)}`);
}

function mustBeBlock(call: string, body: unknown): void {
  if (typeof body === "function") return;
  throw new TypeError(`${call} takes its block as a generator function, got ${typeof body}`);
}
