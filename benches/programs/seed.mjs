// The stores that are measured: one link that was made through the screens is copied, with everything that belongs to it. Each copy has
// tokens of its own, which are made from its number: so the load knows them, and they need not be stored anywhere else.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, renameSync } from "node:fs";
import { finished } from "node:stream/promises";

const sha256 = (text) => createHash("sha256").update(text).digest();
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});
/** A token as docs/requirements.md#secrets has it: prefix, 256 bits, checksum. */
function token(prefix, bits) {
  const text = `${prefix}${bits.toString("base64url")}`;
  let crc = 0xffffffff;
  for (let n = 0; n < text.length; n++) crc = CRC[(crc ^ text.charCodeAt(n)) & 255] ^ (crc >>> 8);
  let rest = ~crc >>> 0;
  let sum = "";
  for (let n = 0; n < 6; n++, rest = Math.floor(rest / 62)) sum = DIGITS[rest % 62] + sum;
  return text + sum;
}
/** An id begins with the second in which it was made, as Renkei's do: links one a second, those that wait with their codes in a minute, later. */
function id(bits, kind, n) {
  bits.writeUInt32BE(kind === "links" ? 1_780_000_000 + n : 1_795_000_000 + Math.floor(n / 600));
  return bits.toString("base64url", 0, 16);
}
/** What copy `n` of a kind is called, and its tokens: each is made when it is asked for. */
const makers = { grant: id, consent: id, jti: id, account: (bits) => bits, access: token.bind(null, "rk_at_"), refresh: token.bind(null, "rk_rt_"), code: token.bind(null, "rk_ac_") };
export const copied = (kind, n, what) => makers[what](sha256(`renkei benches ${kind} ${what} ${n}`), kind, n);

/** The file from which the load takes its lines: these columns of each copy. */
export async function values(file, kind, count, columns) {
  const out = createWriteStream(`${file}.part`);
  for (let n = 0; n < count; n++) {
    if (!out.write(`${columns.map((column) => copied(kind, n, column)).join("\t")}\n`)) await once(out, "drain");
  }
  out.end();
  await finished(out);
  renameSync(`${file}.part`, file);
}

/** Runs SQL that comes piece by piece; what it prints. */
async function run(program, args, pieces) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (bytes) => (said += bytes));
  child.stdin.on("error", () => {});
  const ended = once(child, "exit");
  for await (const piece of pieces) if (!child.stdin.write(piece)) await Promise.race([once(child.stdin, "drain"), ended]);
  child.stdin.end();
  const [code] = await ended;
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  return said.trim();
}

/** A SQLite file. */
export class SqliteStore {
  // Nobody else has it open, and a store that is not whole is made anew: no journal. The server sets WAL when it starts.
  begin = "pragma journal_mode = delete; pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -2000000;\n";
  end = "";
  bytes = "blob";
  constructor(file) {
    this.file = file;
  }
  sql(pieces) {
    return run("sqlite3", ["-bail", this.file], typeof pieces === "string" ? [pieces] : pieces);
  }
  columns(table) {
    return this.sql(`select name from pragma_table_info('${table}');`);
  }
  *rows(rows) {
    const literal = (value) => (Buffer.isBuffer(value) ? `X'${value.toString("hex")}'` : typeof value === "number" ? value : `'${value}'`);
    let group = [];
    for (const row of rows) {
      group.push(`(${row.map(literal).join(",")})`);
      if (group.length === 200) yield `insert into copies values ${group.splice(0).join(",")};\n`;
    }
    if (group.length) yield `insert into copies values ${group.join(",")};\n`;
  }
}
/** A database of a PostgreSQL. */
export class PostgresStore {
  begin = "set synchronous_commit = off;\n";
  end = "vacuum (analyze);\ncheckpoint;\n";
  bytes = "bytea";
  constructor(url) {
    this.url = url;
  }
  sql(pieces) {
    return run("psql", ["-qAtX", "-c", "set client_min_messages = warning", "-f", "-", "-v", "ON_ERROR_STOP=1", this.url], typeof pieces === "string" ? [pieces] : pieces);
  }
  columns(table) {
    return this.sql(`select column_name from information_schema.columns where table_name = '${table}' and table_schema = 'public';`);
  }
  *rows(rows) {
    const text = (value) => (Buffer.isBuffer(value) ? `\\\\x${value.toString("hex")}` : value);
    yield "copy copies from stdin;\n";
    for (const row of rows) yield `${row.map(text).join("\t")}\n`;
    yield "\\.\n";
  }
}

/** Moments of the store are milliseconds; these links outlive every run. */
const later = Date.now() + 10 * 365 * 24 * 60 * 60 * 1000;

/**
 * Copies one link that is there, `count` times. Records and events are copied for the newest `history` alone. `kind` names the copies: two
 * kinds in one store have nothing in common. Notices by mail are not copied.
 */
export async function seed(store, { kind, grant, count, history = count }) {
  const first = async (sql) => Number(await store.sql(`${sql};`));
  const consent = await store.sql(`select consent_id from grants where id = '${grant}';`);
  const record = await first("select coalesce(max(n), 0) + 1 from audit where worker = 'seeded'");
  const event = await first("select coalesce(max(pos), 0) from events");
  const oldest = count - history;
  const ends = `${later} + c.n % 500000 * 1000`;
  const numbered = (table, order, where) =>
    `(select m.*, row_number() over (order by ${order}) as nth, count(*) over () as many from ${table} m where ${where})`;
  const ours = `grant_id = '${grant}'`;
  const events = numbered("events", "pos", ours);
  const nth = (base) => `${base} + (c.n - ${oldest}) * t.many + t.nth`;
  const interaction = `interaction = (select interaction from consents where id = '${consent}')`;
  const tables = [
    ["consents", `(select * from consents where id = '${consent}')`, { id: "c.consent", account_index: "c.account", ends_at: `${later}` }],
    [
      "grants",
      `(select * from grants where id = '${grant}')`,
      { id: "c.grant_id", consent_id: "c.consent", account_index: "c.account", expires_at: ends, warn_at: "null" },
    ],
    ["codes", `(select * from codes where ${ours})`, { hash: "c.code", grant_id: "c.grant_id", expires_at: `${later}` }],
    ["access_tokens", `(select * from access_tokens where ${ours})`, { hash: "c.access", id: "c.jti", grant_id: "c.grant_id", expires_at: ends }],
    ["refresh_tokens", `(select * from refresh_tokens where ${ours})`, { hash: "c.refresh", id: "'r' || c.jti", grant_id: "c.grant_id", expires_at: ends }],
    [
      "audit",
      numbered("audit", "worker, n", `(${ours} or ${interaction})`),
      {
        worker: "'seeded'",
        n: nth(record),
        grant_id: "case when t.grant_id is null then null else c.grant_id end",
        account: "case when t.account is null then null else c.account end",
      },
      true,
    ],
    ["event_audiences", `(select a.aud, e.nth, e.many from event_audiences a join ${events} e on e.pos = a.pos)`, { pos: nth(event) }, true],
    ["events", events, { id: "substr(c.grant_id, 1, 5) || t.seq || 'e' || substr(c.grant_id, 6)", grant_id: "c.grant_id", pos: nth(event) }, true],
  ];
  const copies = [];
  for (const [table, source, changed, isHistory] of tables) {
    const columns = (await store.columns(table)).split("\n");
    const values = columns.map((column) => changed[column] ?? `t.${column}`);
    copies.push(
      `insert into ${table} (${columns.join(", ")}) select ${values.join(", ")} from ${source} t, copies c ${isHistory ? `where c.n >= ${oldest}` : ""};\n`,
    );
  }
  const rows = function* () {
    for (let n = 0; n < count; n++) {
      const own = (what) => copied(kind, n, what);
      yield [n, own("grant"), own("consent"), own("jti"), sha256(own("access")), sha256(own("refresh")), sha256(own("code")), own("account")];
    }
  };
  const pieces = function* () {
    const { bytes } = store;
    yield store.begin;
    yield `create temp table copies (n bigint, grant_id text, consent text, jti text, access ${bytes}, refresh ${bytes}, code ${bytes}, account ${bytes});\n`;
    yield "begin;\n";
    yield* store.rows(rows());
    yield* copies;
    yield "update event_head set pos = (select coalesce(max(pos), 0) from events);\n";
    yield `commit;\n${store.end}`;
  };
  await store.sql(pieces());
  const made = await first(`select count(*) from access_tokens t join grants g on g.id = t.grant_id where g.expires_at >= ${later}`);
  if (made < count) throw new Error(`only ${made} of ${count} links were made`);
}
