/** The program of a round; see `actor.ts`. Its failures are written down there, so it ends with status 0. */
import { openRootActor, runMain } from "espalier";
import { workAsRoot } from "./actor.ts";

runMain(import.meta, () => openRootActor(workAsRoot, { name: "r" }));
