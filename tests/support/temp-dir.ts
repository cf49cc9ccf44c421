/** A folder for one test. The name is short: a Unix socket's path inside it has some 100 bytes in all. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A new empty folder that is removed, with all it holds, when the running test is over. Call it inside a test. */
export function useTempDir(): string {
  const dir = createTempDir();
  onTestFinished(() => removeTempDir(dir));
  return dir;
}

export function createTempDir(): string {
  return mkdtempSync(join(tmpdir(), "esp-"));
}

export function removeTempDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}

/** The paths of all socket files below `dir`; none if there is no such folder. */
export function socketsIn(dir: string): string[] {
  try {
    return readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isSocket())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
