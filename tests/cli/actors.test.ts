/** `npx espalier ps`, `tree`, `call` and `cancel`: real programs on one registry. */
import { join } from "node:path";
import { type Operation, until } from "effection";
import { openNursery, openRootActor, waitForActor } from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { runProgram, startProgram } from "../support/program.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { opens } from "./fixtures/shop.ts";

const modules = { shop: new URL("./fixtures/shop.ts", import.meta.url).href };

const cli = (...args: string[]) => until(runProgram("core/cli/main.ts", { args }));

/** A shop with its clerks and their cellar; it has ended, in good order, when this returns. */
function* withShop(body: (registry: string) => Operation<void>): Operation<void> {
  const registry = `/unix${join(useTempDir(), "r", "s")}`;
  const shop = startProgram("tests/cli/fixtures/shop.ts", { args: [registry] });
  yield* openRootActor(
    () =>
      waitForActor(
        "shop",
        function* (portal) {
          yield* openNursery(function* (nursery) {
            nursery.startSoon(() => portal.run(opens));
            yield* waitForActor("cellar", function* () {}, { registryAddrs: [registry] });
            yield* body(registry);
            nursery.cancelScope.cancel("seen");
          });
          yield* portal.cancelActor();
        },
        { modules },
      ),
    { name: "watcher", ensureRegistry: registry },
  );
  expect(yield* until(shop.ended())).toMatchObject({ code: 0, stderr: "" });
}

describe("the command line", () => {
  useCensus();

  it("lists the actors of a registry, each below its parent, calls them by what tells them apart, and cancels one", function* () {
    yield* withShop(function* (registry) {
      const at = ["--registry", registry];
      const table = yield* cli("ps", ...at);
      expect(table).toMatchObject({ code: 0, stderr: "" });
      const lines = table.stdout.trimEnd().split("\n");
      expect(lines[0]).toMatch(/^ACTOR +PID +UPTIME +DIALOGS +MEMORY +ADDRESS$/);
      expect(
        lines
          .slice(1)
          .map((line) => line.replace(/@.*/, ""))
          .sort(),
      ).toEqual(["cellar", "clerk", "clerk", "shop", "watcher"]);
      for (const line of lines.slice(1)) expect(line).toMatch(/^\w+@\w+ +\d+ +\d+s +\d+ +\d+ MiB +(\/|-$)/);

      const tree = yield* cli("tree", ...at);
      expect(tree.stdout.replace(/@.*/gm, "").trimEnd().split("\n")).toEqual(
        expect.arrayContaining(["shop", "├─ clerk", "│  └─ cellar", "└─ clerk"]),
      );

      const data: { name: string; uuid: string; vitals: { dialogs: number } }[] = JSON.parse(
        (yield* cli("ps", "--json", ...at)).stdout,
      );
      const clerks = data.filter(({ name }) => name === "clerk");
      // One of them is serving `hires`.
      expect(clerks.map(({ vitals }) => vitals.dialogs).sort()).toEqual([0, 1]);
      expect(data.find(({ name }) => name === "cellar")).toMatchObject({ vitals: { rssBytes: expect.any(Number) } });

      const ambiguous = yield* cli("call", "clerk", "shop:price", "--args", '{"item":"tea"}', ...at);
      expect(ambiguous).toMatchObject({ code: 1, stdout: "" });
      expect(ambiguous.stderr).toMatch(
        /^espalier: 2 actors are called "clerk": say which one \(clerk@\w+, clerk@\w+\)\n$/,
      );
      const idle = clerks.find(({ vitals }) => vitals.dialogs === 0)?.uuid ?? "";
      const args = ["--args", '{"item":"tea","count":2}', "--json", ...at];
      const called = yield* cli("call", `clerk@${idle.slice(0, 8)}`, "shop:price", ...args);
      expect(called).toMatchObject({ code: 0, stderr: "" });
      expect(JSON.parse(called.stdout)).toEqual({ item: "tea", total: 6 });

      expect(yield* cli("cancel", `clerk@${idle}`, "--reason", "closing time", ...at)).toMatchObject({
        code: 0,
        stdout: "clerk has acknowledged\n",
      });
      const left: { name: string }[] = JSON.parse((yield* cli("ps", "--json", ...at)).stdout);
      expect(left.filter(({ name }) => name === "clerk").length).toBe(1);
    });
  }, 60_000);

  it("says what went wrong over there, what is not there, and what is not exposed", function* () {
    yield* withShop(function* (registry) {
      const at = ["--registry", registry];
      const failed = yield* cli("call", "shop", "shop:isSoldOut", "--args", '{"item":"tea"}', ...at);
      expect(failed).toMatchObject({ code: 1, stdout: "" });
      expect(failed.stderr).toMatch(/RangeError: tea is sold out \(in actor shop@[\s\S]*shop\.ts:\d+/);
      const messages: [args: string[], message: RegExp][] = [
        [["call", "bank", "shop:price"], /no actor "bank" is registered at \/unix/],
        [["call", "shop", "bank:price"], /module "bank" is not exposed .*shop/],
        [["call", "shop", "shop:cost"], /cost/],
        [["ps", "--timeout", "1"], /took longer than 1 ms/],
      ];
      for (const [args, message] of messages) {
        const { code, stderr } = yield* cli(...args, ...at);
        expect([code, stderr.trimEnd().split("\n").length], stderr).toEqual([1, 1]);
        expect(stderr).toMatch(message);
      }
    });
  }, 60_000);

  it.each([
    [["ps"], 2, /say which registry: --registry <address>, or ESPALIER_REGISTRY/],
    [["ps", "--registry", "nowhere"], 1, /nowhere/],
    [["ps", "--registry", "/unix/nowhere/at/all"], 1, /\/unix\/nowhere\/at\/all cannot be asked/],
    [["call", "shop"], 2, /call takes an actor and <module>:<function>, got "shop"/],
    [["call", "shop", "price", "--registry", "/unix/x"], 2, /call takes <module>:<function>.* got "price"/],
    [["call", "shop", "shop:price", "--args", "{", "--registry", "/unix/x"], 2, /--args takes JSON, got \{/],
    [
      ["call", "shop", "shop:price", "--args", "[1]", "--registry", "/unix/x"],
      2,
      /an object of named arguments, got \[1\]/,
    ],
    [["cancel", "shop", "--args", "{}", "--registry", "/unix/x"], 2, /cancel has no option --args/],
    [["ps", "--timeout", "soon", "--registry", "/unix/x"], 2, /--timeout takes milliseconds, got "soon"/],
  ] as const)("refuses %j", function* (args, status, message) {
    const { code, stdout, stderr } = yield* cli(...args);
    expect([code, stdout]).toEqual([status, ""]);
    expect(stderr).toMatch(message);
    // The usage is for those who have mistyped.
    expect(stderr.includes("espalier <command>")).toBe(status === 2);
  });
});
