// Every client of the conformance profile goes its whole way: request, screens, tokens, the protected resource.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import * as oidc from "openid-client";
import { call, enter, link } from "./support.mjs";

const kinds = readdirSync(`${process.argv[2]}/suite`).map((file) => file.replace(".json", ""));
let gone = 0;
for (const kind of kinds.filter((kind) => kind !== "oidcc-config")) {
  for (const n of kind.startsWith("oidcc") ? [1, 2, 3] : [1, 2]) {
    const app = await enter(kind, n);
    if (kind.includes("jarm")) oidc.useJwtResponseMode(app.config);
    const itself = app.record.grant_types?.includes("client_credentials");
    const tokens = itself
      ? await oidc.clientCredentialsGrant(app.config, { scope: app.record.scope }, app.proof)
      : (await link(app)).tokens;
    assert.equal(tokens.token_type, app.proof ? "dpop" : "bearer", kind);
    assert.equal(typeof tokens.refresh_token, itself ? "undefined" : "string", kind);
    const answer = await call(app, tokens.access_token);
    assert.ok(itself ? answer.status : answer.accounts.length === 1, JSON.stringify(answer));
    gone++;
  }
}
console.log(`${gone} clients`);
