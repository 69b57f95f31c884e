// An app gives back what it has (RFC 7009): the grant ends with it, and nothing of it is live any more.
import assert from "node:assert/strict";
import * as oidc from "openid-client";
import { call, enter, link, refused } from "./support.mjs";

const app = await enter("fapi2-jwt-dpop");
const { config, proof } = app;

for (const given of ["refresh_token", "access_token"]) {
  const { tokens } = await link(app);
  await call(app, tokens.access_token);

  const other = await enter("fapi2-jwt-dpop", 2);
  await refused(oidc.tokenRevocation(other.config, tokens[given]), "invalid_grant");
  await call(app, tokens.access_token);

  await oidc.tokenRevocation(config, tokens[given]);
  await oidc.tokenRevocation(config, tokens[given]); // RFC 7009 2.2: a dead token is no error
  const dead = await call(app, tokens.access_token).then(() => assert.fail("still served"), (why) => why);
  assert.equal(dead.status, 401);
  if (given === "refresh_token") await refused(oidc.refreshTokenGrant(config, tokens.refresh_token, {}, proof), "invalid_grant");
}
await oidc.tokenRevocation(config, "rk_at_nothing");
