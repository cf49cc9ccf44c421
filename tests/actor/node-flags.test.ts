import { inheritedFlags } from "../../core/actor/node-flags.ts";
import { describe, expect, it } from "../support/it.ts";

describe("the Node flags of a child", () => {
  it("are those of its parent: loaders, conditions, limits", () => {
    const flags = [
      "--import",
      "tsx",
      "--conditions=espalier-source",
      "--max-old-space-size=100",
      "-r",
      "./preload.cjs",
    ];
    expect(inheritedFlags(flags)).toEqual(flags);
  });

  it.each([
    [["--inspect=9229"]],
    [["--inspect-brk"]],
    [["-e", "console.log(1)"]],
    [["--eval", "console.log(1)"]],
    [["--eval=console.log(1)"]],
    [["-p", "1"]],
    [["--watch", "--watch-path", "./src"]],
    [["--watch-path=./src"]],
    [["--test"]],
    [["--cpu-prof"]],
    [["--title", "mine"]],
  ])("leave out %j, which is about the parent alone", (flags) => {
    expect(inheritedFlags(["--import", "tsx", ...flags, "--no-warnings"])).toEqual([
      "--import",
      "tsx",
      "--no-warnings",
    ]);
  });
});
