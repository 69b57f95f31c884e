// A resource server asks what a token is worth (RFC 7662), and once more for an answer it can keep as evidence (RFC 9701).
import assert from "node:assert/strict";
import { calculateJwkThumbprint, createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
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

// Whatever is no live token for this asker is nothing at all.
for (const token of ["rk_at_nothing", tokens.refresh_token, tokens.id_token]) {
  assert.deepEqual(await oidc.tokenIntrospection(api, token), { active: false });
}
