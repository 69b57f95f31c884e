// Who is measured beside Renkei, and the PostgreSQL that it is measured on.
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { basic, form, issuer } from "../../tests/long/programs/support.mjs";
import { at, certificate, ports, program, root, start, stop } from "./machine.mjs";
import { nodeClients, secret, verifier } from "./requests.mjs";
import { PostgresStore } from "./seed.mjs";

/** Debian's package as it is installed, fsync included; an administrator gives it a gigabyte. It ends with its standard input. */
const CLUSTER = `
set -eu
umask 077
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
[ -s "$DATA/PG_VERSION" ] || "$bin/initdb" -D "$DATA" -U renkei --auth=trust -E UTF8 --locale=C >/dev/null
"$bin/postgres" -D "$DATA" -p "$PORT" -k "$DATA" -c listen_addresses=127.0.0.1 -c shared_buffers=1GB -c max_wal_size=8GB >>"$DATA.log" 2>&1 &
pg=$!
trap 'kill -INT $pg; wait $pg || true' EXIT
trap 'exit 0' TERM
until "$bin/pg_isready" -q -h "$DATA" -p "$PORT"; do kill -0 $pg; sleep 0.05; done
echo "ready $("$bin/postgres" --version)"
cat >/dev/null
`;
export class Postgres {
  async start() {
    const data = at("postgres");
    this.port = await ports();
    let as = [];
    if (process.getuid() === 0) {
      // PostgreSQL refuses root; Debian's package brings a user who may nothing else.
      const id = (of) => Number(execFileSync("id", [of, "postgres"], { encoding: "utf8" }));
      for (const path of [data, `${data}.log`]) {
        if (path === data) mkdirSync(path, { recursive: true, mode: 0o700 });
        else writeFileSync(path, "");
        chownSync(path, id("-u"), id("-g"));
      }
      chmodSync(data, 0o700);
      as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];
      if (spawnSync(as[0], [...as.slice(1), "test", "-x", data]).status !== 0) {
        throw new Error(`the user postgres cannot reach ${data}: --folder names another folder`);
      }
    } else mkdirSync(data, { recursive: true, mode: 0o700 });
    const env = { DATA: data, PORT: String(this.port) };
    this.child = await start([...as, "sh", "-c", CLUSTER], { log: at("postgres.start.log"), env });
    this.version = this.child.said.match(/\d+(\.\d+)?/)[0];
    return this;
  }
  url(database) {
    return `postgres://renkei@127.0.0.1:${this.port}/${database}`;
  }
  async has(database) {
    return (await new PostgresStore(this.url("postgres")).sql(`select count(*) from pg_database where datname = '${database}';`)) === "1";
  }
  async create(database) {
    await new PostgresStore(this.url("postgres")).sql(`drop database if exists ${database} with (force);`);
    await new PostgresStore(this.url("postgres")).sql(`create database ${database} template template0;`);
  }
  get pid() {
    return this.child.pid;
  }
  async stop() {
    const ended = once(this.child, "exit");
    this.child.stdin.end();
    await ended;
  }
}

/** The bare handler. */
export class Bare {
  async start({ tls, answer }) {
    this.port = await ports();
    writeFileSync(at("answer.json"), answer);
    const { cert, key } = certificate();
    const secure = tls ? ["--cert", cert, "--key", key] : [];
    this.child = await start([program("bench-bare"), "--listen", `127.0.0.1:${this.port}`, "--answer", at("answer.json"), ...secure], { log: at("bare.log") });
    return this.child;
  }
  stop() {
    return stop(this.child);
  }
}

/** node-oidc-provider, in memory. */
export class NodeProvider {
  /** As its lock file has it. */
  static install() {
    const lock = readFileSync(join(root, "benches/node/package-lock.json"), "utf8");
    const installed = at("node/installed-lock.json");
    if (existsSync(installed) && readFileSync(installed, "utf8") === lock) return;
    mkdirSync(at("node"), { recursive: true });
    for (const name of ["package.json", "package-lock.json"]) writeFileSync(at("node", name), readFileSync(join(root, "benches/node", name)));
    execFileSync("npm", ["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: at("node"), stdio: "inherit" });
    writeFileSync(installed, lock);
  }
  async start({ tls } = {}) {
    NodeProvider.install();
    this.port = await ports();
    const settings = { port: this.port, issuer, clients: nodeClients, verifier, packages: at("node"), ...(tls ? certificate() : {}) };
    this.child = await start([process.execPath, join(root, "benches/node/provider.mjs"), JSON.stringify(settings)], { log: at("node.log"), env: { NODE_ENV: "production" } });
    return this.child;
  }
  /** Makes `count` tokens or codes of `client`, and writes them into `file`. */
  async make(kind, count, client, file) {
    const made = once(this.child.lines, "line");
    this.child.stdin.write(`${JSON.stringify({ kind, count, client, file })}\n`);
    if ((await made)[0] !== "made") throw new Error(`node-oidc-provider made nothing: see ${at("node.log")}`);
  }
  stop() {
    return stop(this.child);
  }
}
export const nodeVersion = () => JSON.parse(readFileSync(join(root, "benches/node/package-lock.json"), "utf8")).packages["node_modules/oidc-provider"].version;

export const HYDRA = "v2.3.0";
/** Its `go.mod` replaces one module by a version of its own, which does not reach whoever builds it as a dependency. */
const POP = "github.com/gobuffalo/pop/v6=github.com/ory/pop/v6@v6.2.1-0.20241121111754-e5dfc0f3344b";
/** Ory Hydra on SQLite, as it is after its own migrations and with its own settings; no telemetry. */
export class Hydra {
  /** Why it does not take part; nothing where it does. */
  static missing() {
    if (existsSync(at("hydra", HYDRA))) return undefined;
    const go = ["go", "/usr/local/go/bin/go"].find((name) => spawnSync(name, ["version"]).status === 0);
    if (!go) return "there is no Go on this machine";
    const module = at("hydra/module");
    mkdirSync(module, { recursive: true });
    const run = (...args) => spawnSync("nice", [go, ...args], { cwd: module, encoding: "utf8", env: { ...process.env, GOFLAGS: "-mod=mod" } });
    console.log(`building Ory Hydra ${HYDRA}, which takes some minutes`);
    if (!existsSync(join(module, "go.mod"))) run("mod", "init", "benches/hydra");
    const steps = [
      ["mod", "edit", "-replace", POP],
      ["get", `github.com/ory/hydra/v2@${HYDRA}`],
      ["build", "-tags", "sqlite,json1", "-o", at("hydra", HYDRA), "github.com/ory/hydra/v2"],
    ];
    for (const step of steps) {
      const { status, stderr } = run(...step);
      if (status !== 0) return `it does not build: ${stderr.trim().split("\n").pop()}`;
    }
    return undefined;
  }
  async start() {
    this.port = await ports(2);
    for (const end of ["", "-wal", "-shm"]) rmSync(at(`hydra/hydra.sqlite${end}`), { force: true });
    const env = {
      DSN: `sqlite://${at("hydra/hydra.sqlite")}?_fk=true&mode=rwc`,
      SECRETS_SYSTEM: "a-secret-of-the-benches-of-no-use-elsewhere",
      URLS_SELF_ISSUER: `http://127.0.0.1:${this.port}`,
      SERVE_PUBLIC_HOST: "127.0.0.1",
      SERVE_PUBLIC_PORT: String(this.port),
      SERVE_ADMIN_HOST: "127.0.0.1",
      SERVE_ADMIN_PORT: String(this.port + 1),
      STRATEGIES_ACCESS_TOKEN: "opaque",
      SQA_OPT_OUT: "true",
      LOG_LEVEL: "info",
      LOG_FORMAT: "json",
    };
    this.env = env;
    const migrated = spawnSync(at("hydra", HYDRA), ["migrate", "sql", "up", "-e", "--yes"], { env: { ...process.env, ...env }, encoding: "utf8" });
    if (migrated.status !== 0) throw new Error(`hydra does not migrate: ${migrated.stderr.slice(-300)}`);
    return this.restart();
  }
  /** On the store that is there. */
  async restart() {
    const ready = `http://127.0.0.1:${this.port + 1}/health/ready`;
    this.child = await start([at("hydra", HYDRA), "serve", "all", "--dev"], { log: at("hydra/log"), env: this.env, ready });
    return this.child;
  }
  /** A client of its own, and `count` tokens of it. */
  async tokens(count) {
    const record = { client_id: "partner", client_secret: secret("partner"), grant_types: ["client_credentials"], scope: "status" };
    const post = async (port, path, body, headers) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", body, headers });
      if (!answer.ok) throw new Error(`hydra: ${path}: ${answer.status} ${await answer.text()}`);
      return answer.json();
    };
    await post(this.port + 1, "/admin/clients", JSON.stringify(record), { "Content-Type": "application/json" });
    const headers = { Authorization: basic("partner", secret("partner")), "Content-Type": "application/x-www-form-urlencoded" };
    const made = [];
    for (let n = 0; n < count; n++) {
      made.push((await post(this.port, "/oauth2/token", form({ grant_type: "client_credentials", scope: "status" }), headers)).access_token);
    }
    return made;
  }
  stop() {
    return stop(this.child);
  }
}
