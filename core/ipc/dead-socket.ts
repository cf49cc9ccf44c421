/**
 * Socket files that have outlived their process. Two that find one at once must not both take it for theirs to replace:
 * the later one would remove what the earlier one has just made.
 */
import { linkSync, renameSync, statSync, unlinkSync } from "node:fs";

/** Which file there is at a path; undefined for none. Numbers of files are used again, so their time counts too. */
export function fileAt(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.ino} ${found.mtimeNs}`;
}

/** Remove the file at `path` if it is still `dead`, as `fileAt` had it. Whoever else is about to do so as well may be first. */
export function removeDead(path: string, dead: string): void {
  const aside = `${path}.${process.pid}.dead`;
  // Moving is what only one can do; then it is seen what was moved.
  if (!attempt(() => renameSync(path, aside), "ENOENT")) return;
  // It is somebody's who was quicker, and listens: it goes back, unless there is a third one by now.
  if (fileAt(aside) !== dead) attempt(() => linkSync(aside, path), "EEXIST");
  unlinkSync(aside);
}

/** Whether it was done; false for the one error that is expected. */
function attempt(what: () => void, expected: string): boolean {
  try {
    what();
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === expected) return false;
    throw error;
  }
}
