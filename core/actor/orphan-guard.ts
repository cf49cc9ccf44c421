/**
 * The second witness of a parent's death: a shell beside each process that has children, which knows their pids and reads
 * from a pipe that ends with the parent, however that ends. The end of its link tells a child whose thread is free; one
 * that is stuck in synchronous code, or stopped in a debugger, hears nothing, and is killed by the shell.
 */
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { childProcesses } from "../node-modules.ts";
import { reportWarning } from "../warnings.ts";
import { MAX_GUARD_RESTARTS, ORPHAN_KILL_MS } from "./limits.ts";
import { SOCKET_NAME } from "./private-folder.ts";
import { TREE_VARIABLE } from "./tree-mark.ts";

const SHELL = "/bin/sh";

/** How often the shell looks whether they are gone by themselves, once their parent is. */
const TICK_MS = 300;

/** How the shell is started: its text is not what a list of processes should show. */
const START = 'eval "$ESPALIER_GUARD_TEXT"';

/**
 * Reads `+ <pid>`, `g <group>` and `- <either>`, and `+f <folder>` and `-f <folder>` of folders of sockets, which are
 * removed in the end: a process that is killed leaves them. A child of ours ends by itself, and is killed if it does not; a group is
 * of programs that know nothing of their parent's death, and is asked to end first. What is killed in the end is the
 * process that was meant, not another that has its pid by now: where the kernel tells when a process was started (field
 * 22 of its `stat`), that has to be the same. One that has ended and is only not waited for (state Z) is gone; a group can
 * outlive the process that it is named after, and keeps its number from being given to others.
 */
const SCRIPT = `
set -f
trap '' HUP INT QUIT TERM
identify() {
  identity=$1
  { read -r stat < "/proc/$1/stat"; } 2> /dev/null || return 0
  set -- "$1" \${stat##*) }
  [ "$2" = Z ] && identity=gone || identity=$1:\${21}
}
remaining() {
  others=
  for child in $children; do
    identify "\${child%%:*}"
    [ "$identity" = "$child" ] && kill -0 "\${child%%:*}" 2> /dev/null && others="$others $child"
  done
  children=$others
  [ -n "$children" ]
}
remaining_groups() {
  others=
  for group in $groups; do
    identify "\${group%%:*}"
    case $identity in
    "$group" | gone | "\${group%%:*}") kill -s 0 -- "-\${group%%:*}" 2> /dev/null && others="$others $group" ;;
    esac
  done
  groups=$others
  [ -n "$groups" ]
}
any_left() {
  remaining
  children_left=$?
  remaining_groups || [ $children_left = 0 ]
}
without() {
  others=
  which=$1
  shift
  for one in "$@"; do [ "\${one%%:*}" = "$which" ] || others="$others $one"; done
}
note() {
  case $sign in
  +f) folders=$(printf '%s\n%s' "$folders" "$pid") ;;
  -f) folders=$(printf '%s\n' "$folders" | grep -vxF -e "$pid") ;;
  +) identify "$pid"; children="$children $identity" ;;
  g) identify "$pid"; [ "$identity" = gone ] && identity=$pid; groups="$groups $identity" ;;
  -)
    without "$pid" $children; children=$others
    without "$pid" $groups; groups=$others
    ;;
  esac
}
children=
groups=
folders=
while read -r sign pid; do note; done <<FIRST
$ESPALIER_GUARD_FIRST
FIRST
while read -r sign pid; do note; done
remaining_groups
for group in $groups; do kill -s TERM -- "-\${group%%:*}" 2> /dev/null; done
tick=0
while any_left && [ $tick -lt "$1" ]; do
  sleep 0.3 || sleep 1
  tick=$((tick + 1))
done
for child in $children; do kill -9 "\${child%%:*}" 2> /dev/null; done
for group in $groups; do kill -s KILL -- "-\${group%%:*}" 2> /dev/null; done
[ -z "$folders" ] || printf '%s\n' "$folders" | while IFS= read -r folder; do
  [ -z "$folder" ] || { rm -f "$folder/${SOCKET_NAME}"; rmdir "$folder"; } 2> /dev/null
done
`;

/** The one of this process. */
class OrphanGuard {
  /** With the sign by which the shell is told of each. */
  readonly #watched = new Map<number, "+" | "g">();
  readonly #folders = new Set<string>();
  #shell: ChildProcess | undefined;
  #restarts = 0;

  /**
   * Whether children are guarded; where they are not, each has to watch by itself. `ESPALIER_GUARD=thread` asks for
   * that, as a shell-less system does.
   */
  get isAvailable(): boolean {
    if (process.env.ESPALIER_GUARD === "thread" || process.platform === "win32") return false;
    return this.#restarts <= MAX_GUARD_RESTARTS && existsSync(SHELL);
  }

  /** Have the child `pid` killed should this process end before it. Returns what ends that. */
  watch(pid: number): () => void {
    return this.#watch("+", pid);
  }

  /** The same for a group of processes, whatever has become of the one that it is named after. */
  watchGroup(group: number): () => void {
    return this.#watch("g", group);
  }

  #watch(sign: "+" | "g", pid: number): () => void {
    this.#watched.set(pid, sign);
    if (this.#shell === undefined) this.#start();
    else this.#tell(sign, pid);
    return () => {
      if (!this.#watched.delete(pid)) return;
      this.#tell("-", pid);
      this.#endIfIdle();
    };
  }

  /** Have the folder of a socket removed should this process end before it has done that. Returns what ends that. */
  watchFolder(folder: string): () => void {
    if (!this.isAvailable || folder.includes("\n")) return () => {};
    this.#folders.add(folder);
    if (this.#shell === undefined) this.#start();
    else this.#tell("+f", folder);
    return () => {
      if (!this.#folders.delete(folder)) return;
      this.#tell("-f", folder);
      this.#endIfIdle();
    };
  }

  #start(): void {
    const shell = childProcesses().spawn(SHELL, ["-c", START, "espalier-guard", String(ORPHAN_KILL_MS / TICK_MS)], {
      cwd: "/",
      // It is none of the tree's actors.
      env: {
        ...process.env,
        [TREE_VARIABLE]: undefined,
        ESPALIER_GUARD_TEXT: SCRIPT,
        // Not by the pipe: this process may be killed before it has written a word.
        ESPALIER_GUARD_FIRST: this.#known(),
      },
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#shell = shell;
    shell.on("error", (error) => this.#failed(shell, error)).on("exit", () => this.#failed(shell));
    // That it has gone is told by its exit.
    shell.stdin?.on("error", () => {});
    // It is to end with this process, and not the other way round.
    shell.unref();
    if (shell.stdin !== null && "unref" in shell.stdin) (shell.stdin.unref as () => void)();
  }

  /** What a new shell has to know, in the words that it would be told in. */
  #known(): string {
    const processes = [...this.#watched].map(([pid, sign]) => `${sign} ${pid}`);
    const folders = [...this.#folders].map((folder) => `+f ${folder}`);
    return [...processes, ...folders].join("\n");
  }

  #tell(sign: "+" | "g" | "-" | "+f" | "-f", what: number | string): void {
    this.#shell?.stdin?.write(`${sign} ${what}\n`);
  }

  #endIfIdle(): void {
    if (this.#watched.size + this.#folders.size > 0) return;
    const shell = this.#shell;
    this.#shell = undefined;
    shell?.stdin?.end();
  }

  /** It was killed, or could not be started, while there are children. */
  #failed(shell: ChildProcess, error?: Error): void {
    if (this.#shell !== shell) return;
    this.#shell = undefined;
    if (++this.#restarts <= MAX_GUARD_RESTARTS) return this.#start();
    reportWarning({
      type: "OrphanGuardLost",
      message: `the shell that would end the children of this process, should it be killed, does not stay: a child that is stuck then is left behind (${[...this.#watched.keys()].join(", ")})`,
      error,
    });
  }
}

export const orphanGuard = new OrphanGuard();
