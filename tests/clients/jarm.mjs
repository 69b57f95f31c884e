// The answer as a signed object (JARM), in the query and by form; the library checks signature, iss, aud and exp.
import assert from "node:assert/strict";
import { decodeJwt, decodeProtectedHeader } from "jose";
import * as oidc from "openid-client";
import { ask, call, enter, redeem, walk } from "./support.mjs";

for (const [kind, alg] of [["fapi2-jwt-dpop", "ES256"], ["oidcc-basic", "RS256"]]) {
  // The library knows `jwt` alone and would ask for it: another mode is asked for before it is told of JARM.
  const asking = await enter(kind);
  const app = { ...(await enter(kind)), proof: asking.proof };
  oidc.useJwtResponseMode(app.config);
  for (const response_mode of ["jwt", "query.jwt", "form_post.jwt"]) {
    const asked = await ask(asking, { response_mode });
    const back = await walk(app, asked.url);
    const tokens = await redeem(app, asked, back);
    assert.equal(back instanceof Request, response_mode === "form_post.jwt");
    assert.equal((await call(app, tokens.access_token)).accounts.length, 1);
  }

  // What the object says, and that nothing stands beside it; the same for an answer that is no.
  const no = await ask(asking, { response_mode: "jwt" });
  const back = await walk(app, no.url, {
    "1 account": [["click", "css", "button[value='cancel']"], ["click", "css", "button[value='return']"]],
  });
  assert.deepEqual([...back.searchParams.keys()], ["response"]);
  const response = back.searchParams.get("response");
  assert.equal(decodeProtectedHeader(response).alg, alg);
  const { exp, iat, ...told } = decodeJwt(response);
  assert.ok(exp - Date.now() / 1000 <= 600);
  const { error_description, ...rest } = told;
  assert.deepEqual(rest, {
    iss: app.config.serverMetadata().issuer,
    aud: app.record.client_id,
    state: no.state,
    error: "access_denied",
  });
}
