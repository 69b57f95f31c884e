// A client that acts for itself (RFC 6749 4.4): a bound token for its own scopes, and never a customer's account.
import assert from "node:assert/strict";
import * as oidc from "openid-client";
import { call, enter, refused } from "./support.mjs";

for (const kind of ["fapi2-credentials-jwt-dpop", "fapi2-credentials-mtls-mtls"]) {
  const app = await enter(kind);
  const { config, proof } = app;
  const tokens = await oidc.clientCredentialsGrant(config, { scope: "status" }, proof);
  assert.deepEqual([tokens.scope, tokens.refresh_token, tokens.id_token], ["status", undefined, undefined]);
  assert.equal((await call(app, tokens.access_token)).status, "open");

  const accounts = new URL("/v1/accounts", app.resource);
  const why = await call(app, tokens.access_token, accounts).then(() => assert.fail("accounts were served"), (why) => why);
  assert.equal(why.status, 403);
  await refused(oidc.clientCredentialsGrant(config, { scope: "status accounts" }, proof), "invalid_scope");
}
