/** A child that is up, as its parent finds it for others. */
import { dirname } from "node:path";
import type { Channel } from "../rpc/channel.ts";
import type { Portal } from "../rpc/portal.ts";
import { parseAddress } from "../wire/mod.ts";
import { orphanGuard } from "./orphan-guard.ts";
import { isPrivateSocket, removePrivateSocket } from "./private-folder.ts";

export class ChildLink {
  readonly channel: Channel;
  readonly portal: Portal;
  #made: string | undefined;
  #unwatch = () => {};

  constructor(channel: Channel, portal: Portal) {
    this.channel = channel;
    this.portal = portal;
  }

  /** It listens there because it was asked to. */
  madeListen(addresses: readonly string[]): void {
    if (this.#made !== undefined) return;
    const [address] = addresses.map(parseAddress);
    if (address?.transport !== "unix" || !isPrivateSocket(address.path)) return;
    this.#made = address.path;
    this.#unwatch = orphanGuard.watchFolder(dirname(address.path));
  }

  /** Its process has gone. What it has left behind, if it was killed, is removed. */
  gone(): void {
    if (this.#made !== undefined) removePrivateSocket(this.#made);
    this.#unwatch();
  }
}
