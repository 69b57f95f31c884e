// A resource server asks what a token is worth (RFC 7662), and once more for an answer it can keep as evidence (RFC 9701).
import assert from "node:assert/strict";
import { createRemoteJWKSet, jwtVerify } from "jose";
import * as oidc from "openid-client";
import { enter, link } from "./support.mjs";

const app = await enter("fapi2-jwt-dpop");
const { tokens } = await link(app);
const { issuer } = app.config.serverMetadata();
const api = await oidc.discovery(new URL(issuer), "accounts-api", undefined, oidc.ClientSecretBasic("accounts-api-secret"));

const told = await oidc.tokenIntrospection(api, tokens.access_token);
assert.equal(told.active, true);
assert.equal(told.client_id, app.record.client_id);
assert.equal(told.sub, tokens.claims().sub);
assert.equal(told.iss, issuer);
assert.deepEqual([told.aud].flat(), [app.resource.origin]);
assert.equal(told.grant_id, tokens.grant_id);
assert.equal(told.token_type.toLowerCase(), "dpop");
assert.deepEqual(told.scope.split(" ").sort(), app.record.scope.split(" ").sort());
assert.equal(told.cnf.jkt, await app.proof.DPoP.calculateThumbprint());
assert.equal(told.authorization_details.length, 1);
assert.equal(told.authorization_details[0].accounts.length, 1);
assert.ok(told.exp > told.iat && told.auth_time <= told.iat);

// The same, signed by the server for this asker alone.
const keeps = { introspection_signed_response_alg: "RS256" };
const evidence = await oidc.discovery(new URL(issuer), "accounts-api", keeps, oidc.ClientSecretBasic("accounts-api-secret"));
const jwts = [];
evidence[oidc.customFetch] = async (...request) => {
  const answer = await fetch(...request);
  jwts.push(await answer.clone().text());
  return answer;
};
assert.deepEqual(await oidc.tokenIntrospection(evidence, tokens.access_token), told);
const keys = createRemoteJWKSet(new URL(evidence.serverMetadata().jwks_uri));
const { payload, protectedHeader } = await jwtVerify(jwts[0], keys, { issuer, audience: "accounts-api", typ: "token-introspection+jwt" });
assert.deepEqual([payload.token_introspection, protectedHeader.alg], [told, "RS256"]);
assert.ok(!("sub" in payload || "exp" in payload), "RFC 9701 5: it must not pass as a token");

// Whatever is no live token for this asker is nothing at all.
for (const token of ["rk_at_nothing", tokens.refresh_token, tokens.id_token]) {
  assert.deepEqual(await oidc.tokenIntrospection(api, token), { active: false });
}
