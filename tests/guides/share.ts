/** The programs of the guides, dealt out to as many test files as run beside each other. */

import { describe, expect, it } from "../support/it.ts";
import { printing } from "../support/pages.ts";
import { runProgram } from "../support/program.ts";

const SHARES = 4;

/** @param share - 0 to `SHARES` - 1 */
export function testShare(share: number): void {
  describe("documentation", () => {
    it.each(printing.filter((_, i) => i % SHARES === share))(
      "$path prints what $page says",
      async ({ path, output }) => {
        expect(await runProgram(path)).toMatchObject({ code: 0, stderr: "", stdout: output });
      },
    );
  });
}
