// node-oidc-provider, which answers what Renkei answers in `benches/run`: everything in memory, nothing on a disk, no log. It is told by
// its standard input what to make before it is asked: one JSON object a line. It says `ready` and `made` on its standard output.
import { createServer as plain } from "node:http";
import { createServer as tls } from "node:https";
import { createWriteStream, readFileSync } from "node:fs";
import { createHash, generateKeyPairSync } from "node:crypto";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const settings = JSON.parse(process.argv[2]);
// The packages lie where `benches/run` has installed them.
const require = createRequire(`${settings.packages}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { default: Provider } = await load("oidc-provider");
const { default: MemoryAdapter } = await load("oidc-provider/lib/adapters/memory_adapter.js");

// Its own store in memory drops what it has above a thousand entries.
const store = new Map();
class Adapter extends MemoryAdapter {
  constructor(model) {
    super(model, store);
  }
}
const [rsa, ec] = [
  generateKeyPairSync("rsa", { modulusLength: 2048 }),
  generateKeyPairSync("ec", { namedCurve: "P-256" }),
].map(({ privateKey }) => privateKey.export({ format: "jwk" }));

const day = 24 * 60 * 60;
const provider = new Provider(settings.issuer, {
  adapter: Adapter,
  clients: settings.clients,
  jwks: { keys: [{ ...rsa, use: "sig", alg: "RS256" }, { ...ec, use: "sig", alg: "ES256" }] },
  scopes: ["openid", "offline_access", "accounts", "transactions", "status"],
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  // A refresh token of Renkei stays the same.
  rotateRefreshToken: false,
  ttl: { AccessToken: 30 * day, AuthorizationCode: day, ClientCredentials: 3600, Grant: 30 * day, IdToken: 300, RefreshToken: 30 * day },
  cookies: { keys: ["of no use here"] },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    clientCredentials: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    dPoP: { enabled: true },
  },
});

/** What is made, one function for each kind: the line of a file that the load reads. */
const makers = {
  async access(n, client) {
    const sub = `customer-${n}`;
    const grantId = await grant(sub, client);
    const token = new provider.AccessToken({ client, accountId: sub, grantId, gty: "authorization_code", scope: "openid accounts transactions" });
    return [await token.save(), sub];
  },
  async refresh(n, client) {
    const sub = `customer-${n}`;
    const grantId = await grant(sub, client);
    const scope = "openid offline_access accounts transactions";
    const token = new provider.RefreshToken({ client, accountId: sub, grantId, gty: "authorization_code", scope, authTime: seconds() });
    return [await token.save()];
  },
  async code(n, client) {
    const sub = `customer-${n}`;
    const grantId = await grant(sub, client);
    const code = new provider.AuthorizationCode({
      client,
      accountId: sub,
      grantId,
      scope: "openid offline_access accounts transactions",
      codeChallenge: createHash("sha256").update(settings.verifier).digest("base64url"),
      codeChallengeMethod: "S256",
      redirectUri: client.redirectUris[0],
      nonce: `nonce-${n}`,
      authTime: seconds(),
    });
    return [await code.save()];
  },
};
const seconds = () => Math.floor(Date.now() / 1000);
async function grant(accountId, client) {
  const made = new provider.Grant({ accountId, clientId: client.clientId });
  made.addOIDCScope("openid offline_access accounts transactions");
  return made.save();
}

const { cert, key } = settings;
const server = cert ? tls({ cert: readFileSync(cert), key: readFileSync(key) }) : plain();
provider.proxy = true;
server.on("request", provider.callback());
server.keepAliveTimeout = 60_000;
server.listen(settings.port, "127.0.0.1", () => console.log("ready"));
for await (const line of createInterface(process.stdin)) {
  const { kind, count, client, file } = JSON.parse(line);
  const out = createWriteStream(file);
  const owner = await provider.Client.find(client);
  for (let n = 0; n < count; n++) out.write(`${(await makers[kind](n, owner)).join("\t")}\n`);
  out.end();
  await finished(out);
  console.log("made");
}
process.exit(0);
