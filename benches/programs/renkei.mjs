// Renkei as it is measured: its configuration, its clients, and its stores, which are made once and stay.
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { basic, Browser, Connection, institution, issuer, number, post, taro } from "../../tests/long/programs/support.mjs";
import { at, certificate, ports, program, root, start, stop } from "./machine.mjs";
import { clients, forms, signed } from "./requests.mjs";
import { PostgresStore, seed, SqliteStore } from "./seed.mjs";

const renkei = program("renkei");

const config = ({ port, url, tls }) => `
[server]
issuer = "${issuer}"
mode = "test"
listen = ["127.0.0.1:${port}"]
${tls ? `tls_cert_file = "${tls.cert}"\ntls_key_file = "${tls.key}"` : `trusted_proxies = ["127.0.0.1"]`}
master_key_file = "master.key"
log = "info"
log_format = "json"
drain = "0s"
[store]
url = "${url}"
${institution}rest = "0s"
[limits]
by_network = false
[mail]
kind = "file"
from = "noreply@minato.example"
[bank]
kind = "sample"
[tokens]
client_scopes = "status"
`;

/** One installation: a folder with its configuration and its keys, and a store. */
export class Renkei {
  constructor(name, store) {
    Object.assign(this, { name, store, folder: at("stores", name) });
  }
  file(name) {
    return join(this.folder, name);
  }
  /** Starts it; `tls` or plain http. */
  async start({ tls = false } = {}) {
    this.port ??= await ports();
    const url = this.store instanceof SqliteStore ? `sqlite:${this.store.file}` : this.store.url;
    writeFileSync(this.file("renkei.toml"), config({ port: this.port, url, tls: tls && certificate() }));
    rmSync(this.file("log"), { force: true });
    this.child = await start([renkei, "serve", "--config", this.file("renkei.toml")], { log: this.file("log") });
    return this.child;
  }
  async stop() {
    await stop(this.child);
    if (this.child.exitCode !== 0) throw new Error(`${this.name} did not stop cleanly: see ${this.file("log")}`);
  }
  /** The bytes of the store, in MB. */
  async disk() {
    if (!(this.store instanceof SqliteStore)) return Number(await this.store.sql("select pg_database_size(current_database());")) / 1e6;
    const ours = readdirSync(this.file("data")).filter((name) => name.startsWith("renkei.db") && !name.endsWith(".ballast"));
    return ours.reduce((sum, name) => sum + statSync(this.file(`data/${name}`)).size, 0) / 1e6;
  }
  async import(records) {
    for (const record of records) {
      const file = this.file("client.json");
      writeFileSync(file, JSON.stringify(record), { mode: 0o600 });
      await promisify(execFile)(renkei, ["client", "import", "--config", this.file("renkei.toml"), file]);
      rmSync(file);
    }
  }
  /** The sample customer walks through the screens; the code. */
  async walk(path) {
    const browser = new Browser(this.port, "203.0.113.7");
    await browser.get(path);
    const steps = { account: taro.account, customer: taro.customer, phone: {}, call: {}, pin: { pin: "4071" } };
    for (const [screen, fields] of Object.entries(steps)) {
      if (browser.screen !== screen) throw new Error(`${browser.status} ${browser.path}, not ${screen}`);
      await browser.press("next", fields);
    }
    await browser.press("allow", { agree: "yes" });
    browser.connection.close();
    const code = new URL(browser.location).searchParams.get("code");
    if (!code) throw new Error(`no code: ${browser.location}`);
    return code;
  }
  async ask(path, fields, headers) {
    const connection = new Connection(this.port);
    const answer = await connection.ask(post(path, fields, headers));
    connection.close();
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.body}`);
    return answer.body && JSON.parse(answer.body);
  }
  /** Makes its first links; their grants. `pending` are those whose code nobody has redeemed. */
  async links({ pending }) {
    const app = clients.kakeibo;
    const newest = (id) => this.store.sql(`select id from grants where client_id = '${id}' order by created_at desc limit 1;`);
    const grants = {};
    const query = () => `/oauth/authorize?${new URLSearchParams(forms.authorize(app))}`;
    const code = await this.walk(query());
    grants.link = await newest(app.client_id);
    await this.ask("/oauth/token", forms.redeem(app, code), [`Authorization: ${basic(app.client_id, app.client_secret)}`]);
    if (!pending) return grants;
    // Of another account a copy will be: so neither of the two replaces the first.
    await this.walk(query());
    grants.pending = await newest(app.client_id);
    const secure = clients["signed-0"];
    const { assertion, proof } = signed(secure.client_id, issuer, `${issuer}/oauth/par`);
    const fields = { ...forms.authorize(secure), ...forms.assertion(assertion) };
    const { request_uri } = await this.ask("/oauth/par", fields, [`DPoP: ${proof}`]);
    await this.walk(`/oauth/authorize?${new URLSearchParams({ client_id: secure.client_id, request_uri })}`);
    grants.pendingSigned = await newest(secure.client_id);
    return grants;
  }
}

/** So many links have records and events, the newest. */
export const HISTORY = 1_000_000;
/** A digest of the tables and of what fills them: other stores are made anew. */
const schema = (() => {
  const files = join(root, "src/core/store/schema");
  const all = readdirSync(files).sort().map((name) => readFileSync(join(files, name)));
  all.push(readFileSync(join(root, "benches/programs/seed.mjs")));
  return createHash("sha256").update(Buffer.concat(all)).digest("hex").slice(0, 8);
})();

/**
 * The installation `name` on `engine`, with its links. It is made where it is not there, or where `fresh`. `links`: how many are open;
 * `pending`: how many codes of each kind wait.
 */
export async function installation({ engine, name, links, pending = 0, postgres, fresh = false, say }) {
  const label = `${engine}-${name}-${schema}`;
  const database = `renkei_${name.replaceAll("-", "_")}_${schema}`;
  const store = engine === "sqlite" ? new SqliteStore(join(at("stores", label), "data/renkei.db")) : new PostgresStore(postgres.url(database));
  const made = new Renkei(label, store);
  const note = made.file("made.json");
  if (existsSync(note) && !fresh) {
    const known = JSON.parse(readFileSync(note, "utf8"));
    if (known.links === links && (engine === "sqlite" || (await postgres.has(database)))) return Object.assign(made, known);
  }
  rmSync(made.folder, { recursive: true, force: true });
  mkdirSync(made.file("data"), { recursive: true, mode: 0o700 });
  for (const secret of ["master.key", "hook.secret"]) writeFileSync(made.file(secret), randomBytes(32).toString("base64url"), { mode: 0o600 });
  if (engine === "postgres") await postgres.create(database);
  await made.start();
  const many = Object.keys(clients).filter((id) => pending || !/-[1-9]/.test(id));
  await made.import(many.map((id) => clients[id]));
  const grants = await made.links({ pending: pending > 0 });
  await made.stop();
  const history = Math.min(links, HISTORY);
  const begin = performance.now();
  await seed(store, { kind: "links", grant: grants.link, count: links, history });
  if (pending) {
    await seed(store, { kind: "pending", grant: grants.pending, count: pending });
    await seed(store, { kind: "signed", grant: grants.pendingSigned, count: pending });
  }
  const known = { links, history, pending, megabytes: Math.round(await made.disk()) };
  say(`${label}: ${number(links)} links${pending ? `, ${number(pending)} codes of each kind` : ""}, ${number(known.megabytes)} MB, after ${number((performance.now() - begin) / 1000)} s`);
  writeFileSync(note, JSON.stringify(known));
  return Object.assign(made, known);
}

/**
 * The most links for which the disk has room. A link takes 2.6 KB on SQLite, and 4.1 KB more with its records and events; on PostgreSQL
 * twice as much.
 */
export function fitting(links, { postgres }) {
  if (existsSync(at("stores", `sqlite-large-${links}-${schema}`, "made.json"))) return links;
  const { bavail, bsize } = statfsSync(at());
  const size = postgres ? 3 : 1;
  const room = bavail * bsize * 0.8 - Math.min(links, HISTORY) * 4_100 * size;
  return Math.min(links, Math.floor(room / 2_600 / size));
}
