// A million requests of strangers: the server's memory at the end is within 5 MB of that after the first hundred thousand.
// tests/long/strangers starts it.
import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { asked, base64url, Connection, longest, number, post, renkei, request, Server, wait } from "./support.mjs";

const REQUESTS = 1_000_000;
/** By now every table of the server is as large as it gets. */
const SETTLED = 100_000;
/** How many MB the other 900,000 may add. */
const MORE = 5;
const CONNECTIONS = 128;

const hex = (most) => randomInt(most).toString(16);
/** 100,000 IPv4 addresses and as many networks of IPv6: more than the tables of the limits hold. */
const someone = () =>
  randomInt(2) ? `198.${18 + randomInt(2)}.${randomInt(200)}.${randomInt(250)}` : `2001:db8:${hex(100_000 / 2)}:${hex(2)}::1`;
const random = () => base64url(Buffer.from(Array.from({ length: 32 }, () => randomInt(256))));

/** Seven of ten strangers begin an interaction with the longest request that is stored; the others guess addresses and codes. */
const paths = Array.from({ length: 500 }, () => asked(longest()).path);
const guesses = [
  () => request("GET", `/link/${random()}/account`, [`Cookie: __Host-renkei-${random().slice(0, 8)}=${random()}`]),
  () => post("/oauth/token", { grant_type: "authorization_code", client_id: random(), client_secret: random(), code: random() }),
  () => request("GET", `/oauth/authorize?client_id=${random()}`),
];
function next() {
  const kind = randomInt(10);
  return kind < 7 ? request("GET", paths[randomInt(paths.length)], [`X-Forwarded-For: ${someone()}`]) : guesses[kind - 7]();
}

if (!existsSync(renkei)) {
  console.error(`there is no ${renkei}: cargo build --release makes it`);
  process.exit(2);
}
const server = await Server.start();
console.log(`before: ${number(server.memory(), 1)} MB`);
const answers = {};
let left = 0;
const connections = Array.from({ length: CONNECTIONS }, () => new Connection(server.port));
async function lane(connection) {
  while (left > 0 && !server.ended) {
    left -= 1;
    const { status } = await connection.ask(next());
    answers[status || "hung up"] = (answers[status || "hung up"] ?? 0) + 1;
  }
}
let settled;
const since = performance.now();
for (let done = SETTLED; done <= REQUESTS; done += SETTLED) {
  left = SETTLED;
  await Promise.all(connections.map(lane));
  await wait(2000);
  const memory = server.memory();
  settled ??= memory;
  console.log(`after ${number(done).padStart(9)}: ${number(memory, 1)} MB, the store ${number(server.disk())} MB`);
}
const seconds = (performance.now() - since) / 1000;
const said = Object.entries(answers).map(([status, n]) => `${status}: ${number(n)}`);
console.log(`${number(REQUESTS)} requests in ${number(seconds)} s; ${said.join(", ")}`);
const grown = server.memory() - settled;
const wrong = [];
if (server.ended) wrong.push(`the server ended: ${server.ended}`);
else if (!(grown <= MORE)) wrong.push(`${number(grown, 1)} MB more than after ${number(SETTLED)}`);
for (const status of Object.keys(answers)) {
  if (!["303", "400", "401", "403", "429", "503"].includes(status)) wrong.push(`${answers[status]} answers were ${status}`);
}
connections.forEach((connection) => connection.close());
if (!server.ended && !(await server.stop())) wrong.push(`it did not stop cleanly: ${server.ended ?? "not at all"}`);
wrong.push(...server.said("panicked").slice(0, 3));
server.remove();
console.log(wrong.length ? `FAILED: ${wrong.join("; ")}` : `${number(grown, 1)} MB more than after ${number(SETTLED)}: within ${MORE} MB`);
process.exit(wrong.length ? 1 : 0);
