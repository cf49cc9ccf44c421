/** A child process: its name and its link, taken from how it was started. */
import { Socket } from "node:net";
import { ownFile } from "../own-files.ts";
import { childMain } from "./child-main.ts";
import { LINK_FD, UNGUARDED } from "./process-backend.ts";
import { rehearse } from "./rehearsal.ts";
import { BLANK_NAME } from "./warm-pool.ts";

// A terminal sends Ctrl-C to the whole group. The root unwinds the tree; children wait to be told.
process.on("SIGINT", () => {});

const [, , name = "actor", uuid = "", guard] = process.argv;
process.title = `espalier:${name}`;
const link = new Socket({ fd: LINK_FD, readable: true, writable: true });

process.exit(await childMain({ name, uuid }, link, { unguarded: guard === UNGUARDED, prepare, keepAlive }));

/** While the parent answers: import what nearly every module of a user does. */
async function prepare(): Promise<void> {
  await import(ownFile("mod").href);
  // Not before: that would read the source maps of the runtime, which nobody looks at.
  process.setSourceMapsEnabled(true);
  if (name === BLANK_NAME) await rehearse({ name, uuid });
}

function keepAlive(alive: boolean): void {
  if (alive) link.ref();
  else link.unref();
}
