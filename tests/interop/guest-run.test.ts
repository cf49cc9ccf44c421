/** A guest without children: what Promise code sees of an actor in its own process. */
import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { fileURLToPath } from "node:url";
import type { Operation } from "effection";
import { vi } from "vitest";
import {
  AlreadyAnActor,
  currentActor,
  ExceptionGroup,
  ListenError,
  openPortalTo,
  openRootActor,
  run,
  shielded,
  sleep,
  sleepForever,
  TooSlowError,
} from "../../core/mod.ts";
import { GuestClosed, GuestTooSlow, SLOW_CLOSE_MS, startGuestRun } from "../../interop/mod.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { collectWarnings, hostTurn } from "../to_promise/promise-side.ts";

/** What a promise is rejected with. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    return new Error(`it was fulfilled with ${String(await promise)}`);
  } catch (error) {
    return error;
  }
}

/** Waits until it is cancelled; says when it has unwound. */
function waiting(log: string[], cleanUp: () => Operation<void> = hostTurn): () => Operation<void> {
  return function* waits() {
    log.push("began");
    try {
      yield* sleepForever();
    } finally {
      yield* shielded(cleanUp);
      log.push("unwound");
    }
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("a guest run", () => {
  useCensus();

  it("runs operations as the actor that it is, and gives their values and errors to the caller alone", async () => {
    await using guest = await startGuestRun({ name: "web" });
    expect(guest.name).toBe("web");
    expect(await guest.run(currentActor)).toBe(guest.actor);
    const failing = guest.run(function* () {
      yield* hostTurn();
      throw new TypeError("mine");
    });
    expect(await rejection(failing)).toBeInstanceOf(TypeError);
    expect(await guest.run(currentActor)).toBe(guest.actor);
    expect(guest.signal.aborted).toBe(false);
  });

  it("cancels a call by its signal, waits until it has unwound, and rejects with the signal's reason", async () => {
    await using guest = await startGuestRun();
    const log: string[] = [];
    const controller = new AbortController();
    const { signal } = controller;
    const call = guest.run(waiting(log), { signal });
    await turn();
    expect(log).toEqual(["began"]);
    const reason = new Error("the client has left");
    controller.abort(reason);
    expect(await rejection(call)).toBe(reason);
    expect(log).toEqual(["began", "unwound"]);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(await rejection(guest.run(waiting(log), { signal }))).toBe(reason);
    expect(log.length).toBe(2); // nothing was started
  });

  it("lets go of the signal of a call that has ended", async () => {
    await using guest = await startGuestRun();
    const { signal } = new AbortController();
    await guest.run(hostTurn, { signal });
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("rejects a cancelled call with what its clean-up has failed with", async () => {
    await using guest = await startGuestRun();
    const controller = new AbortController();
    const failing = waiting([], function* () {
      throw new TypeError("clean-up");
    });
    const call = guest.run(failing, { signal: controller.signal });
    await turn();
    controller.abort();
    expect(String(await rejection(call))).toBe("TypeError: clean-up");
  });

  it("bounds a call in time, and waits until it has unwound", async () => {
    await using guest = await startGuestRun();
    const log: string[] = [];
    expect(await rejection(guest.run(waiting(log), { timeoutMs: 5 }))).toBeInstanceOf(TooSlowError);
    expect(log).toEqual(["began", "unwound"]);
  });

  it.each([
    ["a negative time", { timeoutMs: -1 }, /timeoutMs must be >= 0, got -1/],
    ["no number", { timeoutMs: Number.NaN }, /timeoutMs must be >= 0, got NaN/],
    ["no signal", { signal: {} as AbortSignal }, /signal: give an AbortSignal, got object/],
  ])("refuses %s, and starts nothing", async (_what, options, message) => {
    await using guest = await startGuestRun();
    const log: string[] = [];
    expect(String(await rejection(guest.run(waiting(log), options)))).toMatch(message);
    expect(log).toEqual([]);
  });

  it.each([
    ["an operation that was made already", hostTurn(), /takes a generator function .*, got object/],
    ["an async function", async () => 1, /made a promise, and not an operation; .*runTask/],
    ["a plain function", () => 1, /made number, and not an operation/],
  ])("refuses %s", async (_what, op, message) => {
    await using guest = await startGuestRun();
    expect(String(await rejection(guest.run(op as never)))).toMatch(message);
  });

  it("runs a call in the async context of its caller", async () => {
    await using guest = await startGuestRun();
    const storage = new AsyncLocalStorage<string>();
    const asked = function* () {
      yield* hostTurn();
      return storage.getStore();
    };
    const calls = ["first", "second"].map((name) => storage.run(name, () => guest.run(asked)));
    expect(await Promise.all(calls)).toEqual(["first", "second"]);
  });

  it("closes: cancels what runs, waits for it, tells everyone, and leaves nothing of the actor", async () => {
    const guest = await startGuestRun({ name: "web" });
    const log: string[] = [];
    const call = rejection(guest.run(waiting(log)));
    await turn();
    guest.actor.lifetime.callback(() => void log.push("clean-up of the actor"));
    const closing = guest.close("shutting down");
    expect(guest.signal.aborted).toBe(true);
    await closing;
    expect(log).toEqual(["began", "unwound", "clean-up of the actor"]);
    expect(await call).toBe(guest.signal.reason);
    expect(await guest.closed).toBeUndefined();
    const error = await rejection(guest.run(currentActor));
    expect(error).toBeInstanceOf(GuestClosed);
    expect(error).toMatchObject({ guestName: "web", reason: "shutting down" });
    expect((error as GuestClosed).cause).toBeUndefined();
    expect(() => guest.startSoon(hostTurn)).toThrow(GuestClosed);
    await guest.close(); // once more does no harm
  });

  it("ends when its main operation has returned and its calls have ended, with its value", async () => {
    const log: string[] = [];
    const guest = await startGuestRun(function* () {
      yield* hostTurn();
      return 42;
    });
    const call = guest.run(function* () {
      yield* sleep(20);
      log.push("called");
    });
    expect(await guest.closed).toBe(42);
    await call;
    expect(log).toEqual(["called"]);
    expect(guest.signal.aborted).toBe(true);
    expect(String(guest.signal.reason)).toMatch(/has ended: it has come to its end/);
  });

  it("fails with its main operation: what runs is cancelled, and later calls name the first failure", async () => {
    const guest = await startGuestRun(
      function* () {
        yield* hostTurn();
        throw new TypeError("out of ticks");
      },
      { name: "web" },
    );
    const { closed } = guest;
    const log: string[] = [];
    const call = rejection(guest.run(waiting(log)));
    const failure = await rejection(closed);
    expect(failure).toBeInstanceOf(ExceptionGroup);
    const [error] = (failure as ExceptionGroup).errors;
    expect(String(error)).toBe("TypeError: out of ticks");
    expect(log).toEqual(["began", "unwound"]);
    for (const refused of [await call, await rejection(guest.run(hostTurn)), guest.signal.reason]) {
      expect(refused).toBeInstanceOf(GuestClosed);
      expect(refused).toMatchObject({ cause: error });
      expect(String(refused)).toMatch(/guest run "web" has failed: .*out of ticks/);
    }
    expect(await rejection(guest.close())).toBe(failure);
  });

  it("aborts its signal as soon as something fails, and not only when all has unwound", async () => {
    const guest = await startGuestRun();
    let isSlow = true;
    const slow = guest.run(
      waiting([], function* () {
        while (isSlow) yield* hostTurn();
      }),
    );
    slow.catch(() => {});
    await turn();
    guest.startSoon(function* fails() {
      throw new TypeError("background");
    });
    await new Promise((resolve) => guest.signal.addEventListener("abort", resolve));
    isSlow = false;
    expect(String(guest.signal.reason.cause)).toBe("TypeError: background");
    expect(await rejection(guest.closed)).toBeInstanceOf(ExceptionGroup);
  });

  it("reports a failure that nobody waits for as a warning, and not as an unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", onUnhandled);
    const warned: string[] = [];
    const details: unknown[] = [];
    const warnings = collectWarnings((warning) => {
      warned.push(warning.message);
      details.push(Reflect.get(warning, "detail"));
    });
    const failing = function* (): Operation<never> {
      throw new TypeError("nobody looks");
    };
    const guest = await startGuestRun(failing, { name: "web" });
    await expect.poll(() => warnings.names, { timeout: 15_000 }).toEqual(["GuestRunFailed"]);
    expect(details).toEqual([expect.stringMatching(/TypeError: nobody looks/)]);
    expect(warned).toEqual([expect.stringMatching(/guest run "web" has failed, and nobody waits for guest.closed/)]);
    // Still there for whoever asks now.
    expect(await rejection(guest.closed)).toBeInstanceOf(ExceptionGroup);

    const watched = await startGuestRun(failing);
    expect(await rejection(watched.closed)).toBeInstanceOf(ExceptionGroup);
    await turn();
    await turn();
    expect(warnings.names.length).toBe(1);
    warnings.stop();
    process.off("unhandledRejection", onUnhandled);
    expect(unhandled).toEqual([]);
  });

  it("throws its failure where its block is left", async () => {
    const block = async () => {
      await using guest = await startGuestRun();
      guest.startSoon(function* fails() {
        throw new TypeError("background");
      });
      await new Promise((resolve) => guest.signal.addEventListener("abort", resolve));
    };
    const failure = await rejection(block());
    expect((failure as ExceptionGroup).errors.map(String)).toEqual(["TypeError: background"]);
  });

  it("raises what fails while it is closed", async () => {
    const guest = await startGuestRun();
    guest.startSoon(
      waiting([], function* () {
        throw new TypeError("clean-up");
      }),
    );
    await turn();
    const failure = await rejection(guest.close());
    expect((failure as ExceptionGroup).leaves().map(String)).toEqual(["TypeError: clean-up"]);
  });

  it("is one for a process: another is told where the first was started, and the first goes on", async () => {
    const guest = await startGuestRun({ name: "first" });
    const second = await rejection(startGuestRun({ name: "second" }));
    expect(second).toBeInstanceOf(AlreadyAnActor);
    expect(second).toMatchObject({ actor: guest.actor.id });
    const here = fileURLToPath(import.meta.url).replace(/^.*\//, "");
    expect(String(second)).toMatch(new RegExp(`already actor "first", started at .*${here}:\\d+:\\d+`));
    expect(await rejection(run(() => openRootActor(hostTurn)))).toBeInstanceOf(AlreadyAnActor);
    expect(await guest.run(currentActor)).toBe(guest.actor);
    await guest.close();
    await using third = await startGuestRun({ name: "third" });
    expect((await third.run(currentActor)).name).toBe("third");
  });

  it("is refused where the process is an actor by other means, and that one is told of", async () => {
    const { signal } = new AbortController();
    const main = run(() => openRootActor(sleepForever, { name: "main" }));
    await turn();
    const refused = await rejection(startGuestRun({ signal }));
    main.cancel();
    await rejection(main);
    expect(String(refused)).toMatch(/already actor "main", started at .*guest-run.test.ts/);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("is closed by the signal it was given, and not started by one that is aborted", async () => {
    const controller = new AbortController();
    const guest = await startGuestRun({ signal: controller.signal });
    controller.abort("SIGTERM");
    expect(await guest.closed).toBeUndefined();
    expect(String(guest.signal.reason)).toMatch(/SIGTERM/);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    expect(await rejection(startGuestRun({ signal: controller.signal }))).toBe("SIGTERM");
    await (await startGuestRun()).close();
  });

  it("that cannot be started is rejected with the reason, and leaves room for another", async () => {
    const bindAddrs = [`/unix${useTempDir()}/guest.sock`];
    await using other = await startGuestRun({ bindAddrs });
    await other.close();
    const taken = [...bindAddrs, ...bindAddrs];
    const error = await rejection(startGuestRun({ bindAddrs: taken }));
    expect(error).toBeInstanceOf(ListenError);
    expect(await rejection(startGuestRun({ warm: -1 }))).toBeInstanceOf(RangeError);
    expect(await rejection(startGuestRun(5 as never))).toBeInstanceOf(TypeError);
    expect(await rejection(startGuestRun({ logLevel: "loud" as never }))).toBeInstanceOf(TypeError);
    await (await startGuestRun()).close();
  });

  it("is closed by a peer that cancels its actor, in good order, and says who", async () => {
    const guest = await startGuestRun({ bindAddrs: [`/unix${useTempDir()}/guest.sock`] });
    const [address = ""] = guest.addresses;
    const log: string[] = [];
    const call = rejection(guest.run(waiting(log)));
    const asking = guest.run(() => openPortalTo(address, (portal) => portal.cancelActor({ reason: "enough" })));
    asking.catch(() => {});
    expect(await guest.closed).toBeUndefined();
    expect(await call).toMatchObject({ name: "GuestClosed", reason: "enough" });
    expect(log).toEqual(["began", "unwound"]);
  });

  it("that does not end in the time it is given names what holds it up, and goes on ending", async () => {
    const guest = await startGuestRun({ name: "web" });
    let isSlow = true;
    const slow = rejection(
      guest.run(
        waiting([], function* slowCleanUp() {
          while (isSlow) yield* hostTurn();
        }),
      ),
    );
    await turn();
    const error = await rejection(guest.close("enough", { timeoutMs: 20 }));
    expect(error).toBeInstanceOf(GuestTooSlow);
    expect(error).toMatchObject({ guestName: "web", waitedMs: 20 });
    expect(String(error)).toMatch(/waits #\d+ .*\n.*slowCleanUp/);
    isSlow = false;
    expect(await guest.closed).toBeUndefined();
    expect(await slow).toBeInstanceOf(GuestClosed);
    expect(await rejection(guest.close("again", { timeoutMs: -1 }))).toBeInstanceOf(RangeError);
  });

  it("reports what holds up its end, and goes on waiting", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const warned: string[] = [];
    try {
      const guest = await startGuestRun({ logTo: ({ event, message }) => warned.push(`${event} ${message}`) });
      let isSlow = true;
      const slow = rejection(
        guest.run(
          waiting([], function* slowCleanUp() {
            while (isSlow) yield* hostTurn();
          }),
        ),
      );
      await turn();
      const closing = guest.close();
      await vi.advanceTimersByTimeAsync(SLOW_CLOSE_MS - 1);
      await turn();
      expect(warned).toEqual([]);
      await vi.advanceTimersByTimeAsync(2);
      await turn();
      isSlow = false;
      await closing;
      await slow;
    } finally {
      vi.useRealTimers();
    }
    expect(warned).toEqual([expect.stringMatching(/warning.GuestTooSlow .*not ended 10000 ms.*[\s\S]*slowCleanUp/)]);
  });
});
