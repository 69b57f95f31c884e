// benches/run: starts each contender, measures it in rounds that take turns, and writes what was measured.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { basic, Connection, issuer, number, post, renkei as released, wait } from "../../tests/long/programs/support.mjs";
import { at, certificate, cpu, loadCore, memory, option, ports, program, serverCore, start, stop } from "./machine.mjs";
import { Bare, Hydra, NodeProvider, Postgres } from "./others.mjs";
import { fitting, HISTORY, installation } from "./renkei.mjs";
import { report } from "./report.mjs";
import { kinds, paths, pushers, secret, signedLines, signer } from "./requests.mjs";
import { copied, values } from "./seed.mjs";

const SMALL = 1_000;
const rounds = Number(option.rounds ?? (option.quick ? 3 : 5));
const seconds = Number(option.seconds ?? (option.quick ? 1 : 8));
const asked = Number(option.links ?? (option.quick ? SMALL : 1_000_000));
const without = option.without.split(",");
const takesPart = (name) => !without.includes(name);
const large = fitting(asked, { postgres: takesPart("postgres") && asked <= HISTORY });
/** Writes are measured in shorter rounds: each takes a code or a token that must be made first. */
const writing = Math.min(seconds, 3);
/** The most writes a second for which codes and tokens are made. A round ends when they are used up. */
const MOST_WRITES = { sqlite: 4_000, postgres: 2_000, node: 4_000 };
const each = (name) => Math.ceil(writing * MOST_WRITES[name]);
/** The tokens of a store's links, whatever the engine. */
const tokensOf = (links) => at("values", `links-${links}`);
const say = (text) => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);

const renkeis = ["sqlite", "postgres"];
const all = [
  { name: "introspection", title: `Introspection, ${number(SMALL)} links`, kind: "introspect", links: SMALL, contenders: ["bare", ...renkeis, "node", "hydra"] },
  { name: "all", title: `Introspection, ${number(large)} links, all equally often`, kind: "introspect", links: large, contenders: ["bare", ...renkeis] },
  { name: "hot", title: `Introspection, ${number(large)} links, a thousand of them all the time`, kind: "introspect", links: large, hot: 1_000, contenders: ["bare", ...renkeis] },
  { name: "tls", title: `Introspection over TLS, ${number(SMALL)} links`, kind: "introspect", links: SMALL, tls: true, contenders: ["bare", ...renkeis, "node"] },
  { name: "tls-all", title: `Introspection over TLS, ${number(large)} links, all equally often`, kind: "introspect", links: large, tls: true, contenders: ["bare", ...renkeis] },
  { name: "credentials", title: "Tokens of clients (client_credentials)", kind: "credentials", writes: true, contenders: [...renkeis, "node", "hydra"] },
  { name: "redeem", title: "Redemption of codes, client_secret_basic, with id_token (RS256)", kind: "redeem", writes: true, contenders: [...renkeis, "node"] },
  { name: "redeem-signed", title: "Redemption of codes, private_key_jwt and DPoP, with id_token (ES256)", kind: "redeem-signed", writes: true, contenders: [...renkeis, "node"] },
  { name: "refresh", title: "Refresh, client_secret_basic, with id_token (RS256)", kind: "refresh", writes: true, contenders: [...renkeis, "node"] },
  { name: "par", title: "Pushed requests of 64 clients, client_secret_basic", kind: "par", writes: true, contenders: [...renkeis, "node"] },
  { name: "par-signed", title: "Pushed requests of 64 clients, private_key_jwt and DPoP", kind: "par-signed", writes: true, contenders: [...renkeis, "node"] },
  { name: "revoke", title: "Revocation of access tokens, client_secret_basic", kind: "revoke", writes: true, contenders: [...renkeis, "node"] },
];
const wanted = (name) => !option.only || option.only.split(",").includes(name);
// In --quick both stores are the same.
const groups = all.filter(({ name }) => wanted(name) && !(large <= SMALL && ["all", "hot", "tls-all"].includes(name)));
const notes = [];
if (large < asked) notes.push(`The disk has room for ${number(large)} links, not for ${number(asked)}.`);

// ---- what is needed -------------------------------------------------------------------------------------------------------

const needed = (test) => groups.some((group) => test(group) && group.contenders.some((name) => takesPart(name) && renkeis.includes(name)));
const hydra = takesPart("hydra") && groups.some(({ contenders }) => contenders.includes("hydra"));
const noHydra = hydra && Hydra.missing();
if (noHydra) notes.push(`Ory Hydra took no part: ${noHydra}.`);
const contenders = ({ contenders, links }) =>
  contenders.filter((name) => takesPart(name) && !(name === "hydra" && noHydra) && !(links > HISTORY && name === "postgres"));

for (const name of ["values", "stores"]) mkdirSync(at(name), { recursive: true });
let postgres;
if (takesPart("postgres")) postgres = await new Postgres().start();
const stores = {};
/** The codes and tokens of a round are new, so the store of the writes is made for each run. */
const writes = needed(({ writes }) => writes);
const areUsedUp = groups.some(({ kind }) => ["redeem", "redeem-signed", "revoke"].includes(kind));
for (const engine of renkeis.filter(takesPart)) {
  const need = { engine, postgres, say };
  const of = (links) => needed((group) => group.links === links) || (wanted("processes") && links === SMALL);
  if (of(SMALL)) stores[`${engine} ${SMALL}`] = await installation({ ...need, name: "small", links: SMALL });
  if (large > SMALL && of(large) && !(large > HISTORY && engine === "postgres")) {
    stores[`${engine} ${large}`] = await installation({ ...need, name: `large-${large}`, links: large });
  }
  if (writes && !option.prepare) {
    const usedUp = areUsedUp ? rounds * each(engine) : SMALL;
    stores[`${engine} writes`] = await installation({ ...need, name: "writes", links: Math.max(SMALL, usedUp), pending: usedUp, fresh: true });
  }
}
if (large > HISTORY) {
  notes.push(`A store of more than ${number(HISTORY)} links is measured on SQLite alone; the newest ${number(HISTORY)} have records and events.`);
}
for (const links of new Set(groups.map(({ links }) => links).filter(Boolean))) {
  if (!existsSync(tokensOf(links))) await values(tokensOf(links), "links", links, ["access", "jti"]);
}
if (option.prepare) {
  if (groups.some(({ contenders }) => contenders.includes("node")) && takesPart("node")) NodeProvider.install();
  await postgres?.stop();
  say("all is prepared");
  process.exit(0);
}

// ---- contenders in a group ------------------------------------------------------------------------------------------------

/** What is known of a contender in a group: where it listens, whose CPU counts, and what its next round sends. */
async function enter(name, group, others) {
  const { tls, kind, links } = group;
  const file = (what) => at("values", `${group.name}-${name}-${what}`);
  const own = (contender, pids, lines, p, port = contender.port) => {
    const request = kinds[kind](p);
    writeFileSync(file("request"), request.text);
    return { name, contender, port, pids, template: file("request"), request, lines, stop: () => contender.stop() };
  };
  if (renkeis.includes(name)) {
    const contender = stores[`${name} ${group.writes ? "writes" : links}`];
    const { pid } = await contender.start({ tls });
    const pids = [pid, ...(name === "postgres" ? [postgres.pid] : [])];
    const entered = own(contender, pids, renkeiLines(file, group, each(name)), paths.renkei);
    if (kind === "introspect") {
      entered.contains = ['"jti":"{1}"'];
      const headers = [`Authorization: ${basic("accounts-api", secret("accounts-api"))}`];
      if (!tls) entered.answer = JSON.stringify(await contender.ask("/oauth/introspect", { token: copied("links", 0, "access") }, headers));
    }
    return entered;
  }
  if (name === "node") {
    const contender = new NodeProvider();
    const { pid } = await contender.start({ tls });
    if (kind === "introspect") await contender.make("access", SMALL, "kakeibo", file("lines"));
    const entered = own(contender, [pid], nodeLines(contender, file, kind, each(name)), paths.node);
    if (kind === "introspect") entered.contains = ['"sub":"{1}"'];
    return entered;
  }
  if (name === "hydra") {
    const contender = new Hydra();
    const { pid } = await contender.start();
    writeFileSync(file("lines"), `${(await contender.tokens(kind === "introspect" ? SMALL : 1)).join("\n")}\n`);
    return own(contender, [pid], () => file("lines"), paths.hydra, kind === "introspect" ? contender.port + 1 : contender.port);
  }
  const contender = new Bare();
  const answer = others.find((other) => other.answer)?.answer ?? '{"active":true}';
  const { pid } = await contender.start({ tls, answer });
  const theirs = others.find((other) => renkeis.includes(other.name));
  writeFileSync(file("lines"), "token\n");
  return own(contender, [pid], () => (theirs ? theirs.lines(0) : file("lines")), paths.renkei);
}
const write = (file, lines) => {
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
};
/** The file of lines for round `n`; round 0 is the first. Tokens are revoked in no order of their making. */
const renkeiLines = (file, { kind, links }, most) => async (n) => {
  const next = (i) => n * most + i;
  const scattered = (i) => (next(i) * 7919) % (rounds * most);
  const slice = (what, column, number = next) => Array.from({ length: most }, (_, i) => copied(what, number(i), column));
  if (kind === "introspect") return tokensOf(links);
  if (kind === "credentials") return write(file("lines"), ["-"]);
  if (kind === "redeem") return write(file("lines"), slice("pending", "code"));
  if (kind === "refresh") return write(file("lines"), Array.from({ length: SMALL }, (_, i) => copied("links", i, "refresh")));
  if (kind === "revoke") return write(file("lines"), slice("links", "access", scattered));
  if (kind === "par") return write(file("lines"), pushers);
  const url = `${issuer}${kinds[kind](paths.renkei).signs}`;
  if (kind === "par-signed") return write(file("lines"), signedLines(most, url, signer, signer));
  const codes = slice("signed", "code");
  return write(file("lines"), signedLines(most, url, (i) => codes[i], () => "signed-0"));
};
const nodeLines = (contender, file, kind, most) => async (n) => {
  const made = async (what, count, client) => {
    await contender.make(what, count, client, file("lines"));
    return file("lines");
  };
  if (kind === "introspect") return file("lines");
  if (kind === "credentials") return write(file("lines"), ["-"]);
  if (kind === "redeem") return made("code", most, "kakeibo");
  if (kind === "refresh") return n === 0 ? made("refresh", SMALL, "kakeibo") : file("lines");
  if (kind === "revoke") return made("access", most, "kakeibo");
  if (kind === "par") return write(file("lines"), pushers);
  const url = `${issuer}${kinds[kind](paths.node).signs}`;
  if (kind === "par-signed") return write(file("lines"), signedLines(most, url, signer, signer));
  await contender.make("code", most, "signed-0", file("codes"));
  const codes = readFileSync(file("codes"), "utf8").split("\n");
  return write(file("lines"), signedLines(most, url, (i) => codes[i], () => "signed-0"));
};

/** The first `count` tokens of a round of revocations are inactive now. */
async function areRevoked({ name, port }, lines, count) {
  const { introspect } = paths[name] ?? paths.renkei;
  const headers = [`Authorization: ${basic("accounts-api", secret("accounts-api"))}`];
  const connection = new Connection(port);
  for (const line of readFileSync(lines, "utf8").split("\n", count)) {
    const { status, body } = await connection.ask(post(introspect, { token: line.split("\t")[0] }, headers));
    if (status === 200 && JSON.parse(body).active === false) continue;
    say(`revoke, ${name}: a revoked token is answered with ${status} ${body}`);
    process.exitCode = 1;
  }
  connection.close();
}

/** One round of a contender. */
async function load(entered, group, n, length) {
  const { request, port, template, pids, contains = [] } = entered;
  const lines = await entered.lines(n);
  const { ca } = certificate();
  const args = [
    ...["--connect", `127.0.0.1:${port}`, "--template", template, "--values", lines, "--seconds", length, "--begin", Math.random()],
    ...["--status", request.status ?? 200],
    ...[...request.contains, ...contains].flatMap((text) => ["--contains", text]),
    ...(group.tls ? ["--ca", ca] : []),
    ...(serverCore !== loadCore ? ["--awake"] : []),
    ...(group.hot ? ["--hot", group.hot] : []),
    ...(request.once ? ["--once"] : []),
  ];
  const before = cpu(pids);
  const run = promisify(execFile)("taskset", ["-c", String(loadCore), program("bench-load"), ...args.map(String)]);
  const { stdout } = await run.catch((failed) => failed);
  const spent = cpu(pids) - before;
  if (!stdout) throw new Error(`the load on ${entered.name} failed`);
  const result = JSON.parse(stdout);
  if (result.wrong) {
    say(`${group.name}, ${entered.name}: ${result.wrong} of ${result.answers} answers were wrong: ${result.examples.join("; ")}`);
    process.exitCode = 1;
  }
  if (group.kind === "revoke" && result.answers) await areRevoked(entered, lines, Math.min(result.answers, 20));
  return { ...result, per_second: result.answers / result.seconds, cpu_micros: (spent / result.answers) * 1e6 };
}

// ---- the rounds -----------------------------------------------------------------------------------------------------------

const results = [];
for (const group of groups) {
  const names = contenders(group);
  if (!names.length) continue;
  say(`${group.title}: ${names.join(", ")}`);
  const length = group.writes ? writing : seconds;
  const entered = [];
  // The bare handler says what Renkei says, so it comes last, and is measured first.
  for (const name of [...names].sort((a, b) => (a === "bare") - (b === "bare"))) entered.push(await enter(name, group, entered));
  entered.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
  for (const contender of entered) {
    if (!contender.request.once) await load(contender, group, 0, Math.min(1, length));
  }
  for (let n = 0; n < rounds; n++) {
    for (const contender of entered) {
      const result = await load(contender, group, n, length);
      const used = memory(contender.pids[0], "VmHWM");
      results.push({ group: group.name, title: group.title, contender: contender.name, round: n + 1, ...result, memory_mb: used });
    }
  }
  for (const contender of entered) await contender.stop();
}

// ---- start and memory -----------------------------------------------------------------------------------------------------

const processes = [];
async function starting(name, begin, end) {
  const [ms, rest] = [[], []];
  for (let n = 0; n < rounds; n++) {
    const child = await begin();
    ms.push(child.ms);
    await wait(option.quick ? 500 : 2000);
    rest.push(memory(child.pid));
    await end();
  }
  processes.push({ name, ms, rest });
}
if (wanted("processes")) {
  say("start and memory at rest");
  for (const [name, installed] of Object.entries(stores)) {
    if (name.endsWith("writes")) continue;
    const [engine, links] = name.split(" ");
    await starting(`${engine}, ${number(Number(links))} links`, () => installed.start(), () => installed.stop());
  }
  const [port, data] = [await ports(4), at("demo")];
  rmSync(data, { recursive: true, force: true });
  let demo;
  const begin = async () => (demo = await start([released, "demo", "--port", String(port), "--data", data], { log: at("demo.log") }));
  await begin();
  await stop(demo);
  await starting("demo", begin, () => stop(demo));
  if (takesPart("node")) {
    const node = new NodeProvider();
    await starting("node", () => node.start(), () => node.stop());
  }
  if (hydra && !noHydra) {
    const other = new Hydra();
    await other.start();
    await other.stop();
    await starting("hydra", () => other.restart(), () => other.stop());
  }
}
const sizes = Object.entries(stores)
  .filter(([name]) => !name.endsWith("writes"))
  .map(([name, { megabytes, history }]) => ({ name, megabytes, history }));
const version = postgres?.version;
await postgres?.stop();
report({ groups, results, processes, sizes, notes, rounds, seconds, writing, version, pinned: serverCore !== loadCore, record: option.record ?? (!option.quick && !option["no-record"]) });
process.exit(process.exitCode ?? 0);
