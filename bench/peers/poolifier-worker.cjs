/**
 * The worker of poolifier's pools. Not a module: the pool's first message would come, and be lost, while its imports are
 * still being loaded, and the pool would wait for ever.
 */
const { isMainThread } = require("node:worker_threads");
const { ClusterWorker, ThreadWorker } = require(/** @type {string} */ ("poolifier"));

const work = import("../peer.mjs");

module.exports = new (isMainThread ? ClusterWorker : ThreadWorker)({
  add: (/** @type {{ a: number, b: number }} */ { a, b }) => a + b,
  spin: async (/** @type {{ turns: number }} */ { turns }) => (await work).spin(turns),
  pid: () => process.pid,
});
