// FAPI 2.0 with certificates: the same request, the client known by its certificate or by its key, and tokens bound to
// the certificate (RFC 8705). The library finds the endpoints that ask for one by itself.
import assert from "node:assert/strict";
import * as oidc from "openid-client";
import { call, enter, link } from "./support.mjs";

for (const [kind, n] of [["fapi2-mtls-mtls", 1], ["fapi2-mtls-mtls", 2], ["fapi2-jwt-mtls", 1]]) {
  const app = await enter(kind, n);
  const { mtls_endpoint_aliases: alias, issuer } = app.config.serverMetadata();
  assert.ok(!alias.token_endpoint.startsWith(`${issuer}/`), "the aliases stand elsewhere");

  const { tokens } = await link(app);
  assert.equal(tokens.token_type, "bearer");
  assert.equal((await call(app, tokens.access_token)).accounts.length, 1);
  const user = await oidc.fetchUserInfo(app.config, tokens.access_token, tokens.claims().sub);
  assert.equal(user.sub, tokens.claims().sub);

  // The token is nothing without the certificate: neither without any nor with another client's.
  const other = await enter("fapi2-oauth-mtls-mtls", n);
  const nobody = new oidc.Configuration(app.config.serverMetadata(), "nobody");
  for (const thief of [other.config, nobody]) {
    for (const at of [app.resource, new URL(alias.userinfo_endpoint)]) {
      const theft = oidc.fetchProtectedResource(thief, tokens.access_token, at, "GET");
      const why = await theft.then(() => assert.fail("a stolen token was served"), (why) => why);
      assert.equal(why.status, 401);
    }
  }
}
