#!/usr/bin/env node
// Starts Renkei as the OpenID conformance suite needs it: the server over TLS, beside it the sample account API as the
// protected resource, two clients of each kind, receivers of events, a phone that calls by itself; and writes what the
// suite is configured with. Needs node and openssl. CONTRIBUTING.md says how to run the plans.
//
//   config/conformance/run.mjs [--host NAME] [--port N] [--suite URL] [--folder DIR] [--renkei PROGRAM]
//
// Everything secret is made here, at the first start, and stays in the folder: no key is ever committed.
import { execFile, execFileSync, spawn } from "node:child_process";
import { createHash, generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createServer, request } from "node:https";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const { values: option } = parseArgs({
  options: {
    // The server's name: `localhost` for a suite on this machine, something under `.test` for one in a container.
    host: { type: "string", default: "localhost" },
    // The server's port; client certificates are asked for on the next, the account API is on the one after, and pushed
    // events leave for the suite by the fourth.
    port: { type: "string", default: "8543" },
    // Where the suite is: redirect URIs begin with it.
    suite: { type: "string", default: "https://localhost.emobix.co.uk:8443" },
    folder: { type: "string", default: join(root, "target/conformance") },
    renkei: { type: "string", default: join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "release/renkei") },
    // Stops when its standard input ends, as it does when the test that started it is gone.
    tied: { type: "boolean", default: false },
  },
});
if (!existsSync(option.renkei)) {
  console.error(`there is no ${option.renkei}: cargo build --release makes it, or --renkei PROGRAM names another`);
  process.exit(1);
}
const port = Number(option.port);
const issuer = `https://${option.host}:${port}`;
const api = `https://${option.host}:${port + 2}`;
const pushes = `https://localhost:${port + 3}`;
const folder = option.folder;
const at = (name) => join(folder, name);
const read = (name) => readFileSync(join(here, name), "utf8");

// ---- what must stay secret, made once ---------------------------------------------------------------------------------

/** The content of a file of the folder; made where there is none yet. */
function once(name, make) {
  if (!existsSync(at(name))) {
    writeFileSync(at(name), make(), { mode: 0o600 });
  }
  return readFileSync(at(name), "utf8");
}
/** `name.pem` and `name.key`: a certificate of our own authority, or of its own. */
function certificate(name, subject, more = []) {
  if (!existsSync(at(`${name}.pem`))) {
    const files = ["-newkey", "rsa:2048", "-nodes", "-keyout", at(`${name}.key`), "-out", at(`${name}.pem`)];
    execFileSync("openssl", ["req", "-x509", "-sha256", "-days", "365", "-subj", subject, ...files, ...more], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    chmodSync(at(`${name}.key`), 0o600);
  }
  return { cert: readFileSync(at(`${name}.pem`), "utf8"), key: readFileSync(at(`${name}.key`), "utf8") };
}
/** A signing key as JWK, private members and all. */
function signingKey(name, alg) {
  const jwk = { publicKeyEncoding: { format: "jwk" }, privateKeyEncoding: { format: "jwk" } };
  const [type, size] = alg === "PS256" ? ["rsa", { modulusLength: 2048 }] : ["ec", { namedCurve: "P-256" }];
  const make = () => JSON.stringify({ ...generateKeyPairSync(type, { ...size, ...jwk }).privateKey, kid: name, alg, use: "sig" });
  return JSON.parse(once(`${name}.jwk`, make));
}
/** What others may see of a JWK. */
const shown = ({ d, p, q, dp, dq, qi, ...open }) => open;
/** The key of a certificate with the certificate, for self_signed_tls_client_auth (RFC 8705 2.2.2). */
function certified(name, pem) {
  const x509 = new X509Certificate(pem);
  return { ...x509.publicKey.export({ format: "jwk" }), kid: name, use: "sig", x5c: [x509.raw.toString("base64")] };
}

mkdirSync(folder, { recursive: true, mode: 0o700 });
const leaf = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-addext", "basicConstraints=critical,CA:FALSE"];
certificate("ca", "/CN=Renkei conformance authority", ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]);
rmSync(at("server.pem"), { force: true }); // the name may be another than at the last start
const names = [...new Set(["localhost", option.host])].map((name) => `DNS:${name}`).join(",");
const own = certificate("server", `/CN=${option.host}`, [...leaf, "-addext", `subjectAltName=${names},IP:127.0.0.1`]);
once("master.key", () => randomBytes(32).toString("base64url"));
once("hook.secret", () => randomBytes(32).toString("base64url"));

const listen = option.host === "localhost" ? "127.0.0.1" : "0.0.0.0";
const config = read("renkei.toml")
  .replaceAll("localhost:8543", `${option.host}:${port}`)
  .replaceAll("localhost:8544", `${option.host}:${port + 1}`)
  .replaceAll("localhost:8545", `${option.host}:${port + 2}`)
  .replaceAll("127.0.0.1:8543", `${listen}:${port}`)
  .replaceAll("127.0.0.1:8544", `${listen}:${port + 1}`);
writeFileSync(at("renkei.toml"), config);

// ---- two clients of each kind, and the suite's configuration ------------------------------------------------------------

const provider = { name: "株式会社適合試験", registration_number: "関東財務局長(電代)第00号", contact: "0120-000-003" };

/** One client: its record here, and how the suite is told of it. */
function client(row, n) {
  const id = `${row.name}-${n}`;
  const { client_auth_type: auth, sender_constrain: bound, openid } = row.variant;
  const callback = `${option.suite}/test/a/renkei-${row.name}/callback`;
  const record = {
    client_id: id,
    client_name: `適合試験 ${id}`,
    provider,
    ...row.client,
  };
  // A client that acts for itself alone is sent no customer.
  if (!row.client.grant_types) record.redirect_uris = [callback, `${callback}?dummy1=lorem&dummy2=ipsum`];
  const told = { client_id: id, scope: row.client.scope };
  const made = { record, told };
  if (row.client.profile === "oidc") {
    record.token_endpoint_auth_method = n === 3 ? "client_secret_post" : "client_secret_basic";
    told.client_secret = record.client_secret = once(`${id}.secret`, () => randomBytes(32).toString("base64url"));
    return made;
  }
  record[bound === "mtls" ? "tls_client_certificate_bound_access_tokens" : "dpop_bound_access_tokens"] = true;
  if (bound === "dpop") told.dpop_signing_alg = "ES256";
  // The first client signs with RSA, which the tests of RS256 ask for; the second with an elliptic curve.
  const alg = n === 1 ? "PS256" : "ES256";
  const key = signingKey(id, alg);
  told.jwks = { keys: [key] };
  if (auth === "private_key_jwt") {
    Object.assign(record, { token_endpoint_auth_method: auth, jwks: { keys: [shown(key)] } });
  }
  if (auth === "mtls" || bound === "mtls") {
    // The first client is known by a name that our authority vouches for, the second by its own certificate.
    made.mtls = certificate(`${id}-tls`, `/CN=${id}`, n === 1 ? leaf : []);
  }
  // A certificate says who asks, a key of the record signs what is asked (RFC 9101).
  const keys = row.client.profile === "fapi2_message_signing" ? [shown(key)] : [];
  if (auth === "mtls" && n === 1) {
    Object.assign(record, { token_endpoint_auth_method: "tls_client_auth", tls_client_auth_subject_dn: `CN=${id}` });
    if (keys.length) record.jwks = { keys };
  } else if (auth === "mtls") {
    const jwks = { keys: [certified(`${id}-tls`, made.mtls.cert), ...keys] };
    Object.assign(record, { token_endpoint_auth_method: "self_signed_tls_client_auth", jwks });
  }
  return made;
}

/** A receiver of events (docs/events.md): its record here, how the suite is told of it, and what it is told of the stream. */
function receiver(row) {
  const id = `${row.name}-1`;
  const { client_auth_type: auth, ssf_delivery_mode: delivery } = row.variant;
  const record = { client_id: id, client_name: `適合試験 ${id}`, token_endpoint_auth_method: auth, ...row.client };
  const told = { client_id: id, scope: row.client.scope };
  if (auth === "private_key_jwt") {
    const key = signingKey(id, "ES256");
    record.jwks = { keys: [shown(key)] };
    told.jwks = { keys: [key] };
  } else {
    told.client_secret = record.client_secret = once(`${id}.secret`, () => randomBytes(32).toString("base64url"));
  }
  const ssf = { transmitter: { issuer } };
  if (delivery === "push") {
    ssf.receiver = { base_url_override: `${pushes}/test/a/renkei-${row.name}` };
    record.events = { endpoints: [`${ssf.receiver.base_url_override}/ssf-push`] };
    record.allow_networks = ["127.0.0.0/8", "::1/128"];
  }
  return { record, told, ssf };
}

/** The browser's commands, with changes for single modules. */
const browser = JSON.parse(read("browser.json").replaceAll("{issuer}", issuer).replaceAll("{suite}", option.suite));
function walking(change) {
  const copy = structuredClone(browser);
  for (const task of copy[0].tasks) change(task);
  return { browser: copy };
}
const refuses = walking((task) => {
  if (task.task.startsWith("1 ")) task.commands = [["click", "css", "button[value='cancel']"]];
  if (task.task.startsWith("2 ")) task.task = "cancelled", task.match = `${issuer}/link/*/cancelled`, task.commands = [["click", "css", "button[value='return']"]];
});
const asksAgain = walking((task) => {
  if (task.task.startsWith("1 ")) task.commands.unshift(["wait", "css", "h1", 10, ".+", "update-image-placeholder-optional"]);
});
// The first visit looks and leaves; the second goes on with the same request_uri. It uploads no picture: the suite takes
// that for the end of the module, and the customer may still be on the way.
const look = { task: "look and leave", match: `${issuer}/link/*/account`, commands: [["wait", "id", "branch", 10]] };
const comesBack = { browser: [{ match: `${issuer}/oauth/authorize*`, "match-limit": 1, tasks: [look] }, ...browser] };

mkdirSync(at("suite"), { recursive: true });
mkdirSync(at("clients"), { recursive: true });
const plans = [];
const records = [];
for (const row of JSON.parse(read("plans.json"))) {
  const suite = {
    alias: `renkei-${row.name}`,
    description: `Renkei, ${row.name}`,
    server: { discoveryUrl: `${issuer}/.well-known/openid-configuration` },
    browser,
    override: {
      "fapi2-security-profile-final-user-rejects-authentication": refuses,
      "fapi2-security-profile-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds": comesBack,
      "oidcc-prompt-login": asksAgain,
      "oidcc-max-age-1": asksAgain,
    },
    options: { browsercontrol_css_enable: false },
  };
  if (row.variant?.ssf_delivery_mode) {
    const { record, told, ssf } = receiver(row);
    Object.assign(suite, { client: told, ssf });
    records.push(record);
  } else if (row.client) {
    const path = row.variant.fapi_profile === "fapi_client_credentials_grant" ? "/v1/status" : "/v1/accounts";
    suite.resource = { resourceUrl: api + path };
    const [one, two] = [client(row, 1), client(row, 2)];
    Object.assign(suite, { client: one.told, client2: two.told });
    // The first client's certificate is our authority's; the second's is its own, and nobody stands above it.
    if (one.mtls) Object.assign(suite, { mtls: { ...one.mtls, ca: readFileSync(at("ca.pem"), "utf8") }, mtls2: two.mtls });
    records.push(one.record, two.record);
    if (row.client.profile === "oidc") {
      const three = client(row, 3);
      suite.client_secret_post = three.told;
      records.push(three.record);
    }
  }
  writeFileSync(at(`suite/${row.name}.json`), JSON.stringify(suite, null, 2), { mode: 0o600 });
  const variant = Object.entries(row.variant ?? {}).map(([name, value]) => `[${name}=${value}]`);
  plans.push(`${row.plan}${variant.join("")} ${at(`suite/${row.name}.json`)}`);
}
records.push({ ...JSON.parse(readFileSync(join(root, "config/demo/accounts-api.json"), "utf8")), resources: [api] });
// What scripts/run-test-plan.py of the suite takes as its arguments.
writeFileSync(at("plans"), plans.join("\n") + "\n");

// ---- the two programs ---------------------------------------------------------------------------------------------------

const running = [];
let stopping = false;
function stop(code) {
  stopping = true;
  for (const child of running) child.kill();
  process.exitCode = code;
}
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stop(0));
if (option.tied) process.stdin.on("end", () => stop(0)).resume();
process.on("exit", () => running.forEach((child) => child.kill("SIGTERM")));

/** Starts a program of ours and returns when it says that it is ready. */
function start(...args) {
  const child = spawn(option.renkei, args, { stdio: ["ignore", "pipe", "inherit"] });
  running.push(child);
  return new Promise((ready) => {
    createInterface(child.stdout).on("line", (line) => line.startsWith("ready") && ready());
    for (const end of ["exit", "error"]) {
      child.on(end, (why) => {
        if (!stopping) console.error(`renkei ${args[0]} ended: ${why}`), stop(1);
      });
    }
  });
}

await start("serve", "--config", at("renkei.toml"));
for (const record of records) {
  // A record that has not changed since the last start is there already.
  const text = JSON.stringify(record, null, 2);
  const mark = createHash("sha256").update(text).digest("hex");
  if (existsSync(at(`clients/${record.client_id}.done`)) && readFileSync(at(`clients/${record.client_id}.done`), "utf8") === mark) continue;
  const file = at(`clients/${record.client_id}.json`);
  writeFileSync(file, text, { mode: 0o600 });
  execFileSync(option.renkei, ["client", "import", "--replace", "--config", at("renkei.toml"), file], { stdio: ["ignore", "ignore", "inherit"] });
  writeFileSync(at(`clients/${record.client_id}.done`), mark);
}
// Pushed events go to the suite by way of this server: the suite's certificate is one of its own, and Renkei sends to
// nobody whose certificate it cannot check.
const forward = createServer(own, (asked, answer) => {
  const headers = { ...asked.headers, host: new URL(option.suite).host };
  const onward = request(new URL(asked.url, option.suite), { method: asked.method, headers, rejectUnauthorized: false });
  onward.on("response", (back) => back.pipe(answer.writeHead(back.statusCode, back.headers)));
  onward.on("error", () => answer.writeHead(502).end());
  asked.pipe(onward);
});
forward.listen(port + 3, "127.0.0.1").unref();
await start("sample-api", "--config", at("renkei.toml"), "--listen", `${listen}:${port + 2}`);

// ---- the end of a link, for the receivers that wait for one ---------------------------------------------------------------

/** What the institution's staff types, answered. */
async function staff(...words) {
  const said = await promisify(execFile)(option.renkei, ["--json", ...words, "--config", at("renkei.toml")]);
  return JSON.parse(said.stdout);
}
/** When a stream was first seen; later than ever once a link was ended for it. */
const seen = new Map();
/**
 * The last module of a CAEP plan wants the end of a link within a minute; those before it, which take half as long as is
 * waited here, must not see one.
 */
async function endLink() {
  for (const { client_id, stream_id } of (await staff("stream", "list")).streams) {
    if (!seen.has(stream_id)) seen.set(stream_id, Date.now());
    if (!client_id.startsWith("ssf-caep") || Date.now() - seen.get(stream_id) < 20_000) continue;
    seen.set(stream_id, Infinity);
    const { grants } = await staff("grant", "list", "--account", "115-ordinary-1100026", "--reason", "適合試験");
    const open = grants.find(({ state }) => state === "active");
    if (open) await staff("grant", "revoke", open.grant_id, "--reason", "適合試験");
    else console.error(`${client_id} waits for the end of a link, and there is none: run a plan with customers first`);
  }
}
setInterval(() => endLink().catch((why) => stopping || console.error(why.message)), 5_000).unref();

console.log(`issuer        ${issuer}\nclients' TLS  https://${option.host}:${port + 1}\nresource      ${api}/v1/accounts\nplans         ${at("plans")}`);
console.log(`ready ${issuer}`);
