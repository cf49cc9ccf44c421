/** The two directions of a message stream, each as whoever only sends or only receives sees it. */
import type { Operation, Stream } from "effection";
import type { SubscribeOptions, Subscriber } from "../sc/broadcast.ts";
import type { StreamStatistics } from "./stream-options.ts";

/** Where items are sent. */
export interface SendStream<Out> {
  /**
   * Send one item; wait while the peer has no room for it, unless `sendOverflow` says otherwise.
   *
   * @throws StreamOverrun if `sendOverflow` is `error` and there is no room
   * @throws MsgTypeError if it cannot be encoded, or the schema refuses it; the stream goes on
   * @throws BrokenResourceError if the peer has closed its side of the stream, before or meanwhile
   * @throws ClosedResourceError if this side has closed it
   * @throws TransportClosed, or what the dialog ended with, if it has ended
   */
  send(item: Out): Operation<void>;
  /** As `send`, at once; false, and nothing sent, if there is no room. */
  trySend(item: Out): boolean;
  statistics(): StreamStatistics;
}

/** Where items are received; also a stream for `each`. */
export interface ReceiveStream<In> extends Stream<In, void> {
  /**
   * Receive one item; wait while there is none.
   *
   * @throws EndOfChannel if the peer has closed its side and all was received
   * @throws ClosedResourceError if this side has closed the stream
   * @throws StreamOverrun if `overflow` is `error` and an item found no room, after those that did
   * @throws TransportClosed, or what the dialog ended with, if it has ended
   */
  receive(): Operation<In>;
  /** As `receive`, at once. @throws WouldBlock if there is nothing to receive now */
  receiveNowait(): In;
  /**
   * Run `body` with a subscription of its own: it gets every item from now on, whoever else subscribes. The subscriber
   * that reads fastest sets the pace of the sender; one that falls behind by more than the stream's `capacity` is told
   * by `Lagged` how many items it has missed, or skips them, as `onLag` says. While there are subscribers the stream
   * itself is not to be read (`BusyResourceError`).
   *
   * @returns what `body` returned
   */
  subscribe<R>(body: (subscriber: Subscriber<In>) => Operation<R>, options?: SubscribeOptions): Operation<R>;
  statistics(): StreamStatistics;
}
