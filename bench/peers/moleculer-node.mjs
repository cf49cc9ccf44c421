/** One of the two nodes of the moleculer peer: a broker with the TCP transporter, told where the other one listens. */
import { importPackage } from "../packages.mjs";

const { ServiceBroker } = await importPackage("moleculer");

/** @typedef {{ parent: number, child: number }} Ports */

/** @param {keyof Ports} nodeID @param {Ports} ports */
export function createBroker(nodeID, { parent, child }) {
  const urls = [`127.0.0.1:${parent}/parent`, `127.0.0.1:${child}/child`];
  return new ServiceBroker({
    nodeID,
    logger: false,
    // No UDP: both are known, and a network without multicast is measured as well.
    transporter: { type: "TCP", options: { udpDiscovery: false, useHostname: false, urls } },
  });
}
