// 100,000 of a million links expire in five waves. Introspection is asked all the time; its answers during a sweep are compared
// with those of the same run when nothing was due. tests/long/expiry starts it.
import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { basic, clients, Connection, number, post, Server, tokens, wait } from "./support.mjs";

const LINKS = Number(process.env.LINKS ?? 1_000_000);
const DUE = LINKS / 10;
const WAVES = 5;
/** Seconds from one wave to the next. */
const BETWEEN = 60;
/** How much slower introspection may be during a sweep. */
const MOST = 1.5;
const CONNECTIONS = 4;
/** ms from an answer to the next question of a connection. */
const PAUSE = 4;

const server = await Server.start();
const { live, dead } = await tokens(server);
const store = join(server.folder, "data", "renkei.db");
if (!(await server.stop())) throw new Error("the server did not stop cleanly");

// ---- a million links ------------------------------------------------------------------------------------------------------

const sqlite = (sql) => execFileSync("sqlite3", [store], { input: sql, encoding: "utf8", maxBuffer: 1 << 26 }).trim();
/** Copies of the one open link's row in `table`, `n` of them in `copies`; `changed` gives other values to some columns. */
function copied(table, where, changed) {
  const columns = sqlite(`select name from pragma_table_info('${table}');`).split("\n");
  const values = columns.map((column) => changed[column] ?? `t.${column}`);
  return `insert into ${table} (${columns.join(", ")}) select ${values.join(", ")} from ${table} t, copies where ${where};`;
}
/** Moments of the store are milliseconds. */
const later = Date.now() + 2_000_000_000;
console.log(`${number(LINKS)} links are written, ${number(DUE)} of them end in ${WAVES} waves`);
const open = "t.ended_at is null and t.state = 'active'";
sqlite(`
pragma journal_mode = wal; pragma synchronous = off;
create temp table copies as
  with recursive s(n) as (select 0 union all select n + 1 from s where n + 1 < ${LINKS})
  select n, substr(hex(randomblob(11)), 1, 21) || 'A' as grant_id from s;
begin;
${copied("grants", open, {
  id: "copies.grant_id",
  account_index: "randomblob(length(t.account_index))",
  reference: "printf('%s%d', t.reference, n)",
  expires_at: `${later} + n % 500000 * 1000`,
  warn_at: "null",
})}
${copied("access_tokens", `t.grant_id in (select t.id from grants t where ${open} and t.warn_at is not null) and t.revoked_at is null`, {
  hash: "randomblob(length(t.hash))",
  id: "hex(randomblob(11))",
  grant_id: "copies.grant_id",
  expires_at: `${later} + n % 500000 * 1000`,
})}
commit;
`);
// Writing them takes minutes: only now it is known when the waves can begin.
const first = Math.floor(Date.now() / 1000) + Math.ceil(LINKS / 20_000) + 30;
sqlite(`
begin;
create temp table due as select id, (${first} + (row_number() over () % ${WAVES}) * ${BETWEEN}) * 1000 as at
  from grants where warn_at is null and ended_at is null limit ${DUE};
create unique index temp.due_id on due (id);
update grants set expires_at = (select at from due where due.id = grants.id) where id in (select id from due);
update access_tokens set expires_at = (select at from due where due.id = grant_id) where grant_id in (select id from due);
commit;
pragma wal_checkpoint(truncate);
`);
console.log(`links: ${sqlite("select count(*) from grants where ended_at is null;")}, tokens: ${sqlite("select count(*) from access_tokens;")}`);

// ---- the run --------------------------------------------------------------------------------------------------------------

await server.restart();
console.log(`the store has ${number(server.disk())} MB; the first wave is due in ${first - Math.floor(Date.now() / 1000)} s`);
const authorization = `Authorization: ${basic("accounts-api", clients["accounts-api"].client_secret)}`;
const answers = [];
const wrong = [];
let over = false;
async function ask() {
  const connection = new Connection(server.port);
  for (let n = 0; !over; n++) {
    const token = n % 2 ? dead : live;
    const at = performance.now();
    const answer = await connection.ask(post("/oauth/introspect", { token }, [authorization]));
    answers.push({ at, took: performance.now() - at });
    const active = answer.status === 200 && JSON.parse(answer.body).active;
    if (active !== (token === live)) wrong.push(`${answer.status} ${answer.body.slice(0, 80)}`);
    await wait(PAUSE);
  }
  connection.close();
}
/** Ten times a second: how many records there are, because each end writes one, and whether a link is due. Both are one entry of an
 * index: counting what is due would keep a core busy, and be measured with the rest. */
const looks = [];
const reader = spawn("sqlite3", ["-readonly", store], { stdio: ["pipe", "pipe", "inherit"] });
createInterface(reader.stdout).on("line", (line) => {
  const [records, due] = line.split("|").map(Number);
  looks.push({ at: performance.now(), records, due });
});
async function watch() {
  while (!over) {
    reader.stdin.write(`select (select max(n) from audit where worker = 'sqlite'),
      exists (select 1 from grants where ended_at is null and expires_at <= unixepoch() * 1000);\n`);
    await wait(100);
  }
  reader.stdin.end();
}
const lanes = [watch(), ...Array.from({ length: CONNECTIONS }, ask)];
const end = (first + (WAVES - 1) * BETWEEN + BETWEEN) * 1000;
while (Date.now() < end && !server.ended) await wait(200);
over = true;
await Promise.all(lanes);

// ---- what was measured ----------------------------------------------------------------------------------------------------

/** A sweep is under way from one look to the next when there are more records at the second. Nothing is due: idle. */
answers.sort((a, b) => a.at - b.at);
let next = 0;
const kinds = answers.map(({ at }) => {
  while (next < looks.length && looks[next].at <= at) next += 1;
  if (next < 1 || next === looks.length) return undefined;
  if (looks[next].records > looks[next - 1].records) return "sweep";
  return looks[next].due || looks[next - 1].due ? undefined : "idle";
});
const figures = (kind) => {
  const times = answers.filter((_, n) => kinds[n] === kind).map(({ took }) => took).sort((a, b) => a - b);
  return { count: times.length, half: times[Math.floor(times.length * 0.5)], most: times[Math.floor(times.length * 0.99)] };
};
const [idle, sweep] = ["idle", "sweep"].map(figures);
for (const [kind, f] of Object.entries({ idle, sweep })) {
  console.log(`${kind}: ${number(f.count)} answers, half within ${number(f.half, 2)} ms, 99 of 100 within ${number(f.most, 2)} ms`);
}
const half = sweep.half / idle.half;
const most = sweep.most / idle.most;
console.log(`during a sweep: median × ${number(half, 2)}, 99 of 100 × ${number(most, 2)}`);
if (server.ended) wrong.push(`the server ended: ${server.ended}`);
else if (!(await server.stop())) wrong.push("it did not stop cleanly");
const expired = Number(sqlite("select count(*) from grants where ended_by = 'expired';"));
if (expired !== DUE) wrong.push(`${number(expired)} links expired, not ${number(DUE)}`);
if (!(half <= MOST) || !(most <= MOST)) wrong.push(`slower than ${MOST} times idle`);
server.remove();
console.log(wrong.length ? `FAILED: ${wrong.length}: ${wrong.slice(0, 5).join("; ")}` : `${number(expired)} links expired, within ${MOST} times idle`);
process.exit(wrong.length ? 1 : 0);
