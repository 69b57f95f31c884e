// An app registers itself (RFC 7591) with the token the institution gave it, is approved, works, and reads, changes and
// ends its own registration (RFC 7592).
import assert from "node:assert/strict";
import { exportJWK, generateKeyPair } from "jose";
import * as oidc from "openid-client";
import { fetch } from "undici";
import { enter, link, staff } from "./support.mjs";

const model = await enter("fapi2-jwt-dpop"); // the server's address, and a browser's commands
const server = new URL(model.config.serverMetadata().issuer);
const { publicKey, privateKey } = await generateKeyPair("ES256");
const jwk = { ...(await exportJWK(publicKey)), kid: "own", alg: "ES256", use: "sig" };
const metadata = {
  client_name: "自分で登録するアプリ",
  redirect_uris: ["https://itself.example/callback"],
  scope: "openid accounts",
  token_endpoint_auth_method: "private_key_jwt",
  dpop_bound_access_tokens: true,
  jwks: { keys: [jwk] },
};
const own = oidc.PrivateKeyJwt({ key: privateKey, kid: "own" });
const { token } = staff("client", "token", "new", "--label", "registration.mjs");
const config = await oidc.dynamicClientRegistration(server, metadata, own, { initialAccessToken: token });
const record = config.clientMetadata();
assert.equal(record.status, "pending");

const pair = await oidc.randomDPoPKeyPair("ES256");
const app = { ...model, config, record, redirect_uri: metadata.redirect_uris[0], proof: { DPoP: oidc.getDPoPHandle(config, pair) } };
const early = await link(app).then(() => assert.fail("nobody approved it yet"), (why) => why);
assert.ok([400, 401, 403].includes(early.status), early.stack);

staff("client", "approve", record.client_id);
const { tokens } = await link(app);
assert.equal(tokens.claims().aud, record.client_id);

const manage = (method, body) =>
  fetch(record.registration_client_uri, {
    method,
    headers: { authorization: `Bearer ${record.registration_access_token}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
const read = await (await manage("GET")).json();
assert.equal(read.client_name, metadata.client_name);
const changed = await manage("PUT", { ...metadata, client_id: record.client_id, client_name: "新しい名前" });
assert.equal(changed.status, 200, await changed.clone().text());
assert.equal((await manage("DELETE")).status, 204);
assert.equal((await manage("GET")).status, 401);
