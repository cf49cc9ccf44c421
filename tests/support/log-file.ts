/** A file that processes append lines to, and a test waits for: what several of them did, in the order they did it. */
import { existsSync, readFileSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import type { Operation } from "effection";
import { park } from "../../core/sc/park.ts";
import { useTempDir } from "./temp-dir.ts";

export class LogFile {
  readonly path = join(useTempDir(), "log");

  get lines(): string[] {
    return existsSync(this.path) ? readFileSync(this.path, "utf8").split("\n").slice(0, -1) : [];
  }

  /** Wait until the file has `line`. */
  has(line: string): Operation<void> {
    return park<void>(
      `line "${line}" in ${this.path}`,
      ({ wake }) => {
        const look = () => {
          if (!this.lines.includes(line)) return;
          watcher.close();
          wake();
        };
        const watcher = watch(dirname(this.path), look);
        look();
        return () => {
          watcher.close();
          return true;
        };
      },
      { byHost: true },
    );
  }
}
