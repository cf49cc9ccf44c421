/**
 * The legacy client: what the example has espalier tame. It is written as such clients are: an EventEmitter with
 * promises, timers of its own, reconnecting by itself, and no way to abort `connect` or `subscribe`.
 */
import { EventEmitter } from "node:events";
import { createConnection, type Socket } from "node:net";
import { LineSplitter } from "./line-splitter.ts";
import { isTick, type Tick } from "./tick.ts";

export interface TickClientOptions {
  readonly port: number;
  readonly host?: string;
  /** How often in a row it tries to get a lost connection back, before it gives up. */
  readonly reconnects?: number;
  /** Pause before the first try, in milliseconds; before the second twice that, and so on. */
  readonly reconnectDelayMs?: number;
  /** A bug on purpose: fail after this many ticks. */
  readonly failAfter?: number;
}

export interface TickClientEvents {
  tick: [tick: Tick];
  /** The recording is over. The last event. */
  end: [];
  /** It has given up. The last event. */
  error: [error: Error];
  /** It has the connection back, at this try, and goes on after tick `after`. */
  reconnect: [attempt: number, after: number];
}

/** Ticks of a market, in order, each once, whatever the connection does. */
export class TickClient extends EventEmitter<TickClientEvents> {
  readonly #host: string;
  readonly #port: number;
  readonly #reconnects: number;
  readonly #reconnectDelayMs: number;
  readonly #failAfter: number;

  #socket: Socket | undefined;
  #lines = new LineSplitter();
  #connected = false;
  #closed = false;
  #paused = false;
  #delivering = false;
  /** The connection was lost while nobody wanted ticks; `resume` goes for a new one. */
  #lostWhilePaused = false;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;

  #symbols: readonly string[] | undefined;
  #subscribing: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #lastSeq = 0;
  #ticks = 0;

  constructor(options: TickClientOptions) {
    super();
    this.#host = options.host ?? "127.0.0.1";
    this.#port = options.port;
    this.#reconnects = options.reconnects ?? 5;
    this.#reconnectDelayMs = options.reconnectDelayMs ?? 20;
    this.#failAfter = options.failAfter ?? Number.POSITIVE_INFINITY;
  }

  /** Connect, once. Rejects if the server is not there; a connection that is lost later is got back silently. */
  connect(): Promise<void> {
    if (this.#socket || this.#closed) return Promise.reject(new Error("a tick client connects once"));
    return this.#open();
  }

  /**
   * Ask for ticks, once. Resolves when the server agrees, rejects when it refuses or the client is closed. Listen
   * before you ask: the first ticks may be emitted before the promise's callbacks run.
   */
  subscribe(symbols: readonly string[]): Promise<void> {
    if (this.#symbols) return Promise.reject(new Error("subscribed already"));
    if (this.#closed || !this.#socket) return Promise.reject(new Error("not connected"));
    this.#symbols = [...symbols];
    return new Promise((resolve, reject) => {
      this.#subscribing = { resolve, reject };
      if (this.#connected) this.#sendSubscription();
    });
  }

  /** No ticks until `resume`, from this moment on. The server is slowed down, nothing is lost. */
  pause(): void {
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
    // A listener may have paused or closed us again.
    if (this.#paused || this.#closed) return;
    if (this.#lostWhilePaused) {
      this.#lostWhilePaused = false;
      this.#reconnect(undefined);
    } else {
      this.#socket?.resume();
    }
  }

  /** Disconnect for good. No event comes after it; resolves when the socket is closed. */
  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#subscribing?.reject(new Error("the tick client was closed"));
    this.#subscribing = undefined;
    const socket = this.#socket;
    if (!socket || socket.closed) return Promise.resolve();
    return new Promise((resolve) => {
      socket.on("close", () => resolve());
      socket.destroy();
    });
  }

  #open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = createConnection({ host: this.#host, port: this.#port });
      let cause: Error | undefined;
      this.#socket = socket;
      this.#lines = new LineSplitter();
      if (this.#paused) socket.pause();
      socket.setEncoding("utf8");
      socket.on("connect", () => {
        this.#connected = true;
        resolve();
      });
      socket.on("data", (piece: string) => {
        try {
          this.#lines.push(piece);
        } catch (error) {
          this.#fail(new Error("the tick server does not speak our protocol", { cause: error }));
        }
        this.#deliver();
      });
      socket.on("error", (error) => {
        cause = error;
      });
      socket.on("close", () => {
        if (!this.#connected) {
          reject(new Error(`cannot connect to the tick server at ${this.#host}:${this.#port}`, { cause }));
          return;
        }
        this.#connected = false;
        if (this.#paused) this.#lostWhilePaused = true;
        else this.#reconnect(cause);
      });
    });
  }

  #reconnect(cause: unknown): void {
    if (this.#closed) return;
    this.#attempts++;
    if (this.#attempts > this.#reconnects) {
      this.#fail(new Error(`lost the tick server after tick ${this.#lastSeq}`, { cause }));
      return;
    }
    this.#timer = setTimeout(() => {
      this.#open().then(
        () => {
          // Closed between the socket's event and this callback.
          if (this.#closed) return;
          if (this.#symbols) this.#sendSubscription();
          this.emit("reconnect", this.#attempts, this.#lastSeq);
        },
        (error: unknown) => this.#reconnect(error),
      );
    }, this.#reconnectDelayMs * this.#attempts);
  }

  #sendSubscription(): void {
    this.#socket?.write(`${JSON.stringify({ subscribe: this.#symbols, after: this.#lastSeq })}\n`);
  }

  /** Hand out what has arrived. Lines left over by a pause wait here: at most what one read has brought. */
  #deliver(): void {
    // A listener that pauses and resumes comes back here: the loop below goes on for it.
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while (!this.#paused && !this.#closed) {
        const line = this.#lines.next();
        if (line === undefined) return;
        this.#take(line);
      }
    } finally {
      this.#delivering = false;
    }
  }

  #take(line: string): void {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch (error) {
      this.#fail(new Error(`the tick server sent a broken row after tick ${this.#lastSeq}`, { cause: error }));
      return;
    }
    if (isTick(message)) this.#takeTick(message);
    else if (typeof message !== "object" || message === null) this.#fail(new Error(`not a row: ${line}`));
    else if ("subscribed" in message) {
      this.#subscribing?.resolve();
      this.#subscribing = undefined;
    } else if ("end" in message) {
      void this.close();
      this.emit("end");
    } else if ("error" in message) this.#fail(new Error(`the tick server refused: ${message.error}`));
    else this.#fail(new Error(`not a row: ${line}`));
  }

  #takeTick(tick: Tick): void {
    if (tick.seq <= this.#lastSeq) return;
    if (this.#ticks === this.#failAfter) {
      this.#fail(new Error(`tick client bug: cannot digest tick ${tick.seq} (${tick.symbol})`));
      return;
    }
    this.#lastSeq = tick.seq;
    this.#ticks++;
    this.#attempts = 0;
    this.emit("tick", tick);
  }

  /** The last event; a pending `subscribe` is told instead, since whoever called it is waiting there. */
  #fail(error: Error): void {
    const subscribing = this.#subscribing;
    this.#subscribing = undefined;
    void this.close();
    if (subscribing) subscribing.reject(error);
    else this.emit("error", error);
  }
}
