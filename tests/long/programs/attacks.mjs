// Runs each attack against a server of its own while a resource server introspects, and prints what was done and what it cost.
// Exit status 0 when the server withstood every attack. tests/long/attacks starts it.
import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { kinds } from "./kinds.mjs";
import { link, number, renkei, Server, tokens, wait } from "./support.mjs";

/** No introspection may take longer, in ms. */
const LONGEST_WAIT = 5000;
/** No attack may make the server take more memory, in MB: a third of what it may have. */
const MOST_MEMORY = 1024;
/** How many processes attack. */
const ATTACKERS = 2;

const { values: option, positionals: wanted } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, files: { type: "string", default: "1024" } },
  allowPositionals: true,
});
const program = (name) => fileURLToPath(new URL(name, import.meta.url));
const message = (child) => new Promise((done) => child.on("message", done).on("exit", () => done(undefined)));

/** Runs one attack against a server of its own. Returns what went wrong. */
async function withstands(kind, seconds) {
  console.log(`\n== ${kind.name}: ${kind.does}`);
  const wrong = [];
  const server = await Server.start();
  try {
    const { live, dead } = await tokens(server);
    const introspector = fork(program("introspector.mjs"), [server.port, live, dead]);
    await wait(1000);
    const before = server.memory();

    introspector.send("begin");
    const attackers = Array.from({ length: ATTACKERS }, (_, n) => fork(program("attacker.mjs"), [kind.name, server.port, n, option.files]));
    const reports = Promise.all(attackers.map(message));
    let most = 0;
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until && !server.ended) {
      most = Math.max(most, server.memory() || 0);
      await wait(100);
    }
    attackers.forEach((attacker) => attacker.connected && attacker.send("end"));
    const all = await reports;
    most = Math.max(most, server.memory("VmHWM") || 0);
    const asked = message(introspector);
    introspector.send("end");
    const answers = await asked;

    const sum = {};
    for (const { counts } of all.filter(Boolean)) {
      for (const [what, n] of Object.entries(counts)) sum[what] = (sum[what] ?? 0) + n;
    }
    const said = Object.entries(sum).map(([what, n]) => `${what}: ${number(n)}${what === "held at once" ? "" : ` (${number(n / seconds)}/s)`}`);
    console.log(`   it did         ${said.join(", ") || "nothing"}`);
    if (all.some((report) => !report)) wrong.push("an attacker ended too early");
    for (const { faults } of all.filter(Boolean)) {
      for (const [what, n] of Object.entries(faults)) wrong.push(`${what}, ${n} times`);
    }

    if (server.ended) {
      wrong.push(`the server ended: ${server.ended}`);
    } else {
      await wait(1000);
      console.log(`   memory         ${number(before)} MB before, ${number(most)} MB at most, ${number(server.memory())} MB after; the store ${number(server.disk())} MB`);
      if (most > MOST_MEMORY) wrong.push(`${number(most)} MB of memory`);
    }
    for (const how of ["kept", "fresh"]) {
      const { count, half, most, longest } = answers[how];
      console.log(`   introspection  ${number(count)} over ${how === "kept" ? "a kept connection" : "a new connection each"}: half within ${number(half)} ms, 99 of 100 within ${number(most)} ms, all within ${number(longest)} ms`);
      // Where the attack holds all places, a new connection waits for one as everybody does.
      if (how === "fresh" && kind.holds) continue;
      if (!(longest <= LONGEST_WAIT)) wrong.push(`an introspection over ${how === "kept" ? "a kept" : "a new"} connection waited ${number(longest)} ms`);
    }
    if (answers.unanswered.fresh) console.log(`   unanswered     ${answers.unanswered.fresh} over a new connection`);
    if (answers.unanswered.fresh && !kind.holds) wrong.push(`${answers.unanswered.fresh} introspections over a new connection had no answer`);
    if (answers.unanswered.kept) wrong.push(`${answers.unanswered.kept} introspections over a kept connection had no answer`);
    if (answers.wrong.count) wrong.push(`${answers.wrong.count} introspections were not answered rightly: ${answers.wrong.first.join("; ")}`);

    // A customer who comes afterwards is served, unless the attack has taken every place there is.
    if (!server.ended && !kind.fills) await link(server, "203.0.113.99").catch((why) => wrong.push(`no link afterwards: ${why.message}`));
    if (!server.ended && !(await server.stop())) wrong.push(`it did not stop cleanly: ${server.ended ?? "not at all"}`);
    wrong.push(...server.said("panicked", '"ERROR"', "a check did not come to its end").slice(0, 3));
  } finally {
    if (!server.ended) await server.stop();
    server.remove();
  }
  console.log(wrong.length ? `   FAILED         ${wrong.join("\n                  ")}` : "   withstood");
  return wrong;
}

if (!existsSync(renkei)) {
  console.error(`there is no ${renkei}: cargo build --release makes it`);
  process.exit(2);
}
const unknown = wanted.filter((name) => !kinds.some((kind) => kind.name === name));
if (unknown.length) {
  console.error(`there is no attack ${unknown.join(", ")}; there are ${kinds.map((kind) => kind.name).join(", ")}`);
  process.exit(2);
}
const failed = [];
for (const kind of kinds.filter((kind) => !wanted.length || wanted.includes(kind.name))) {
  if ((await withstands(kind, Number(option.seconds))).length) failed.push(kind.name);
}
console.log(failed.length ? `\nFAILED: ${failed.join(", ")}` : "\nevery attack was withstood");
process.exit(failed.length ? 1 : 0);
