import { loopback } from "../../core/ipc/loopback.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";

describe("a connection of a process to itself", () => {
  it("carries what is written to the other end, both ways, and its end", function* () {
    const [near, far] = loopback();
    const heard: string[] = [];
    let ended = false;
    far
      .on("data", (chunk: Buffer) => heard.push(String(chunk)))
      .on("end", () => {
        ended = true;
      });
    near.on("data", (chunk: Buffer) => heard.push(`back ${String(chunk)}`));
    near.write("one");
    expect(heard).toEqual([]);
    far.write("two");
    near.end("three");
    yield* macrotasks();
    expect(heard).toEqual(["one", "back two", "three"]);
    expect(ended).toBe(true);
  });

  it("takes no more than its reader has room for, and goes on when that reads", function* () {
    const [near, far] = loopback();
    const chunk = Buffer.alloc(64 * 1024);
    for (let i = 0; i < 32; i++) near.write(chunk);
    yield* macrotasks();
    expect(far.readableLength).toBeLessThanOrEqual(2 * chunk.length);
    expect(near.writableLength).toBeGreaterThan(28 * chunk.length);
    let read = 0;
    far.on("data", (part: Buffer) => {
      read += part.length;
    });
    yield* macrotasks(40);
    expect(read).toBe(32 * chunk.length);
    expect(near.writableLength).toBe(0);
  });

  it.each(["near", "far"] as const)("ends at the other end when the %s one is destroyed", function* (which) {
    const [near, far] = loopback();
    const [gone, left] = which === "near" ? [near, far] : [far, near];
    let ended = false;
    left
      .on("data", () => {})
      .on("end", () => {
        ended = true;
      });
    left.write("for nobody");
    gone.destroy();
    yield* macrotasks();
    left.write("nor this");
    yield* macrotasks();
    expect(ended).toBe(true);
    expect(left.writableLength).toBe(0);
  });

  it("forgets a write that waits when its reader is destroyed", function* () {
    const [near, far] = loopback();
    for (let i = 0; i < 32; i++) near.write(Buffer.alloc(64 * 1024));
    yield* macrotasks();
    far.destroy();
    yield* macrotasks(40);
    expect(near.writableLength).toBe(0);
  });
});
