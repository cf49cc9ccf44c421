/** What a peer may get wrong, played by hand over a stream in memory. */
import {
  ContextCancelled,
  ProtocolError,
  RemoteActorError,
  StreamOverrun,
  TransportClosed,
} from "../../core/errors/mod.ts";
import { Call } from "../../core/rpc/call.ts";
import { openNursery } from "../../core/sc/nursery.ts";
import { moveOnAfter } from "../../core/sc/timeouts.ts";
import { boxError, type Start } from "../../core/wire/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { begin, id, itemsIn, meet, NAME } from "../support/peer.ts";

describe("the caller's half of a dialog", () => {
  it("names its dialogs by small integers that the other side does not use", function* () {
    const meeting = yield* meet();
    const { peer } = meeting;
    yield* begin(meeting);
    yield* begin(meeting);
    const starts = peer.heard.filter((m): m is Start => m.msg_type === "Start");
    expect(starts.map((m) => m.cid)).toEqual([0, 2]);
    expect(starts[0]).toMatchObject({ ns: "feed", func: "ticks", kwargs: { symbol: "X" }, uid: ["me", "me-uuid"] });
  });

  it("asks for a function without an acceptance, and for what is linked with one", function* () {
    const meeting = yield* meet();
    for (const kind of ["call", "context", "producer"] as const) yield* begin(meeting, kind, "asked");
    const starts = meeting.peer.heard.filter((m): m is Start => m.msg_type === "Start");
    expect(starts.map(({ terse }) => terse)).toEqual([true, undefined, undefined]);
  });

  it("takes a result that comes without an acceptance, and one that comes with it", function* () {
    const meeting = yield* meet();
    for (const upTo of ["asked", "accepted"] as const) {
      const call = yield* begin(meeting, "call", upTo);
      meeting.peer.say({ msg_type: "Return", cid: call.cid, pld: upTo });
      expect(yield* call.result()).toBe(upTo);
    }
  });

  it("B33 a return without a first value is an error where the first value is awaited", function* () {
    const meeting = yield* meet();
    const { peer } = meeting;
    const call = yield* begin(meeting, "context", "accepted");
    peer.say({ msg_type: "Return", cid: call.cid, pld: 1 });
    expect(yield* errorOf(call.firstValue())).toBeInstanceOf(ProtocolError);
    expect(yield* call.result()).toBe(1);
  });

  it("drops what comes after the last word, and what belongs to no dialog", function* () {
    const meeting = yield* meet();
    const { channel, peer } = meeting;
    const call = yield* begin(meeting);
    peer.say({ msg_type: "Return", cid: call.cid, pld: "first" });
    peer.say({ msg_type: "Return", cid: call.cid, pld: "second" });
    peer.say({ msg_type: "Yield", cid: 4_000, pld: 1 });
    expect(yield* call.result()).toBe("first");
    yield* macrotasks();
    expect(channel.closedBy).toBeUndefined();
    expect(channel.size).toBe(0);
  });

  it("a peer that sends more than its credit has its dialog ended, here and there, and no other", function* () {
    const meeting = yield* meet();
    const { peer } = meeting;
    const call = yield* begin(meeting);
    const other = yield* begin(meeting);
    call.stream?.open({ capacity: 2 });
    for (let i = 0; i < 3; i++) peer.say({ msg_type: "Yield", cid: call.cid, pld: i });
    expect(yield* errorOf(call.result())).toBeInstanceOf(StreamOverrun);
    yield* macrotasks();
    expect(peer.heard.at(-1)).toMatchObject({
      msg_type: "Start",
      ns: "self",
      func: "_cancel_task",
      kwargs: { cid: call.cid },
    });
    peer.say({ msg_type: "Return", cid: other.cid, pld: "fine" });
    expect(yield* other.result()).toBe("fine");
  });

  it("B44 a connection that ends gives every dialog on it TransportClosed", function* () {
    const meeting = yield* meet();
    const { channel, peer } = meeting;
    const calls = [yield* begin(meeting), yield* begin(meeting)];
    peer.connection.destroy();
    for (const call of calls) {
      expect(yield* errorOf(call.result())).toBeInstanceOf(TransportClosed);
      expect(yield* errorOf(call.stream?.receive() ?? macrotasks())).toBeInstanceOf(TransportClosed);
    }
    expect(yield* errorOf(Call.begin(channel, NAME, {}))).toBeInstanceOf(TransportClosed);
  });

  it("B23 a cancellation is a request, its acknowledgement, and the task's last word", function* () {
    const meeting = yield* meet();
    const { peer } = meeting;
    const call = yield* begin(meeting);
    peer.onStart = (request) => {
      const error = new ContextCancelled(id("me"), "enough");
      peer.say({ msg_type: "Error", ...boxError(error, id("peer")), cid: call.cid });
      peer.say({ msg_type: "CancelAck", cid: request.cid, pld: true });
    };
    const value = yield* moveOnAfter(10, () => call.result());
    expect(value).toBeUndefined();
    expect(call.cancelAcked).toBe(true);
  });

  it("a result that crosses the cancel request has happened, and is returned", function* () {
    const meeting = yield* meet();
    const { peer } = meeting;
    const call = yield* begin(meeting);
    peer.onStart = (request) => {
      peer.say({ msg_type: "Return", cid: call.cid, pld: "just in time" });
      peer.say({ msg_type: "CancelAck", cid: request.cid, pld: false });
    };
    expect(yield* moveOnAfter(10, () => call.result())).toBe("just in time");
  });

  it("an error that crosses the cancel request is not hidden by it", function* () {
    const meeting = yield* meet();
    const { peer } = meeting;
    const call = yield* begin(meeting);
    peer.onStart = (request) => {
      peer.say({ msg_type: "Error", ...boxError(new RangeError("by itself"), id("peer")), cid: call.cid });
      peer.say({ msg_type: "CancelAck", cid: request.cid, pld: false });
    };
    const error = yield* errorOf(moveOnAfter(10, () => call.result()));
    expect(error).toBeInstanceOf(RemoteActorError);
  });

  it("B26 a context cancelled by a third actor names it", function* () {
    const meeting = yield* meet();
    const { peer } = meeting;
    const call = yield* begin(meeting);
    const third = new ContextCancelled(id("third"), "for reasons of its own");
    peer.say({ msg_type: "Error", ...boxError(third, id("peer")), cid: call.cid });
    expect(yield* errorOf(call.result())).toMatchObject({ name: "ContextCancelled", canceller: id("third") });
  });

  it("holds senders back until there is credit, lets them go in order, and grants what was consumed", function* () {
    const meeting = yield* meet();
    const { peer } = meeting;
    const call = yield* begin(meeting);
    const stream = call.stream;
    if (stream === undefined) throw new Error("a context has a stream");
    stream.open({ capacity: 4 });
    yield* openNursery(function* (n) {
      for (const item of [1, 2, 3]) n.startSoon(() => stream.send(item));
      yield* macrotasks();
      expect(stream.statistics()).toMatchObject({ waitingToSend: 3, credit: 0 });
      peer.say({ msg_type: "Credit", cid: call.cid, items: 2, bytes: 1_000 });
      yield* macrotasks();
      expect(stream.statistics()).toMatchObject({ waitingToSend: 1, sent: 2, inFlight: 2 });
      peer.say({ msg_type: "Credit", cid: call.cid, items: 1, bytes: 1_000 });
    });
    yield* macrotasks();
    expect(itemsIn(peer.heard)).toEqual([1, 2, 3]);
    for (let i = 0; i < 4; i++) peer.say({ msg_type: "Yield", cid: call.cid, pld: i });
    for (let i = 0; i < 4; i++) expect(yield* stream.receive()).toBe(i);
    yield* macrotasks();
    const granted = peer.heard.flatMap((m) => (m.msg_type === "Credit" ? [m.items] : []));
    expect(granted).toEqual([4, 2, 2]);
  });

  it("an item that cannot be sent is refused at its sender, and the stream goes on", function* () {
    const meeting = yield* meet();
    const { peer } = meeting;
    const call = yield* begin(meeting);
    const stream = call.stream;
    if (stream === undefined) throw new Error("a context has a stream");
    peer.say({ msg_type: "Credit", cid: call.cid, items: 2, bytes: 1_000 });
    const refused = yield* errorOf(stream.send({ bad: () => 1 }));
    expect(refused).toMatchObject({ name: "MsgTypeError", dialog: "feed.ticks", slot: "receive" });
    expect(String(refused)).toMatch(/feed.ticks: receive.bad: a function cannot be sent/);
    yield* stream.send("good");
    yield* macrotasks();
    expect(itemsIn(peer.heard)).toEqual(["good"]);
  });

  it("B35 after the peer's Stop what it sent is received, then the end; a send is told that nobody listens", function* () {
    const meeting = yield* meet();
    const { peer } = meeting;
    const call = yield* begin(meeting);
    const stream = call.stream;
    if (stream === undefined) throw new Error("a context has a stream");
    stream.open({});
    peer.say({ msg_type: "Credit", cid: call.cid, items: 9, bytes: 1_000 });
    peer.say({ msg_type: "Yield", cid: call.cid, pld: "last" });
    peer.say({ msg_type: "Stop", cid: call.cid });
    expect(yield* stream.receive()).toBe("last");
    expect(yield* errorOf(stream.receive())).toMatchObject({ name: "EndOfChannel" });
    expect(yield* errorOf(stream.send("anyone?"))).toMatchObject({ name: "BrokenResourceError" });
  });
});
