// FAPI 2.0 Message Signing: the request is signed before it is pushed (RFC 9101). What is not signed as it
// must be gets nowhere. (Objects by value: metadata.mjs.)
import assert from "node:assert/strict";
import { generateKeyPair } from "jose";
import * as oidc from "openid-client";
import { ask, call, enter, link, refused } from "./support.mjs";

for (const n of [1, 2]) {
  const app = await enter("signing-jar-dpop", n);
  const { tokens } = await link(app);
  assert.equal((await call(app, tokens.access_token)).accounts.length, 1);

  // Unsigned, signed by somebody else, signed for somebody else.
  const push = (parameters) => oidc.buildAuthorizationUrlWithPAR(app.config, parameters, app.proof);
  const unsigned = { ...app, record: { ...app.record, profile: "fapi2" } };
  await refused(ask(unsigned), "invalid_request");
  const { privateKey } = await generateKeyPair(app.keys[0].key.algorithm.name === "ECDSA" ? "ES256" : "PS256");
  await refused(ask({ ...app, keys: [{ key: privateKey, kid: app.keys[0].kid }] }), "invalid_request_object");
  const wrong = { [oidc.modifyAssertion]: (_, claims) => void (claims.aud = app.resource.href) };
  const parameters = { redirect_uri: app.redirect_uri, scope: "accounts" };
  const astray = await oidc.buildAuthorizationUrlWithJAR(app.config, parameters, app.keys[0], wrong);
  await refused(push(astray.searchParams), "invalid_request_object");
}
