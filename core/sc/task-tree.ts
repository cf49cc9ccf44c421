/** The tasks of this process as they stand: who started whom, what each waits for, and where in its code. */
import { fileURLToPath } from "node:url";
import { rootTasks } from "./bridge.ts";
import type { Task } from "./task.ts";

export interface TaskNode {
  readonly id: number;
  readonly name: string;
  readonly state: "ready" | "running" | "waiting" | "done";
  /** Whether a cancellation is in effect where it stands. */
  readonly cancelled: boolean;
  /** What it waits for, if it waits. */
  readonly waitsFor: string | undefined;
  /** Its `yield*` stack, innermost first, `function (file:line:column)`; empty where it cannot be told. */
  readonly stack: readonly string[];
  /** The nurseries it has open, outermost first. */
  readonly nurseries: readonly NurseryNode[];
}

export interface NurseryNode {
  readonly name: string;
  readonly tasks: readonly TaskNode[];
}

/**
 * A picture of all task trees of this process, or of those given. Takes about 0.1 ms for each task that waits in one of
 * our own operations; no task notices. Where a task waits in a foreign operation its stack cannot be told.
 */
export function taskTree(roots: Iterable<Task> = rootTasks()): TaskNode[] {
  const top: TaskNode[] = [];
  const work: { task: Task; into: TaskNode[] }[] = [];
  for (const task of roots) work.push({ task, into: top });
  // The list grows while it is walked: trees are as deep as tasks nest, which is deeper than the stack.
  for (const { task, into } of work) {
    const nurseries = task.nurseries.map(({ name, children }): NurseryNode => {
      const tasks: TaskNode[] = [];
      for (const child of children) work.push({ task: child, into: tasks });
      return { name, tasks };
    });
    const { id, name, state, waitsFor } = task;
    into.push({ id, name, state, waitsFor, cancelled: task.status.effective, stack: framesOf(task), nurseries });
  }
  return top;
}

export interface FormatOptions {
  /** Levels of tasks that are shown; those below are counted. Default 32: deeper no terminal is wide enough. */
  readonly maxDepth?: number;
  /** Tasks of one nursery that are shown; the others are counted. Default 50. */
  readonly maxTasks?: number;
}

/** The picture as text, for a terminal or a log. */
export function formatTaskTree(tree: readonly TaskNode[] = taskTree(), options: FormatOptions = {}): string {
  const { maxDepth = 32, maxTasks = 50 } = options;
  const lines: string[] = [];
  const show = (tasks: readonly TaskNode[], depth: number): void => {
    const indent = "    ".repeat(depth);
    for (const task of tasks.slice(0, maxTasks)) {
      lines.push(`${indent}${headOf(task)}`);
      for (const frame of task.stack) lines.push(`${indent}      at ${frame}`);
      for (const nursery of task.nurseries) {
        lines.push(`${indent}  nursery "${nursery.name}"`);
        if (depth + 1 < maxDepth) show(nursery.tasks, depth + 1);
        else if (nursery.tasks.length > 0) lines.push(`${indent}    … and all that is deeper`);
      }
    }
    if (tasks.length > maxTasks) lines.push(`${indent}… and ${tasks.length - maxTasks} more`);
  };
  show(tree, 0);
  return lines.join("\n");
}

function headOf({ name, id, state, waitsFor, cancelled }: TaskNode): string {
  const doing = state === "waiting" ? `waits for ${waitsFor}` : state;
  return `${name} #${id} ${doing}${cancelled ? ", cancelled" : ""}`;
}

/** Frames of this folder are the machinery below the user's own. */
const OWN_FOLDER = fileURLToPath(new URL(".", import.meta.url));

function framesOf(task: Task): string[] {
  const frames: string[] = [];
  for (const line of task.stack()?.split("\n") ?? []) {
    const frame = /^\s+at (?:(?<fn>.+) \()?(?<at>.+?)\)?$/.exec(line)?.groups;
    if (frame === undefined) continue;
    if (frame.fn === "Task.stack") break;
    const at = `${frame.at}`.replace(/^file:\/\//, "");
    if (at === "<anonymous>" || at === "native" || at.startsWith(OWN_FOLDER)) continue;
    frames.push(`${frame.fn?.replace(/^.*\./, "") ?? "<anonymous>"} (${at})`);
  }
  return frames;
}
