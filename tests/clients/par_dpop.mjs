// FAPI 2.0: a pushed request, PKCE, private_key_jwt, and tokens bound to a DPoP key; the server asks for its nonce once.
import assert from "node:assert/strict";
import * as oidc from "openid-client";
import { call, enter, link, walk } from "./support.mjs";

const app = await enter("fapi2-jwt-dpop");
const { config, proof, redirect_uri } = app;

const verifier = oidc.randomPKCECodeVerifier();
const state = oidc.randomState();
const nonce = oidc.randomNonce();
const url = await oidc.buildAuthorizationUrlWithPAR(
  config,
  {
    redirect_uri,
    scope: "openid accounts",
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
  },
  proof,
);
assert.deepEqual([...url.searchParams.keys()].sort(), ["client_id", "request_uri"]);
// RFC 9449 8: one answer with a nonce, one retry with it, and from then on the nonce of the last answer.
assert.deepEqual(app.answers.slice(-2), ["/oauth/par 400", "/oauth/par 201"]);

const back = await walk(app, url);
assert.deepEqual([...back.searchParams.keys()].sort(), ["code", "iss", "state"]);
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
const tokens = await oidc.authorizationCodeGrant(config, back, checks, {}, proof);
assert.equal(app.answers.filter((answer) => answer.startsWith("/oauth/token")).join(), "/oauth/token 200");
assert.equal(tokens.token_type, "dpop");
assert.equal(tokens.scope, "accounts openid");

const { accounts } = await call(app, tokens.access_token);
assert.deepEqual(accounts.map((account) => account.account_number), ["1100026"]);
const user = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, proof);
assert.equal(user.sub, tokens.claims().sub);

// The token is nothing without the key: neither as a bearer nor with a proof of another.
const stranger = { DPoP: oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair("ES256")) };
for (const presented of [undefined, stranger]) {
  const theft = oidc.fetchProtectedResource(config, tokens.access_token, app.resource, "GET", undefined, undefined, presented);
  const why = await theft.then(() => assert.fail("a stolen token was served"), (why) => why);
  assert.equal(why.status, 401);
}

// A pushed request widens the link (Grant Management for OAuth 2.0): the same grant, more of it, and the old token as it was.
const wider = await link(app, { scope: "openid accounts offline_access", grant_management_action: "merge", grant_id: tokens.grant_id });
assert.deepEqual([wider.tokens.grant_id, wider.tokens.scope], [tokens.grant_id, "accounts offline_access openid"]);
const [now, before] = await Promise.all([wider.tokens, tokens].map(({ access_token }) => call(app, access_token)));
assert.deepEqual(now.accounts, before.accounts);
