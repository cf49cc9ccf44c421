/**
 * What a worker thread of `runInWorker` runs: one call after the other, each answered exactly once. Modules stay
 * loaded from one call to the next.
 */
import { parentPort, workerData } from "node:worker_threads";
import { type Answer, type CallReply, type CallRequest, packThrown, type WorkerStart } from "./worker-message.ts";

const { taken }: WorkerStart = workerData;

parentPort?.on("message", async (request: CallRequest) => {
  // From here on the call has happened, whatever becomes of this thread.
  const id = Atomics.add(taken, 0, 1) + 1;
  reply(id, await answerTo(request));
});
parentPort?.on("messageerror", (error) => {
  const id = Atomics.add(taken, 0, 1) + 1;
  reply(id, { kind: "notCloned", what: "arguments", thrown: packThrown(error) });
});

async function answerTo({ url, func, args }: CallRequest): Promise<Answer> {
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await import(url);
  } catch (error) {
    return { kind: "notImported", thrown: packThrown(error) };
  }
  const fn = module[func];
  if (fn === undefined && !(func in module)) return { kind: "notFound", why: "is not exported by it" };
  if (typeof fn !== "function") return { kind: "notFound", why: `is no function but ${typeof fn}` };
  try {
    return { kind: "returned", value: await fn(...args) };
  } catch (error) {
    return { kind: "threw", thrown: packThrown(error) };
  }
}

function reply(id: number, answer: Answer): void {
  try {
    post({ espalierCall: id, answer });
  } catch (error) {
    const what = answer.kind === "returned" ? "result" : "thrown value";
    post({ espalierCall: id, answer: { kind: "notCloned", what, thrown: packThrown(error) } });
  }
}

function post(message: CallReply): void {
  parentPort?.postMessage(message);
}
