// Every receiver of the conformance profile has a stream: made, verified and deleted; the institution's hear of the end of a
// link, which the profile brings about for them.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import { readdirSync } from "node:fs";
import { createRemoteJWKSet, customFetch, jwtVerify } from "jose";
import * as oidc from "openid-client";
import { Agent, fetch } from "undici";
import { enter, folder, link, read } from "./support.mjs";

const [PUSH, POLL] = ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"];
const REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification";
const connection = new Agent({ connect: { ca: read("ca.pem") } });

// The suite, as far as pushed events go: at its address, with a certificate that nobody trusts for a server.
const pushed = [];
const suite = createServer({ cert: read("ca.pem"), key: read("ca.key") }, async (asked, answer) => {
  const { authorization, "content-type": type } = asked.headers;
  pushed.push({ path: asked.url, authorization, type, set: (await asked.toArray()).join("") });
  answer.writeHead(202).end();
});
const { redirect_uris } = JSON.parse(read("clients/oidcc-basic-1.json"));
await once(suite.listen(new URL(redirect_uris[0]).port), "listening");

const kinds = readdirSync(`${folder}/suite`).map((file) => file.replace(".json", ""));
for (const n of [1, 2]) await link(await enter("oidcc-basic", n));
await Promise.all(kinds.filter((kind) => kind.startsWith("ssf")).map(receive));
suite.close();
suite.closeAllConnections();

async function receive(kind) {
  const told = JSON.parse(read(`suite/${kind}.json`));
  const app = await enter(kind);
  const { issuer, token_endpoint_auth_methods_supported } = app.config.serverMetadata();
  assert.ok(token_endpoint_auth_methods_supported.includes(app.record.token_endpoint_auth_method));
  const { access_token, expires_in } = await oidc.clientCredentialsGrant(app.config, { scope: told.client.scope });
  assert.ok(expires_in <= 3600, "CAEP Interop 2.7.1");
  const headers = { authorization: `Bearer ${access_token}`, "content-type": "application/json" };
  const send = async (method, url, body, status = 200) => {
    const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body), dispatcher: connection });
    const said = await answer.text();
    assert.equal(answer.status, status, `${method} ${url}: ${said}`);
    return said && JSON.parse(said);
  };
  const metadata = await send("GET", `${told.ssf.transmitter.issuer}/.well-known/ssf-configuration`);
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri), {
    [customFetch]: (url, init) => fetch(url, { ...init, dispatcher: connection }),
  });
  const path = `/test/a/${told.alias}/ssf-push`;

  // Once with an authorization header, once without.
  for (const authorization of [`Bearer a secret of ${kind}`, undefined]) {
    const before = pushed.length;
    const here = () => pushed.slice(before).filter((came) => came.path === path);
    const push = kind.endsWith("push") && {
      method: PUSH,
      endpoint_url: `${told.ssf.receiver?.base_url_override}/ssf-push`,
      authorization_header: authorization,
    };
    const wanted = { delivery: push || { method: POLL }, events_requested: [REVOKED], description: kind };
    const stream = await send("POST", metadata.configuration_endpoint, wanted, 201);
    assert.deepEqual([stream.iss, stream.events_delivered], [issuer, [REVOKED]]);
    /** What has come so far. */
    const come = push
      ? async () => here().map(({ set }) => set)
      : async () => Object.values((await send("POST", stream.delivery.endpoint_url, { returnImmediately: true })).sets);
    /** The first token of this type. */
    const first = async (type, fits = () => true) => {
      for (let tries = 0; tries < 500; tries++) {
        for (const set of await come()) {
          const about = { issuer, audience: stream.aud, typ: "secevent+jwt", algorithms: ["RS256"] };
          const { payload } = await jwtVerify(set, keys, about);
          if (payload.events[type] && fits(payload.events[type])) return payload;
        }
        await new Promise((later) => setTimeout(later, 100));
      }
      assert.fail(`${kind}: no ${type} came`);
    };

    await send("POST", metadata.verification_endpoint, { stream_id: stream.stream_id, state: "echo" }, 204);
    const verified = await first(VERIFICATION, ({ state }) => state === "echo");
    assert.deepEqual(verified.sub_id, { format: "opaque", id: stream.stream_id });
    if (authorization && kind.includes("caep")) {
      const { initiating_entity } = (await first(REVOKED)).events[REVOKED];
      assert.equal(initiating_entity, "admin");
    }
    for (const came of here()) {
      assert.deepEqual([came.type, came.authorization], ["application/secevent+jwt", authorization]);
    }
    await send("DELETE", `${metadata.configuration_endpoint}?stream_id=${stream.stream_id}`, undefined, 204);
  }
  console.log(kind);
}
