/**
 * The way of a record to the root: over the link to the parent, hop by hop. Where there is no such way, as for an orphan,
 * it goes to this process's own stderr.
 */
import {
  isLogLevel,
  type LogOutlet,
  LogQueue,
  type LogRecord,
  lostRecords,
  MAX_LOG_BYTES_UNDER_WAY,
  plainRecord,
  StderrLog,
} from "../log/mod.ts";
import type { Channel } from "../rpc/channel.ts";
import type { LogMsg } from "../wire/mod.ts";

export class LogRelay implements LogOutlet {
  readonly #channel: Channel;
  readonly #queue = new LogQueue(this, lostRecords);
  #stderr: StderrLog | undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  readonly write = (record: LogRecord): void => {
    if (this.#stderr !== undefined) this.#stderr.write(record);
    else this.#queue.push(record);
  };

  /** The link may have room. */
  resume(): void {
    this.#queue.resume();
  }

  /** Send what waits: the link is about to end. */
  flush(): void {
    this.#queue.flush();
    this.#stderr?.close();
  }

  /** The link is gone. */
  disconnected(): void {
    this.#stderr ??= new StderrLog();
    this.#queue.flush();
  }

  get hasRoom(): boolean {
    return this.#channel.waitingBytes < MAX_LOG_BYTES_UNDER_WAY;
  }

  put(record: LogRecord): void {
    if (this.#stderr === undefined && !this.#channel.has("log")) this.#stderr = new StderrLog();
    if (this.#stderr !== undefined) return this.#stderr.write(record);
    const { task = null, dialog = null, fields = {}, ...rest } = record;
    this.#channel.send({ msg_type: "Log", ...rest, task, dialog, fields });
  }
}

/** A record as it came from a child: bounded again, for a child may be of another make. */
export function recordOf(message: LogMsg): LogRecord {
  const { time, actor, pid, event, message: text, level, task, dialog, fields } = message;
  return plainRecord({
    time,
    level: isLogLevel(level) ? level : "info",
    actor,
    pid,
    event,
    message: text,
    task: task ?? undefined,
    dialog: dialog ?? undefined,
    fields: Object.keys(fields).length === 0 ? undefined : fields,
  });
}
