// OpenID Connect with a secret: the answer posted to the app, the id_token signed RS256, userinfo; basic, then post.
import assert from "node:assert/strict";
import * as oidc from "openid-client";
import { call, enter, link, refused } from "./support.mjs";

for (const n of [1, 3]) {
  const app = await enter("oidcc-formpost-basic", n);
  const { tokens, back } = await link(app, { response_mode: "form_post" });
  assert.equal(back.method, "POST");
  const claims = tokens.claims();
  assert.equal(claims.aud, app.record.client_id);
  assert.ok(claims.auth_time <= claims.iat);
  const user = await oidc.fetchUserInfo(app.config, tokens.access_token, claims.sub);
  assert.deepEqual(user, { sub: claims.sub }, "nothing about the person but the name we gave them");
  assert.equal((await call(app, tokens.access_token)).accounts.length, 1);

  // A code is good once.
  const query = await link(app, {});
  assert.deepEqual([...query.back.searchParams.keys()].sort(), ["code", "iss", "state"]);
  const checks = { pkceCodeVerifier: query.verifier, expectedState: query.state, expectedNonce: query.nonce };
  await refused(oidc.authorizationCodeGrant(app.config, query.back, checks), "invalid_grant");
}
