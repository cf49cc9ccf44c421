/** The first actor of a tree. */
import type { Operation } from "effection";
import { type CredentialOptions, Credentials } from "../ipc/credentials.ts";
import type { LogLevel, LogSink } from "../log/mod.ts";
import { type ActorPolicy, completePolicy, type PromisePolicy, policyOf, usePolicy } from "../promise/mod.ts";
import { sleepForever } from "../sc/sleep.ts";
import { userFrame } from "../stack-frames.ts";
import { parseAddress } from "../wire/mod.ts";
import { Actor, asActor } from "./actor.ts";
import { enabledModules, type ModuleList } from "./enabled-modules.ts";
import { joinRegistries, type Registries } from "./join-registries.ts";
import { rootLogging } from "./logging.ts";
import { keepingHouse } from "./root-household.ts";

/** `secret` and `tls` hold for the whole tree: its actors ask them of who connects by TCP, and show them where they do. */
export interface RootOptions extends CredentialOptions {
  /** For people; `root` unless told. */
  readonly name?: string;
  /** Modules whose exports may be called in it, as through `openSelfPortal`. */
  readonly enableModules?: ModuleList;
  /**
   * Where to listen for peers: multiaddrs such as `/unix/run/user/1000/x.sock`, `/ip4/127.0.0.1/tcp/0`. Who can connect
   * can call what is enabled, and cancel the actor. Nowhere unless told.
   */
  readonly bindAddrs?: readonly string[];
  /**
   * Registrars of other programs, as multiaddrs: the actors of this tree are registered there as well, and found there.
   * At least one must be there; those that are not, or are lost later, are looked for until they are.
   */
  readonly registryAddrs?: readonly string[];
  /**
   * Where there is to be a registrar that programs share, as a multiaddr: this root is it, listening there as with
   * `bindAddrs`, if nobody is; else it joins the one that is, and takes its place when that has gone.
   */
  readonly ensureRegistry?: string;
  /** The least level that is logged, here and in all actors below; `warn` unless told. `ESPALIER_LOG` overrides it. */
  readonly logLevel?: LogLevel;
  /**
   * Takes the records of the whole tree, in place of stderr: for a logger that the program has. Called synchronously;
   * must not throw, and must not wait.
   */
  readonly logTo?: LogSink;
  /** What Promise code in it has to go by, where a call does not say. Nobody can kill a root: it has no quarantine. */
  readonly promises?: PromisePolicy;
  /** @internal Where the program started it, if not where this is performed. */
  readonly startedAt?: string | undefined;
}

/**
 * Run `body` as the root actor of a new tree. Nurseries opened without one boot it by themselves.
 *
 * @returns what `body` returned; undefined if a peer has cancelled the actor
 * @throws AlreadyAnActor if this process is one; TypeError if an enabled module is no URL, or an option not what it should be
 * @throws TypeError, RangeError for a secret or certificates that cannot be used
 * @throws RangeError for what is no address; ListenError if it cannot be listened on
 * @throws RegistrarUnavailable if no registrar of `registryAddrs` is there, or what listens at `ensureRegistry` is no actor
 */
export function openRootActor<T>(body: (actor: Actor) => Operation<T>, options: RootOptions = {}): Operation<T> {
  // Here, and not where it is performed: by then the program that has called may not be on the stack.
  return rootActor(body, options, options.startedAt ?? userFrame());
}

function* rootActor<T>(
  body: (actor: Actor) => Operation<T>,
  options: RootOptions,
  startedAt: string | undefined,
): Operation<T> {
  const id = { name: options.name ?? "root", uuid: crypto.randomUUID() };
  const credentials = Credentials.from(options, "openRootActor", process.env);
  const actor = new Actor(id, undefined, enabledModules(options.enableModules), options.logLevel, credentials);
  actor.startedAt = startedAt;
  const logging = rootLogging(options.logLevel, options.logTo);
  const addresses = (options.bindAddrs ?? []).map(parseAddress);
  if (credentials !== undefined) yield* credentials.check();
  const registries = registriesOf(options);
  const inRegistries =
    registries === undefined
      ? () => body(actor)
      : function* (): Operation<T> {
          yield* joinRegistries(actor, registries);
          return yield* body(actor);
        };
  const policy = completePolicy(policyOf("openRootActor", options.promises), undefined);
  const whole = () => withPolicy(policy, () => keepingHouse(actor, addresses, inRegistries));
  return yield* asActor(actor, logging, whole);
}

function* withPolicy<T>(policy: ActorPolicy, body: () => Operation<T>): Operation<T> {
  const restore = usePolicy(policy);
  try {
    return yield* body();
  } finally {
    restore();
  }
}

/** What is asked for of registrars outside this tree; undefined for nothing. */
function registriesOf({ registryAddrs = [], ensureRegistry }: RootOptions): Registries | undefined {
  for (const address of registryAddrs) parseAddress(address);
  if (ensureRegistry !== undefined) parseAddress(ensureRegistry);
  return registryAddrs.length === 0 && ensureRegistry === undefined ? undefined : { registryAddrs, ensureRegistry };
}

/**
 * Be an actor that only serves, until a peer cancels it or it is cancelled from outside, as by a signal to `runMain`.
 *
 * @param options - as `openRootActor`; one of `bindAddrs`, `registryAddrs` and `ensureRegistry` is what makes it reachable
 * @throws as `openRootActor`
 */
export function* runDaemon(options: RootOptions & Reachable): Operation<void> {
  yield* openRootActor(sleepForever, options);
}

type Reachable =
  | { readonly bindAddrs: readonly string[] }
  | { readonly registryAddrs: readonly string[] }
  | { readonly ensureRegistry: string };
