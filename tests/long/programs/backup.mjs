// A backup of a store of ten gigabytes, with introspection and tokens beside it. tests/long/backup starts it.
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statSync } from "node:fs";
import { promisify } from "node:util";
import { at, option, program } from "../../../benches/programs/machine.mjs";
import { fitting, installation } from "../../../benches/programs/renkei.mjs";
import { clients, secret } from "../../../benches/programs/requests.mjs";
import { copied } from "../../../benches/programs/seed.mjs";
import { basic, Connection, number, post, wait } from "./support.mjs";

/** How much slower introspection may be than on the idle server. */
const MOST = 1.5;
const LANES = 4;
/** ms from an answer to the next question of a connection. */
const PAUSE = 4;
const SECONDS = 30;

const asked = Number(option.links ?? 1_500_000);
const links = fitting(asked, { postgres: false });
if (links < asked) console.log(`the disk has room for ${number(links)} links, not for ${number(asked)}`);
mkdirSync(at("stores"), { recursive: true });
const renkei = await installation({ engine: "sqlite", name: `large-${links}`, links, say: console.log });
const copy = at("backup.db");
rmSync(copy, { force: true });
const { pid } = await renkei.start();

const headers = [`Authorization: ${basic("accounts-api", secret("accounts-api"))}`];
const issue = { grant_type: "client_credentials", scope: clients.partner.scope };
const issuer = [`Authorization: ${basic("partner", secret("partner"))}`];
if (!option.links && (await renkei.disk()) < 10_000) {
  console.log(`the store has ${number(await renkei.disk())} MB, wanted are 10,000: give the folder more room, or say how many links are enough (--links)`);
  await renkei.stop();
  process.exit(2);
}
const wrong = [];
let [phase, over] = ["warm", false];
const times = {};
const issued = {};

/** Asks for tokens of all links, none twice before all others. */
async function ask(lane) {
  const connection = new Connection(renkei.port);
  for (let n = lane; !over; n += LANES) {
    const link = (n * 2_147_483_647) % links;
    const [begun, at] = [phase, performance.now()];
    const { status, body } = await connection.ask(post("/oauth/introspect", { token: copied("links", link, "access") }, headers));
    (times[begun] ??= []).push(performance.now() - at);
    if (status !== 200 || !body.includes(`"jti":"${copied("links", link, "jti")}"`)) wrong.push(`${status} ${body.slice(0, 80)}`);
    await wait(PAUSE);
  }
  connection.close();
}
/** Each token is a commit. In the phase `checkpoints` there are so many that the journal is moved into the store every second. */
async function write() {
  const connection = new Connection(renkei.port);
  while (!over) {
    const begun = phase;
    const { status, body } = await connection.ask(post("/oauth/token", issue, issuer));
    issued[begun] = (issued[begun] ?? 0) + 1;
    if (status !== 200) wrong.push(`${status} ${body.slice(0, 80)}`);
    await wait(phase === "checkpoints" ? 10 : 50);
  }
  connection.close();
}
const lanes = [write(), write(), ...Array.from({ length: LANES }, (_, lane) => ask(lane))];
const during = async (name, work) => {
  phase = name;
  const begin = performance.now();
  await work;
  return (performance.now() - begin) / 1000;
};
await during("warm", wait(5_000));
await during("idle", wait(SECONDS * 1000));
const backup = promisify(execFile)(program("renkei"), ["db", "backup", "--config", renkei.file("renkei.toml"), copy]);
const took = await during("backup", backup);
await during("after", wait(SECONDS * 1000));
const before = statSync(renkei.store.file).mtimeMs;
await during("checkpoints", wait(SECONDS * 1000));
if (statSync(renkei.store.file).mtimeMs === before) wrong.push("no page was moved into the store");
over = true;
await Promise.all(lanes);
await renkei.stop();

const bytes = statSync(copy).size;
const count = execFileSync("sqlite3", ["-readonly", copy, "select count(*) from access_tokens; pragma quick_check;"], { encoding: "utf8" }).trim().split("\n");
console.log(`process ${pid}: the copy has ${number(bytes / 1e6)} MB and ${number(Number(count[0]))} access tokens, after ${number(took, 1)} s; quick_check says ${count[1]}`);
if (count[1] !== "ok" || Number(count[0]) < links) wrong.push("the copy is not whole");
const share = (list, of) => list.sort((a, b) => a - b)[Math.floor(list.length * of)];
const idle = share(times.idle, 0.99);
for (const name of ["idle", "backup", "after", "checkpoints"]) {
  const list = times[name] ?? [];
  if (list.length < 100) wrong.push(`${name}: only ${list.length} answers`);
  const most = share(list, 0.99);
  console.log(
    `${name}: ${number(list.length)} introspections, half within ${number(share(list, 0.5), 2)} ms, 99 of 100 within ${number(most, 2)} ms (× ${number(most / idle, 2)}); ${number(issued[name] ?? 0)} tokens issued`,
  );
  if (!(most <= MOST * idle)) wrong.push(`${name}: slower than ${MOST} times idle`);
}
rmSync(copy, { force: true });
console.log(wrong.length ? `FAILED: ${wrong.length}: ${wrong.slice(0, 5).join("; ")}` : "all answers were right");
process.exit(wrong.length ? 1 : 0);
