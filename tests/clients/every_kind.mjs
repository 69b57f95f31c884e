// Every client of the conformance profile goes its whole way: request, screens, tokens, the protected resource.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect } from "node:tls";
import * as oidc from "openid-client";
import { call, enter, folder, like, link, read } from "./support.mjs";

const kinds = readdirSync(`${folder}/suite`).map((file) => file.replace(".json", ""));
let gone = 0;
// The receivers of events have a program of their own.
for (const kind of kinds.filter((kind) => kind !== "oidcc-config" && !kind.startsWith("ssf"))) {
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

// The commands for a page are given to it alone: a page of ours may have the suite's address in its own, as a parameter.
for (const kind of kinds) {
  const suite = JSON.parse(read(`suite/${kind}.json`));
  const issuer = new URL(suite.server.discoveryUrl).origin;
  const callback = suite.client && JSON.parse(read(`clients/${suite.client.client_id}.json`)).redirect_uris?.[0];
  for (const { browser } of [suite, ...Object.values(suite.override)]) {
    for (const { task, match } of browser.flatMap(({ tasks }) => tasks)) {
      for (const page of ["oauth/authorize", "link/AAAA/account"]) {
        const at = `${issuer}/${page}?redirect_uri=${callback ?? "https://suite.test/test/a/renkei/callback"}&state=/link/x/cancelled`;
        assert.ok(!like(match, at) || match.startsWith(issuer), `${kind}: "${task}" is not for ${at}`);
      }
    }
    const back = browser.flatMap(({ tasks }) => tasks).filter(({ match }) => callback && like(match, `${callback}?code=x`));
    assert.equal(back.length, callback ? browser.filter(({ tasks }) => tasks.length > 1).length : 0, kind);
  }
}

// HTTP/1.1 is spoken at every address, also to a client that would rather have HTTP/2.
const app = await enter("fapi2-jwt-mtls");
const { issuer, mtls_endpoint_aliases } = app.config.serverMetadata();
for (const at of [issuer, mtls_endpoint_aliases.token_endpoint, app.resource]) {
  const { hostname, port } = new URL(at);
  const socket = connect({ host: hostname, port, servername: hostname, ca: read("ca.pem"), ALPNProtocols: ["h2", "http/1.1"] });
  await once(socket, "secureConnect");
  assert.equal(socket.alpnProtocol, "http/1.1", `${at}`);
  socket.end();
}
