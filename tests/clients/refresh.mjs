// Refresh tokens of a FAPI client: not rotated, bound to the client and not to the DPoP key, never wider than the grant.
import assert from "node:assert/strict";
import * as oidc from "openid-client";
import { call, enter, link, refused } from "./support.mjs";

const app = await enter("fapi2-jwt-dpop", 1);
const { config } = app;
const { tokens: first } = await link(app);
const handle = first.refresh_token;
assert.match(handle, /^rk_rt_/);

// A new key, as after a new installation.
const proof = { DPoP: oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair("ES256")) };
const second = await oidc.refreshTokenGrant(config, handle, {}, proof);
assert.ok(second.access_token !== first.access_token);
assert.ok([undefined, handle].includes(second.refresh_token), "not rotated");
assert.equal(second.scope, first.scope);
assert.equal(second.grant_id, first.grant_id);
assert.equal((await call({ ...app, proof }, second.access_token)).accounts.length, 1);
// OpenID Connect Core 12.2: the same person, the same moment of proofing.
if (second.id_token) {
  for (const claim of ["iss", "sub", "aud", "auth_time"]) assert.deepEqual(second.claims()[claim], first.claims()[claim]);
}

// Less may be asked for, never more; and the old token still works, as the library keeps it (FAPI 2.0 5.3.2.1).
const narrow = await oidc.refreshTokenGrant(config, handle, { scope: "openid" }, proof);
assert.equal(narrow.scope, "openid");
await refused(oidc.refreshTokenGrant(config, handle, { scope: "openid transactions" }, proof), "invalid_scope");
const again = await oidc.refreshTokenGrant(config, handle, {}, app.proof);
assert.equal(again.scope, first.scope);

// Nobody else can use it.
const other = await enter("fapi2-jwt-dpop", 2);
await refused(oidc.refreshTokenGrant(other.config, handle, {}, other.proof), "invalid_grant");
