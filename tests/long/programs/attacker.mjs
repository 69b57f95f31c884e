// One process that attacks: attacks.mjs forks it with the name of the attack, the server's port, which of several it is, and how
// many files it may have open.
import { kinds } from "./kinds.mjs";

const [name, port, index, files] = process.argv.slice(2);
const counts = {};
const faults = {};
let over = false;
const me = {
  port: Number(port),
  index: Number(index),
  files: Number(files),
  over: () => over,
  count: (what) => (counts[what] = (counts[what] ?? 0) + 1),
  most: (what, n) => (counts[what] = Math.max(counts[what] ?? 0, n)),
  fault: (what) => (faults[what] = (faults[what] ?? 0) + 1),
};
const report = () => process.send({ counts, faults }, () => process.exit());
process.on("message", () => {
  over = true;
  // A question that is never answered must not keep the figures back.
  setTimeout(report, 3000);
});
process.on("disconnect", () => process.exit());
await kinds.find((kind) => kind.name === name).run(me);
if (over) report();
else throw new Error(`${name} ended too early`);
