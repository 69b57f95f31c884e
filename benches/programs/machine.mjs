// This machine: its cores, its processes, free ports, and what is made once in the folder of the benches.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
export const { values: option } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    prepare: { type: "boolean", default: false },
    record: { type: "boolean" },
    "no-record": { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    links: { type: "string" },
    only: { type: "string", default: "" },
    without: { type: "string", default: "" },
    folder: { type: "string", default: join(root, "benches/output") },
  },
});
export const folder = option.folder;
export const at = (...names) => join(folder, ...names);
mkdirSync(folder, { recursive: true });
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
export const program = (name) => join(target, "release", name);

/** The first core is the server's, with its database; the second is the load's. One core alone is shared. */
const cores = execFileSync("taskset", ["-cp", String(process.pid)], { encoding: "utf8" })
  .split(":")[1]
  .split(",")
  .flatMap((part) => {
    const [from, to = from] = part.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, n) => from + n);
  });
export const serverCore = cores[0];
export const loadCore = cores[1] ?? cores[0];
export const machine = () => {
  const info = readFileSync("/proc/cpuinfo", "utf8");
  const model = info.match(/^model name\s*: (.*)$/m)?.[1] ?? process.arch;
  const memory = Number(readFileSync("/proc/meminfo", "utf8").match(/MemTotal:\s+(\d+)/)[1]) / 1024 / 1024;
  return { model, cores: availableParallelism(), memory: Math.round(memory), load: readFileSync("/proc/loadavg", "utf8").split(" ")[0] };
};

/** Every program that was started: none of them outlives this one. */
const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

/**
 * Starts a server on the core of servers. It is there when a line of it begins with `ready`, or when it answers at the address `ready`;
 * `ms` is how long that took.
 */
export async function start(command, { log, env = {}, ready }) {
  const begin = performance.now();
  const out = openSync(log, "a");
  const args = ["-c", String(serverCore), ...command];
  const child = spawn("taskset", args, { stdio: ["pipe", "pipe", out], env: { ...process.env, ...env } });
  running.add(child);
  child.on("exit", () => running.delete(child));
  child.lines = createInterface(child.stdout);
  const ended = new Promise((_, failed) => {
    child.on("exit", (code, signal) => failed(new Error(`${command.join(" ")} ended with ${signal ?? code}: see ${log}`)));
  });
  ended.catch(() => {});
  const said = new Promise((there) => {
    const look = (line) => {
      if (!line.startsWith("ready")) return;
      child.lines.off("line", look);
      there(line);
    };
    child.lines.on("line", look);
  });
  child.said = await Promise.race([ready ? answers(ready) : said, ended]);
  child.ms = performance.now() - begin;
  return child;
}
async function answers(address) {
  for (;;) {
    const ok = await fetch(address).then((answer) => answer.ok, () => false);
    if (ok) return;
    await wait(2);
  }
}
/** Stops what was started; it must end as it was told to. */
export async function stop(child) {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 60_000);
    await ended;
    clearTimeout(late);
  }
}

/** The seconds of CPU of these processes and all below them, the ended ones included. */
export function cpu(pids) {
  const stats = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The name of the program may hold anything, in brackets.
      const fields = readFileSync(`/proc/${name}/stat`, "utf8").split(")").pop().trim().split(" ");
      stats.set(Number(name), { parent: Number(fields[1]), ticks: fields.slice(11, 15).reduce((sum, n) => sum + Number(n), 0) });
    } catch {
      // It has ended since.
    }
  }
  let ticks = 0;
  const ours = new Set(pids);
  for (let found = true; found; ) {
    found = false;
    for (const [pid, { parent }] of stats) {
      if (!ours.has(pid) && ours.has(parent)) found = ours.add(pid) && true;
    }
  }
  for (const pid of ours) ticks += stats.get(pid)?.ticks ?? 0;
  return ticks / 100;
}
/** A figure of /proc/PID/status in MB. */
export function memory(pid, name = "VmRSS") {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(status.match(new RegExp(`^${name}:\\s+(\\d+) kB`, "m"))[1]) / 1024;
}

/** The first of `count` ports in a row that are free. */
export async function ports(count = 1) {
  const free = (port) =>
    new Promise((done) => {
      const listener = createServer().once("error", () => done());
      listener.listen(port, "127.0.0.1", () => {
        const found = listener.address().port;
        listener.close(() => done(found));
      });
    });
  for (;;) {
    const first = await free(0);
    const rest = await Promise.all(Array.from({ length: count - 1 }, (_, n) => free(first + 1 + n)));
    if (first + count < 65536 && rest.every(Boolean)) return first;
  }
}

/** An authority of our own and a certificate for localhost. */
export function certificate() {
  const [ca, caKey, cert, key] = ["ca.pem", "ca.key", "server.pem", "server.key"].map((name) => at("tls", name));
  if (!existsSync(cert)) {
    mkdirSync(at("tls"), { recursive: true, mode: 0o700 });
    const openssl = (...args) => execFileSync("openssl", args, { stdio: "ignore" });
    const elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"];
    openssl("req", "-x509", ...elliptic, "-keyout", caKey, "-out", ca, "-subj", "/CN=Renkei benches authority", "-addext", "keyUsage=critical,keyCertSign");
    const leaf = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    openssl("req", "-x509", ...elliptic, "-CA", ca, "-CAkey", caKey, "-keyout", key, "-out", cert, "-subj", "/CN=localhost", ...leaf);
  }
  return { ca, cert, key };
}
