// What tests/long/image runs beside the image: a core bank with one customer, as docs/core-banking.md says, and the link of this customer.
//
//   node image.mjs bank PORT     serves until it is ended
//   node image.mjs link PORT     links through the server at this port, and asks about the token
import { createServer } from "node:http";
import { basic, clients, Connection, issuer, link, post, request, taro, wait } from "./support.mjs";

const [what, port] = [process.argv[2], Number(process.argv[3])];

function bank() {
  const { account, customer } = taro;
  const one = { id: "a-91Xc", ...account };
  const same = (asked) => Object.entries(account).every(([name, value]) => asked[name] === value);
  const born = `${customer.birth_year}-${customer.birth_month.padStart(2, "0")}-${customer.birth_day.padStart(2, "0")}`;
  const answers = {
    "POST /lookup": (asked) => (same(asked) ? { eligible: true, holder: "h-7Qm2", id: one.id } : { eligible: false, reason: "unknown" }),
    "POST /match": (asked) => ({ match: same(asked) && asked.birth_date === born && asked.phone === customer.phone }),
    "POST /verify-pin": (asked) => ({ match: same(asked) && asked.pin === "4071" }),
    "GET /holders/h-7Qm2/accounts": () => ({ accounts: [one] }),
  };
  const server = createServer(async (asked, answer) => {
    let body = "";
    for await (const part of asked) body += part;
    const make = answers[`${asked.method} ${asked.url}`];
    answer.writeHead(make ? 200 : 404, { "content-type": "application/json" });
    answer.end(JSON.stringify(make?.(body ? JSON.parse(body) : {}) ?? {}));
  });
  server.listen(port, "127.0.0.1", () => console.log("ready"));
}

async function once() {
  const connection = new Connection(port);
  for (let n = 0; ; n++) {
    const { status } = await connection.ask(request("GET", "/readyz"));
    if (status === 200) break;
    if (n > 300) throw new Error(`/readyz says ${status} after half a minute`);
    await wait(100);
  }
  const token = await link({ port }, "203.0.113.7");
  const { client_secret } = clients["accounts-api"];
  const asked = post("/oauth/introspect", { token }, [`Authorization: ${basic("accounts-api", client_secret)}`]);
  const { status, body } = await connection.ask(asked);
  const seen = JSON.parse(body);
  if (status !== 200 || !seen.active || seen.iss !== issuer) throw new Error(`${status} ${body}`);
  connection.close();
  console.log(`linked; introspection says: active, scope ${seen.scope}`);
}

await { bank, link: once }[what]();
