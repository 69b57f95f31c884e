// What the programs of tests/long share: the release binary under a limit of memory, in a folder of its own; kept
// connections that send and read raw HTTP/1.1; a customer who links their account; the format of figures.
import { execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = join(fileURLToPath(import.meta.url), "../../../..");
export const renkei = process.env.RENKEI ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "release/renkei");
/** The server's name: a proxy in front ends TLS, as in production. */
export const issuer = "https://link.renkei.test";
/** All the memory the server may address, in KiB: 3 GiB. */
const MOST_KIB = 3 * 1024 * 1024;

export const wait = (ms) => new Promise((done) => setTimeout(done, ms));
export const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
export const form = (fields) => new URLSearchParams(fields).toString();
export const basic = (id, secret) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

// ---- the server -----------------------------------------------------------------------------------------------------------

const provider = { name: "株式会社長時間試験", registration_number: "関東財務局長(電代)第00号", contact: "0120-000-003" };
/** An app that need not push its requests, and the resource server. */
export const clients = {
  kakeibo: {
    profile: "oidc",
    client_name: "かけいぼ",
    redirect_uris: ["https://kakeibo.example/callback"],
    scope: "openid accounts transactions",
    token_endpoint_auth_method: "client_secret_basic",
    client_secret: "kakeibo-secret-of-this-test-1",
    provider,
  },
  "accounts-api": {
    profile: "resource_server",
    client_name: "口座API",
    resources: ["accounts-api"],
    token_endpoint_auth_method: "client_secret_basic",
    client_secret: "accounts-api-secret-of-this-test-1",
  },
};

/** What every installation of a test says of its institution. A program that walks the screens has no telephone. */
export const institution = `[institution]
name = "みなと信用組合"
name_en = "Minato Credit Union"
kind = "shinkumi"
terms_url = "https://minato.example/api/terms"
terms_version = "2026-04-01"
faq_url = "https://minato.example/api/faq"
phone = "0120-000-000"
copyright = "© みなと信用組合（見本）"
[hours]
always_open = true
[telephony]
called_numbers = ["0800-111-0001", "0800-111-0002", "0800-111-0003", "0800-111-0004", "0800-111-0005"]
hook_secret_files = ["hook.secret"]
auto_call = true
`;

const config = (port) => `
[server]
issuer = "${issuer}"
mode = "test"
listen = ["127.0.0.1:${port}"]
# whoever attacks names the address it comes from, as a proxy would
trusted_proxies = ["127.0.0.1"]
master_key_file = "master.key"
${institution}[mail]
kind = "file"
from = "noreply@minato.example"
[bank]
kind = "sample"
`;

/** The release binary, running in test mode with every limit as it is by default. */
export class Server {
  static async start() {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), "renkei-long-"));
    server.port = await freePort();
    const at = (name) => join(server.folder, name);
    writeFileSync(at("renkei.toml"), config(server.port));
    for (const name of ["master.key", "hook.secret"]) writeFileSync(at(name), base64url(randomBytes(32)), { mode: 0o600 });
    await server.restart();
    for (const [id, record] of Object.entries(clients)) {
      const file = at(`${id}.json`);
      writeFileSync(file, JSON.stringify({ client_id: id, ...record }), { mode: 0o600 });
      execFileSync(renkei, ["client", "import", "--config", at("renkei.toml"), file], { stdio: ["ignore", "ignore", "inherit"] });
    }
    return server;
  }
  /** Starts it in its folder: for the first time, or once it has stopped. */
  async restart() {
    // A line for each request would fill the disk: the end of the log is kept.
    const start = `ulimit -v ${MOST_KIB}; exec "$0" serve --config "$1" 2> >(exec tail -c 200000 >"$2")`;
    this.ended = undefined;
    this.child = spawn("bash", ["-c", start, renkei, join(this.folder, "renkei.toml"), join(this.folder, "log")], { stdio: ["ignore", "pipe", "inherit"] });
    this.child.on("exit", (code, signal) => (this.ended = signal ?? `status ${code}`));
    const lines = createInterface(this.child.stdout);
    await new Promise((ready, failed) => {
      lines.on("line", (line) => line.startsWith("ready") && ready());
      this.child.on("exit", () => failed(new Error("the server does not start")));
    });
  }
  /** A figure of /proc/PID/status in MB. */
  memory(name = "VmRSS") {
    const status = this.ended ? "" : readFileSync(`/proc/${this.child.pid}/status`, "utf8");
    return Number(status.match(new RegExp(`^${name}:\\s+(\\d+) kB`, "m"))?.[1] ?? NaN) / 1024;
  }
  /** The bytes of the store, its journal among them, in MB. */
  disk() {
    const ours = readdirSync(join(this.folder, "data")).filter((name) => name.startsWith("renkei.db"));
    return ours.reduce((sum, name) => sum + statSync(join(this.folder, "data", name)).size, 0) / 1e6;
  }
  /** Lines of the end of its log that hold any of these words. Only once it has stopped is the log written. */
  said(...words) {
    return readFileSync(join(this.folder, "log"), "utf8").split("\n").filter((line) => words.some((word) => line.includes(word)));
  }
  async stop() {
    this.child.kill("SIGTERM");
    for (let n = 0; !this.ended && n < 300; n++) await wait(100);
    const clean = this.ended === "status 0";
    if (!this.ended) this.child.kill("SIGKILL");
    await wait(200);
    return clean;
  }
  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function freePort() {
  return new Promise((done) => {
    const listener = createServer().listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => done(port));
    });
  });
}

// ---- HTTP/1.1 -------------------------------------------------------------------------------------------------------------

/** The bytes of a request. `headers` are lines, one byte a character; a body brings its length. */
export function request(method, path, headers = [], body = "") {
  const bytes = Buffer.from(body);
  const length = bytes.length || method === "POST" ? [`Content-Length: ${bytes.length}`] : [];
  const lines = [`${method} ${path} HTTP/1.1`, "Host: link.renkei.test", ...headers, ...length];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes]);
}
/** `fields`: an object, or the body as it is. */
export function post(path, fields, headers = []) {
  const body = Buffer.isBuffer(fields) ? fields : form(fields);
  return request("POST", path, ["Content-Type: application/x-www-form-urlencoded", ...headers], body);
}

/** One connection that asks one question after another. It is made anew when the server has closed it. */
export class Connection {
  constructor(port, localAddress) {
    Object.assign(this, { port, localAddress, got: Buffer.alloc(0) });
  }
  open() {
    if (this.socket) return;
    const socket = (this.socket = new Socket());
    this.got = Buffer.alloc(0);
    socket.setNoDelay(true).on("data", (bytes) => this.take(bytes));
    socket.on("error", () => {}).on("close", () => socket === this.socket && this.lose());
    socket.connect({ port: this.port, host: "127.0.0.1", localAddress: this.localAddress });
  }
  lose() {
    this.socket = undefined;
    const { waiting } = this;
    this.waiting = undefined;
    // What came before the end without a length is the whole answer.
    waiting?.({ status: this.got.length ? statusOf(this.got) : 0, head: "", body: "" });
  }
  take(bytes) {
    this.got = this.got.length ? Buffer.concat([this.got, bytes]) : bytes;
    const end = this.got.indexOf("\r\n\r\n");
    if (end < 0 || !this.waiting) return;
    const head = this.got.toString("latin1", 0, end);
    const length = this.bodyless ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.got.length < end + 4 + length) return;
    const body = this.got.toString("utf8", end + 4, end + 4 + length);
    this.got = this.got.subarray(end + 4 + length);
    const { waiting } = this;
    this.waiting = undefined;
    waiting({ status: statusOf(Buffer.from(head)), head, body });
  }
  /** The answer; status 0 where the server hung up without one. `bodyless`: the answer to HEAD. */
  ask(bytes, bodyless = false) {
    this.open();
    this.bodyless = bodyless;
    return new Promise((answer) => {
      this.waiting = answer;
      this.socket.write(bytes);
    });
  }
  close() {
    const { socket } = this;
    this.socket = undefined;
    socket?.destroy();
  }
}
const statusOf = (bytes) => Number(bytes.toString("latin1", 9, 12)) || 0;

// ---- a customer and an app --------------------------------------------------------------------------------------------------

/** The authorize request of `kakeibo`; `more` parameters beside it. */
export function asked(more = {}) {
  const verifier = base64url(randomBytes(32));
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const { redirect_uris, scope } = clients.kakeibo;
  const fields = {
    response_type: "code",
    client_id: "kakeibo",
    redirect_uri: redirect_uris[0],
    scope,
    state: base64url(randomBytes(16)),
    nonce: base64url(randomBytes(16)),
    code_challenge: challenge,
    code_challenge_method: "S256",
    ...more,
  };
  return { verifier, fields, path: `/oauth/authorize?${form(fields)}` };
}
/** As much as is stored of a request: `state` and `nonce` at their longest and `claims` that fill the rest. */
export function longest() {
  const filler = (n) => base64url(randomBytes(n)).slice(0, n);
  const claims = JSON.stringify({ id_token: { sub: { values: Array(14).fill("s".repeat(220)) } } });
  return { state: filler(2048), nonce: filler(2048), claims };
}

/** A customer's browser without script. */
export class Browser {
  cookies = new Map();
  constructor(port, address) {
    Object.assign(this, { connection: new Connection(port), address });
  }
  headers() {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    return [`X-Forwarded-For: ${this.address}`, ...(cookie ? [`Cookie: ${cookie}`] : [])];
  }
  async send(bytes) {
    const answer = await this.connection.ask(bytes);
    for (const [, name, value] of answer.head.matchAll(/\r\nset-cookie: ([^=]+)=([^;\r]*)/gi)) {
      if (value) this.cookies.set(name, value);
      else this.cookies.delete(name);
    }
    this.location = /\r\nlocation: ([^\r]+)/i.exec(answer.head)?.[1];
    Object.assign(this, { status: answer.status, page: answer.body });
    return answer;
  }
  async get(path) {
    this.location = path;
    for (let n = 0; n < 5 && this.location?.startsWith("/"); n++) {
      this.path = this.location;
      await this.send(request("GET", this.path, this.headers()));
    }
  }
  get screen() {
    return this.path.split("?")[0].split("/").pop();
  }
  /** The bytes of a form with this button, filled in. */
  filled(action, fields = {}) {
    // A button may stand outside its form (`form="screen"`), after another form: what follows a form's end is not part of it.
    const forms = this.page.split("<form").slice(1).map((part) => part.split("</form>")[0]);
    const page = forms.find((part) => part.includes(`value="${action}"`)) ?? "";
    const hidden = [...page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]);
    const all = { ...Object.fromEntries(hidden), ...fields, action };
    return post(this.path, all, [...this.headers(), "Sec-Fetch-Site: same-origin"]);
  }
  async press(action, fields) {
    await this.send(this.filled(action, fields));
    if (this.location?.startsWith("/")) await this.get(this.location);
  }
}
export const taro = {
  account: { branch: "115", account_type: "ordinary", account_number: "1100026" },
  customer: {
    name_kana: "データ　タロウ",
    birth_year: "1985",
    birth_month: "4",
    birth_day: "12",
    phone: "09012343333",
    email: "taro@example.jp",
    email_confirm: "taro@example.jp",
  },
};
/** Another customer's account: the one whose birth date is guessed. */
export const hanako = { branch: "005", account_type: "ordinary", account_number: "0000123" };

/** The sample customer links their account, from this address; the app's access token. */
export async function link(server, address) {
  const browser = new Browser(server.port, address);
  const { verifier, path } = asked();
  await browser.get(path);
  const steps = { account: taro.account, customer: taro.customer, phone: {}, call: {}, pin: { pin: "4071" } };
  for (const [screen, fields] of Object.entries(steps)) {
    if (browser.screen !== screen) throw new Error(`${browser.status} ${browser.path}, not ${screen}`);
    await browser.press("next", fields);
  }
  await browser.press("allow", { agree: "yes" });
  const back = new URL(browser.location);
  const fields = {
    grant_type: "authorization_code",
    code: back.searchParams.get("code"),
    redirect_uri: clients.kakeibo.redirect_uris[0],
    code_verifier: verifier,
  };
  const { client_secret } = clients.kakeibo;
  const answer = await browser.connection.ask(post("/oauth/token", fields, [`Authorization: ${basic("kakeibo", client_secret)}`]));
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`);
  browser.connection.close();
  return JSON.parse(answer.body).access_token;
}

/** A live and a dead token: both were handed out, one of them was revoked. */
export async function tokens(server) {
  // The second link of an account replaces the first, so the live token comes last.
  const dead = await link(server, "203.0.113.7");
  const { client_secret } = clients.kakeibo;
  const authorization = [`Authorization: ${basic("kakeibo", client_secret)}`];
  await new Connection(server.port).ask(post("/oauth/revoke", { token: dead }, authorization));
  return { live: await link(server, "203.0.113.8"), dead };
}

// ---- figures ----------------------------------------------------------------------------------------------------------------

export const number = (n, digits = 0) => n.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits });
