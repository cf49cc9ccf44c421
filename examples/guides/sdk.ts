/** What legacy code is like: one of each style. */
import { EventEmitter } from "node:events";

/** A promise function that takes a signal. */
export async function fetchPage({ url }: { url: string }, { signal }: { signal: AbortSignal }): Promise<string> {
  if (url.endsWith("/missing")) throw new RangeError("404");
  if (url.endsWith("/slow"))
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  return `page of ${url}`;
}

/** One that takes none, and goes on for as long as it likes. */
export async function report({ ms }: { ms: number }): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return "reported";
}

/** A function with a callback. */
export function lookUp(name: string, done: (error: Error | null, address?: string) => void): { cancel(): void } {
  const timer = setTimeout(() => done(null, `address of ${name}`), name === "far" ? 60_000 : 1);
  return { cancel: () => clearTimeout(timer) };
}

/** A class that connects, emits events, and is closed. */
export class Feed extends EventEmitter {
  #timer: NodeJS.Timeout | undefined;

  async connect(): Promise<void> {
    let count = 0;
    this.#timer = setInterval(() => {
      if (this.listenerCount("tick") > 0) this.emit("tick", ++count);
    }, 1);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    console.log("the feed is closed");
  }
}

/** A function that keeps the thread until it is done. */
export async function count({ to }: { to: number }): Promise<number> {
  let n = 0;
  while (n < to) n++;
  return n;
}

/** One that does not clean up. */
export async function poll(): Promise<string> {
  setInterval(() => {}, 1_000);
  return "polling";
}
