import { suspend } from "effection";
import {
  checkpoint,
  formatTaskTree,
  moveOnAfter,
  named,
  openMemoryChannel,
  openNursery,
  run,
  sleepForever,
  type TaskNode,
  taskTree,
  waitAllTasksBlocked,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";

function* readPacket() {
  yield* openMemoryChannel<string>(0)[1].receive();
}
function* session() {
  yield* moveOnAfter(1e9, readPacket);
}
function* server() {
  yield* openNursery(
    function* accept(n) {
      n.startSoon(named("session 1", session));
      n.startSoon(function* foreign() {
        yield* suspend();
      });
      yield* sleepForever();
    },
    { name: "sessions" },
  );
}

const find = (name: string): TaskNode => {
  const root = taskTree().find((task) => task.name === name);
  if (root === undefined) throw new Error(`no tree ${name}`);
  return root;
};

describe("taskTree", () => {
  it("tells who started whom, what each waits for, and where", async () => {
    const tree = run(server, { name: "main" });
    await run(() => waitAllTasksBlocked());
    const main = find("main");
    expect(main).toMatchObject({
      state: "waiting",
      waitsFor: "sleepForever()",
      cancelled: false,
      nurseries: [
        {
          name: "sessions",
          tasks: [
            { name: "session 1", state: "waiting", waitsFor: "ReceiveChannel.receive()" },
            { name: "foreign", state: "waiting", waitsFor: expect.any(String), stack: [] },
          ],
        },
      ],
    });
    const stack = main.nurseries[0]?.tasks[0]?.stack ?? [];
    expect(stack.map((frame) => frame.split(" ")[0])).toEqual(["readPacket", "session"]);
    expect(stack[0]).toMatch(/^readPacket \(.*task-tree\.test\.ts:\d+:\d+\)$/);
    tree.cancel();
    await tree.catch(() => {});
    expect(taskTree().some((task) => task.name === "main")).toBe(false);
  });

  it("as text, one line for each task and nursery, stacks below", async () => {
    const tree = run(server, { name: "main" });
    await run(() => waitAllTasksBlocked());
    const text = formatTaskTree([find("main")])
      .replace(/\(\/.*?([\w-]+\.test\.ts):\d+:\d+\)/g, "($1)")
      .replace(/#\d+/g, "#");
    expect(text.split("\n")).toEqual([
      "main # waits for sleepForever()",
      "      at accept (task-tree.test.ts)",
      "      at server (task-tree.test.ts)",
      '  nursery "sessions"',
      "    session 1 # waits for ReceiveChannel.receive()",
      "          at readPacket (task-tree.test.ts)",
      "          at session (task-tree.test.ts)",
      expect.stringMatching(/^ {4}foreign # waits for /),
    ]);
    tree.cancel();
    await tree.catch(() => {});
  });

  it("shows the running task as running, and a cancelled one as cancelled", function* () {
    yield* openNursery(function* (n) {
      n.startSoon(function* ready() {
        yield* checkpoint();
      });
      n.cancelScope.cancel();
      const text = formatTaskTree();
      expect(text).toMatch(/ running, cancelled$/m);
      expect(text).toMatch(/ready #\d+ ready, cancelled$/m);
    });
  });

  it("cuts at the depth it is given, and says so only where something is left out", async () => {
    const tree = run(
      () =>
        openNursery(
          function* (outer) {
            outer.startSoon(function* child() {
              yield* openNursery(sleepForever, { name: "empty" });
            });
            yield* sleepForever();
          },
          { name: "outer" },
        ),
      { name: "cut" },
    );
    await run(() => waitAllTasksBlocked());
    const lines = (maxDepth: number) =>
      formatTaskTree([find("cut")], { maxDepth })
        .split("\n")
        .filter((line) => !line.includes(" at "))
        .map((line) => line.replace(/#.*/, "").trim());
    expect(lines(1)).toEqual(["cut", 'nursery "outer"', "… and all that is deeper"]);
    expect(lines(2)).toEqual(["cut", 'nursery "outer"', "child", 'nursery "empty"']);
    tree.cancel();
    await tree.catch(() => {});
  });

  it("shows a frame without a name as anonymous", function* () {
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        yield* sleepForever();
      });
      yield* waitAllTasksBlocked();
      const stacks = taskTree(n.children).map((task) => task.stack);
      expect(stacks).toEqual([[expect.stringMatching(/^<anonymous> \(.*task-tree\.test\.ts:\d+:\d+\)$/)]]);
      n.cancelScope.cancel();
    });
  });

  it("10,000 levels and 10,000 siblings overflow nothing, and are cut in the text", async () => {
    function* nest(level: number): ReturnType<typeof server> {
      yield* openNursery(function* (n) {
        if (level < 10_000) n.startSoon(nest, level + 1);
        yield* suspend();
      });
    }
    const deep = run(() => nest(1), { name: "deep" });
    const wide = run(
      () =>
        openNursery(function* (n) {
          for (let i = 0; i < 10_000; i++) n.startSoon(() => suspend());
        }),
      { name: "wide" },
    );
    await run(() => waitAllTasksBlocked());
    expect(formatTaskTree([find("deep")])).toMatch(/all that is deeper$/);
    expect(formatTaskTree([find("wide")])).toMatch(/… and 9950 more$/);
    for (const tree of [deep, wide]) {
      tree.cancel();
      await tree.catch(() => {});
    }
  });
});
