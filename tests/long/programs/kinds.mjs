// The attacks, one entry each, in the order of the limits that stop them: malformed and unusual requests, floods of strangers, floods
// of one client, and held connections. attacker.mjs calls `run` in each process that attacks; it attacks until `me.over()`.
import { randomBytes, randomInt } from "node:crypto";
import { Socket } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import { asked, base64url, basic, Browser, clients, Connection, hanako, longest, post, request, taro, wait } from "./support.mjs";

/** How many connections one process keeps; each sends one request after another. */
const CONNECTIONS = 64;

const from = (address) => `X-Forwarded-For: ${address}`;
const one = (list) => list[randomInt(list.length)];
const hex = (most) => randomInt(most).toString(16);
/** An IPv4 address, or one in a network of IPv6, among millions. */
const someone = () =>
  randomInt(2)
    ? `${randomInt(11, 100)}.${randomInt(256)}.${randomInt(256)}.${randomInt(256)}`
    : `2001:db8:${hex(65536)}:${hex(65536)}::1`;
const as = (id) => `Authorization: ${basic(id, clients[id].client_secret)}`;
const random = (n = 32) => base64url(randomBytes(n));

/** Sends the requests of `next` over kept connections, as fast as answers come. A status that is not in `right` is a fault. */
async function hammer(me, right, next, { bodyless = false, connections = CONNECTIONS } = {}) {
  const lane = async () => {
    const connection = new Connection(me.port);
    while (!me.over()) {
      const { status } = await connection.ask(next(), bodyless);
      me.count(status || "hung up");
      if (!right.includes(status)) me.fault(`status ${status}`);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, lane));
}

/** Holds as many connections as this process may have files. Each sends `bytes` and reads nothing; a closed one is made anew. */
async function hold(me, bytes, drip) {
  const most = Math.floor(me.files * 0.9);
  const sockets = new Set();
  const connect = () => {
    const socket = new Socket();
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket) && me.count("closed"));
    socket.on("connect", () => {
      me.count("connected");
      socket.pause();
      socket.write(bytes);
    });
    // An address has 28,000 ports.
    socket.connect({ port: me.port, host: "127.0.0.1", localAddress: `127.0.1.${1 + me.index}` });
  };
  const dripping = drip && setInterval(() => sockets.forEach((socket) => socket.write(drip)), 1000);
  while (!me.over()) {
    for (let n = 0; sockets.size < most && n < 500; n++) connect();
    me.most("held at once", sockets.size);
    await wait(5);
  }
  clearInterval(dripping);
  sockets.forEach((socket) => socket.destroy());
}

/** A browser at ②, from this address; undefined where the server refused it. */
async function atCustomer(me, address, account = taro.account) {
  const browser = new Browser(me.port, address);
  await browser.get(asked().path);
  me.count(browser.status);
  if (browser.status !== 200) return browser.connection.close();
  await browser.press("next", account);
  if (browser.screen !== "customer") return browser.connection.close();
  return browser;
}
/** ② with a birth date that is not the customer's. */
const guess = () => ({ ...taro.customer, birth_year: String(1930 + randomInt(50)), birth_day: String(1 + randomInt(28)) });
/** Posts ② with wrong birth dates until the server ends the interaction. */
async function guesses(me, browser, most) {
  for (let n = 0; n < most && !me.over() && browser.screen === "customer"; n++) {
    await browser.press("next", guess());
    me.count(browser.status);
    if (![200, 403, 503].includes(browser.status)) me.fault(`status ${browser.status}`);
  }
}
const lanes = (n, lane) => Promise.all(Array.from({ length: n }, (_, i) => lane(i)));

export const kinds = [
  // ---- unusual requests ---------------------------------------------------------------------------------------------------
  {
    name: "compressed-bodies",
    does: "60 MB of nothing, packed to 60 KB by gzip and by deflate, posted to every kind of endpoint",
    async run(me) {
      const nothing = Buffer.alloc(60_000_000);
      const packed = [["gzip", gzipSync(nothing)], ["deflate", deflateSync(nothing)]];
      const paths = ["/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/authorize", "/link/x/account", "/hooks/bank/events"];
      const all = paths.flatMap((path) => packed.map(([coding, body]) => post(path, body, [`Content-Encoding: ${coding}`])));
      // Who answers before the body is read may hang up on it.
      await hammer(me, [415, 0], () => one(all));
    },
  },
  {
    name: "http2",
    does: "the preface of HTTP/2 with a hundred streams behind it, and requests to upgrade to h2c and websocket",
    async run(me) {
      const frame = (type, flags, stream, bytes = Buffer.alloc(0)) => {
        const head = Buffer.alloc(9);
        head.writeUIntBE(bytes.length, 0, 3);
        head.writeUInt8(type, 3);
        head.writeUInt8(flags, 4);
        head.writeUInt32BE(stream, 5);
        return Buffer.concat([head, bytes]);
      };
      // :method GET, :scheme http, :path /, from the static table of HPACK.
      const streams = Array.from({ length: 100 }, (_, n) => frame(1, 5, 2 * n + 1, Buffer.from([0x82, 0x86, 0x84])));
      const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0), ...streams]);
      const upgrade = (to, more = []) => request("GET", "/oauth/jwks", [`Connection: Upgrade${more.length ? ", HTTP2-Settings" : ""}`, `Upgrade: ${to}`, ...more]);
      const all = [preface, upgrade("h2c", ["HTTP2-Settings: AAMAAABkAAQAAP__"]), upgrade("websocket"), upgrade("TLS/1.3")];
      await hammer(me, [200, 400, 0], () => one(all));
    },
  },
  {
    name: "head",
    does: "HEAD wherever GET is taken: at /oauth/authorize with the longest parameters, at /link/…, at the metadata",
    async run(me) {
      const ask = () => one([() => asked(longest()).path, () => `/link/${random()}/account`, () => "/oauth/jwks", () => "/.well-known/openid-configuration"])();
      await hammer(me, [200], () => request("HEAD", ask(), [from(someone())]), { bodyless: true });
    },
  },
  {
    name: "wrong-methods",
    does: "methods that an address does not take, known ones, made-up ones and one of 8,000 letters",
    async run(me) {
      const methods = ["TRACE", "OPTIONS", "PATCH", "DELETE", "PUT", "PROPFIND", "X", "Z".repeat(8000)];
      const paths = ["/oauth/authorize", "/oauth/token", "/oauth/par", "/oauth/introspect", "/link/x/account", "/oauth/jwks", "/healthz"];
      await hammer(me, [405], () => request(one(methods), one(paths), [from(someone())]));
    },
  },
  {
    name: "cookie-junk",
    does: "a hundred cookies with bytes of Shift_JIS, twenty of them under names of ours, and a thousand entries of X-Forwarded-For",
    async run(me) {
      const shiftJis = "\x83N\x83b\x83L\x81[";
      const ours = (n) => (n < 20 ? `__Host-renkei-${random(6)}` : one([shiftJis, "__Host-renkei-typed", "__Host-renkei-memory"]) + n);
      const cookies = () => Array.from({ length: 100 }, (_, n) => `${ours(n)}=${n % 3 ? random() : shiftJis}`).join("; ");
      const typed = () => `__Host-renkei-typed=${random(750)}; __Host-renkei-memory=${random()}`;
      const hops = () => from(Array.from({ length: 1000 }, someone).join(", "));
      const lists = Array.from({ length: 50 }, () => [`Cookie: ${cookies()}`, `Cookie: ${typed()}`, hops()]);
      const paths = [() => asked().path, () => `/link/${random()}/account`, () => "/oauth/authorize?client_id=nobody"];
      await hammer(me, [303, 400, 403, 429, 503], () => request("GET", one(paths)(), one(lists)));
    },
  },
  // ---- strangers before ② ---------------------------------------------------------------------------------------------------
  {
    name: "authorize-one-address",
    does: "authorize requests with the longest parameters from one address",
    async run(me) {
      await hammer(me, [303, 429], () => request("GET", asked(longest()).path, [from("198.51.100.1")]));
    },
  },
  {
    name: "authorize-many-addresses",
    does: "authorize requests with the longest parameters, each from another address of millions",
    fills: true,
    async run(me) {
      await hammer(me, [303, 429, 503], () => request("GET", asked(longest()).path, [from(someone())]));
    },
  },
  {
    name: "screens",
    does: "interactions that go to and fro between ① and ②, with errors, changes of the language and reloads: all that writes without a limit by network",
    async run(me) {
      await lanes(CONNECTIONS, async () => {
        while (!me.over()) {
          const browser = await atCustomer(me, someone());
          while (browser && !me.over() && browser.status === 200 && browser.screen === "customer") {
            const { path } = browser;
            await browser.get(`${path}?ui_locales=${one(["ja", "en"])}`);
            await browser.press("back");
            await browser.press("next", { ...taro.account, account_number: "漢".repeat(200) });
            await browser.press("next", taro.account);
            me.count(browser.status);
          }
          browser?.connection.close();
        }
      });
    },
  },
  // ---- clients, wrong answers at ②, held connections -------------------------------------------------------------------------
  {
    name: "pushed-requests",
    does: "pushed requests of one client with the longest parameters",
    async run(me) {
      await hammer(me, [201, 429], () => {
        const { client_id, ...fields } = asked(longest()).fields;
        return post("/oauth/par", fields, [as("kakeibo")]);
      });
    },
  },
  {
    name: "token-endpoint",
    does: "codes and refresh tokens that nobody was given, by a client that proves who it is",
    async run(me) {
      const { redirect_uris } = clients.kakeibo;
      const code = () => ({ grant_type: "authorization_code", code: `rk_ac_${random()}000000`, redirect_uri: redirect_uris[0], code_verifier: random() });
      const refresh = () => ({ grant_type: "refresh_token", refresh_token: `rk_rt_${random()}000000` });
      const own = () => ({ grant_type: "client_credentials", scope: "status" });
      await hammer(me, [400, 429], () => post("/oauth/token", one([code, refresh, own])(), [as("kakeibo")]));
    },
  },
  {
    name: "customer-one-network",
    does: "wrong birth dates at ②, all from one address",
    async run(me) {
      await lanes(8, async () => {
        while (!me.over()) {
          const browser = await atCustomer(me, "198.51.100.1", hanako);
          if (!browser) return hammer(me, [429], () => request("GET", asked().path, [from("198.51.100.1")]), { connections: 1 });
          await guesses(me, browser, Infinity);
          browser.connection.close();
        }
      });
    },
  },
  {
    name: "customer-many-networks",
    does: "wrong birth dates at ②, three from each of many networks",
    fills: true,
    async run(me) {
      await lanes(CONNECTIONS, async () => {
        while (!me.over()) {
          const browser = await atCustomer(me, someone(), hanako);
          if (!browser) continue;
          await guesses(me, browser, 3);
          browser.connection.close();
        }
      });
    },
  },
  {
    name: "wrong-secrets",
    does: "wrong secrets of the very resource server that introspects, of an app and of nobody, at four endpoints",
    async run(me) {
      const paths = ["/oauth/introspect", "/oauth/token", "/oauth/par", "/oauth/revoke"];
      const ids = ["accounts-api", "kakeibo", "nobody"];
      await hammer(me, [401], () => post(one(paths), { token: "x" }, [`Authorization: ${basic(one(ids), random())}`]));
    },
  },
  {
    name: "nothing-read",
    does: "as many connections as one process may hold, each of which asks for a hundred pages and reads nothing",
    holds: true,
    async run(me) {
      await hold(me, Buffer.concat(Array(100).fill(request("GET", "/oauth/authorize?client_id=nobody"))));
    },
  },
  {
    name: "half-heads",
    does: "as many connections as one process may hold, each with a head of a line and a half",
    holds: true,
    async run(me) {
      await hold(me, Buffer.from("GET /oauth/authorize?client_id=kakeibo HTTP/1.1\r\nHost: link.ren"));
    },
  },
  {
    name: "long-half-heads",
    does: "as many connections as one process may hold, each with 127 KB of a head that does not end",
    holds: true,
    async run(me) {
      const line = `X-Filler: ${"x".repeat(4000)}\r\n`;
      await hold(me, Buffer.from(`GET / HTTP/1.1\r\nHost: link.renkei.test\r\n${line.repeat(32).slice(0, 127_000)}`));
    },
  },
  {
    name: "slow-bodies",
    does: "as many connections as one process may hold, each with all of a form of 60 KB but the end, of which a byte comes each second",
    holds: true,
    async run(me) {
      const whole = post("/oauth/token", Buffer.alloc(60_000, "a"));
      await hold(me, whole.subarray(0, whole.length - 200), "a");
    },
  },
];
