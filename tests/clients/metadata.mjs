// What the server says about itself is true: for every member of the discovery document there is a case here that tries
// each value it lists, and what it does not list. A member without a case fails, and so does a case without its member.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { SignJWT, createRemoteJWKSet, decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify } from "jose";
import * as oidc from "openid-client";
import { Agent, fetch } from "undici";
import { ask, enter, folder, link, read, redeem, staff, walk } from "./support.mjs";

const model = await enter("oidcc-basic");
const about = await (await fetch(`${model.config.serverMetadata().issuer}/.well-known/openid-configuration`)).json();
const published = createRemoteJWKSet(new URL(about.jwks_uri));

// ---- what there is in the world, of which a server lists some ---------------------------------------------------------------

/** Every secret here. */
const SECRET = "metadata-secret";
const ALGS = ["ES256", "PS256", "EdDSA", "RS256", "RS384", "PS384", "ES384", "ES512", "HS256", "none"];
const MODES = ["query", "form_post", "jwt", "query.jwt", "form_post.jwt", "fragment", "fragment.jwt", "web_message"];
const OWN = ["status", "ssf.read", "ssf.manage", "grant_management_query", "grant_management_revoke"];
const METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "client_secret_jwt", "none"];

/** Tries each of `world`: what is listed with `good`, the rest with `bad`. Nothing may be listed that is not in it. */
async function each(listed, world, good, bad) {
  assert.ok(listed.length > 0 && listed.every((value) => world.includes(value)), `a value this test does not know: ${listed}`);
  for (const value of world) await (listed.includes(value) ? good : bad)(value);
}

// ---- what cases are made of -------------------------------------------------------------------------------------------------

/** POSTs a form with what a caller shows of itself; the status, the text and the JSON. */
async function post(url, form, { headers, fields, tls } = {}) {
  const dispatcher = new Agent({ connect: { ca: read("ca.pem"), cert: tls?.cert, key: tls?.key } });
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams({ ...form, ...fields }), headers, dispatcher });
  const text = await answer.text();
  const nonce = answer.headers.get("dpop-nonce");
  return { status: answer.status, text, nonce, body: text.startsWith("{") ? JSON.parse(text) : undefined };
}
function isRefusal({ status, text, body }, error) {
  assert.deepEqual([status, body?.error], [error === "invalid_client" ? 401 : 400, error], text);
}
const basic = (id, secret = SECRET) => ({ headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` } });

/** A client whose record the institution's staff brings. */
let count = 0;
function register(members) {
  const record = { client_id: `metadata-${++count}`, client_name: "真偽", provider: model.record.provider, ...members };
  writeFileSync(`${folder}/metadata.json`, JSON.stringify(record));
  staff("client", "import", `${folder}/metadata.json`);
  return record;
}
/** A record that nobody can bring. */
function unregistrable(members) {
  assert.throws(() => register({ ...APP, ...members }), /invalid_client_metadata/, JSON.stringify(members));
}
const APP = {
  profile: "oidc",
  redirect_uris: [model.redirect_uri],
  scope: "openid accounts transactions offline_access",
  refresh_tokens: true,
  token_endpoint_auth_method: "client_secret_basic",
  client_secret: SECRET,
};
/** An OpenID app with these members, ready to go. */
function app(members = {}) {
  const record = register({ ...APP, ...members });
  const expected = { id_token_signed_response_alg: "RS256", ...members };
  const config = new oidc.Configuration(model.config.serverMetadata(), record.client_id, expected, oidc.ClientSecretBasic(SECRET));
  return { ...model, config, record };
}
/** Pushes the request of an app with these parameters. */
async function push(of, parameters) {
  const { url } = await ask(of, parameters);
  return post(about.pushed_authorization_request_endpoint, Object.fromEntries(url.searchParams), basic(of.record.client_id));
}

/** A resource server that proves who it is in this way: what a request of it shows, fresh each time. */
async function known(method, alg = "ES256", more = {}) {
  const id = `metadata-${count + 1}`;
  const { publicKey, privateKey } = await generateKeyPair(alg);
  const suite = JSON.parse(read("suite/fapi2-credentials-mtls-mtls.json"));
  const assertion = () =>
    new SignJWT({ jti: randomUUID(), iss: id, sub: id, aud: about.issuer })
      .setProtectedHeader({ alg, kid: "own" })
      .setIssuedAt()
      .setExpirationTime("1m")
      .sign(privateKey);
  const [members, shows] = {
    client_secret_basic: [{ client_secret: SECRET }, () => basic(id)],
    client_secret_post: [{ client_secret: SECRET }, () => ({ fields: { client_id: id, client_secret: SECRET } })],
    private_key_jwt: [
      { jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: "own", alg, use: "sig" }] } },
      async () => ({
        fields: {
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
          client_assertion: await assertion(),
        },
      }),
    ],
    tls_client_auth: [
      { tls_client_auth_subject_dn: "CN=fapi2-credentials-mtls-mtls-1" },
      () => ({ fields: { client_id: id }, tls: suite.mtls }),
    ],
    self_signed_tls_client_auth: [
      { jwks: JSON.parse(read("clients/fapi2-credentials-mtls-mtls-2.json")).jwks },
      () => ({ fields: { client_id: id }, tls: suite.mtls2 }),
    ],
  }[method];
  const itself = { grant_types: ["client_credentials"], scope: "status", resources: [model.resource.origin] };
  register({ profile: "resource_server", token_endpoint_auth_method: method, ...itself, ...members, ...more });
  return shows;
}

/** One whole link that many cases look at. */
const usual = app();
const linked = await link(usual);
const claims = linked.tokens.claims();

/** An app that may manage its grants. */
const manager = app({
  grant_types: ["authorization_code", "refresh_token", "client_credentials"],
  scope: "openid accounts transactions offline_access grant_management_query grant_management_revoke",
});

/** What a resource server may ask of the three endpoints, and what comes back. */
const CALLS = {
  token: [{ grant_type: "client_credentials", scope: "status" }, (body) => assert.equal(body.scope, "status")],
  introspection: [{ token: linked.tokens.access_token }, (body) => assert.equal(body.active, true)],
  revocation: [{ token: "rk_at_nothing" }, (body) => assert.deepEqual(body, {})],
};
async function serves(endpoint, url, shown) {
  const [form, right] = CALLS[endpoint];
  const { status, text, body } = await post(url, form, shown);
  assert.equal(status, 200, text);
  right(body);
}
/** `…_endpoint_auth_methods_supported` */
const methods = (endpoint) => (listed) =>
  each(
    listed,
    METHODS,
    async (method) => {
      const place = method.includes("tls") ? about.mtls_endpoint_aliases : about;
      await serves(endpoint, place[`${endpoint}_endpoint`], await (await known(method))());
    },
    (method) => unregistrable({ token_endpoint_auth_method: method }),
  );
/** `…_endpoint_auth_signing_alg_values_supported` */
const assertions = (endpoint) => (listed) =>
  each(
    listed,
    ALGS,
    async (alg) => serves(endpoint, about[`${endpoint}_endpoint`], await (await known("private_key_jwt", alg))()),
    (alg) => unregistrable({ token_endpoint_auth_signing_alg: alg }),
  );
/** Algorithms we sign with, of which a record chooses one. */
const signs = (member, made) => (listed) =>
  each(
    listed,
    ALGS,
    async (alg) => {
      const { protectedHeader } = await jwtVerify(await made({ [member]: alg }), published, { issuer: about.issuer });
      assert.equal(protectedHeader.alg, alg);
    },
    (alg) => unregistrable({ [member]: alg }),
  );
const SIGNED = ["id_token", "userinfo", "authorization", "introspection"].map((what) => `${what}_signing_alg_values_supported`);

/** An endpoint that gives nothing to whom it does not know. */
async function guarded(url) {
  isRefusal(await post(url, {}), "invalid_client");
  assert.equal((await fetch(url)).status, 405);
}
const is = (wanted) => (value) => assert.deepEqual(value, wanted);
/** The page a request leads to. */
const visit = async (of, parameters) => {
  const { url } = await ask(of, parameters);
  const answer = await fetch(url, { redirect: "manual" });
  return { status: answer.status, to: new URL(answer.headers.get("location"), url) };
};

// ---- the members ------------------------------------------------------------------------------------------------------------

const CASES = {
  issuer: (value) => assert.deepEqual([claims.iss, linked.back.searchParams.get("iss")], [value, value]),
  authorization_endpoint: async (url) => {
    const answer = await fetch(url, { redirect: "manual" });
    assert.deepEqual([answer.status, (await answer.text()).includes('id="oauth-error"')], [400, true]);
  },
  pushed_authorization_request_endpoint: guarded,
  token_endpoint: guarded,
  introspection_endpoint: guarded,
  revocation_endpoint: guarded,
  userinfo_endpoint: async (url) => {
    const answer = await fetch(url);
    assert.deepEqual([answer.status, /Bearer/.test(answer.headers.get("www-authenticate"))], [401, true]);
  },
  registration_endpoint: async (url) => {
    const init = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
    assert.equal((await fetch(url, init)).status, 401);
  },
  grant_management_endpoint: async (url) => {
    assert.equal((await fetch(url)).status, 401);
    const one = `${url}/${linked.tokens.grant_id}`;
    const own = await post(about.token_endpoint, { grant_type: "client_credentials", scope: "grant_management_query" }, basic(manager.record.client_id));
    const bearer = { headers: { authorization: `Bearer ${own.body.access_token}` } };
    assert.deepEqual([(await fetch(one)).status, (await fetch(one, bearer)).status], [401, 404], "another client's");
  },
  grant_management_action_required: async (value) => {
    assert.deepEqual([value, (await push(usual, {})).status], [false, 201]);
  },
  grant_management_actions_supported: async (listed) => {
    const first = (await link(manager)).tokens;
    await each(
      listed,
      ["create", "merge", "replace", "update"],
      async (grant_management_action) => {
        const of = grant_management_action === "create" ? {} : { grant_id: first.grant_id };
        const { tokens } = await link(manager, { grant_management_action, ...of });
        assert.equal(tokens.grant_id === first.grant_id, grant_management_action !== "create", grant_management_action);
      },
      async (grant_management_action) =>
        isRefusal(await push(manager, { grant_management_action, grant_id: first.grant_id }), "invalid_request"),
    );
  },
  jwks_uri: async (url) => {
    const { keys } = await (await fetch(url)).json();
    const algs = keys.map((key) => key.alg);
    for (const member of SIGNED) assert.deepEqual(about[member].filter((alg) => !algs.includes(alg)), [], member);
  },
  mtls_endpoint_aliases: async (aliases) => {
    const others = ["authorization_endpoint", "registration_endpoint"]; // nobody proves there who they are by a certificate
    const called = Object.keys(about).filter((name) => name.endsWith("_endpoint") && !others.includes(name));
    assert.deepEqual(Object.keys(aliases).sort(), called.sort());
    const shows = await known("tls_client_auth");
    for (const [endpoint, [form]] of Object.entries(CALLS)) {
      await serves(endpoint, aliases[`${endpoint}_endpoint`], shows());
      isRefusal(await post(about[`${endpoint}_endpoint`], form, { fields: shows().fields }), "invalid_client");
    }
    // Pushed, redeemed and asked about the person, all there.
    const fapi = await enter("fapi2-mtls-mtls");
    const { tokens } = await link(fapi);
    await oidc.fetchUserInfo(fapi.config, tokens.access_token, tokens.claims().sub);
  },
  tls_client_certificate_bound_access_tokens: async (value) => {
    const { tokens } = await link(await enter("fapi2-jwt-mtls"));
    const told = await post(about.introspection_endpoint, { token: tokens.access_token }, basic("accounts-api", "accounts-api-secret"));
    assert.deepEqual([value, Object.keys(told.body.cnf)], [true, ["x5t#S256"]]);
  },

  response_types_supported: (listed) =>
    each(
      listed,
      ["code", "token", "id_token", "code id_token", "code token", "id_token token", "code id_token token", "none"],
      () => assert.ok(linked.back.searchParams.has("code")),
      async (response_type) => {
        isRefusal(await push(usual, { response_type }), "unsupported_response_type");
        unregistrable({ response_types: [response_type] });
      },
    ),
  response_modes_supported: (listed) =>
    each(
      listed,
      MODES,
      async (response_mode) => {
        const { url } = await ask(usual, { response_mode });
        const back = await walk(usual, url);
        assert.equal(back instanceof Request, response_mode.startsWith("form_post"));
        const brought = back instanceof Request ? new URLSearchParams(await back.text()) : back.searchParams;
        const told = response_mode.endsWith("jwt") ? decodeJwt(brought.get("response")) : Object.fromEntries(brought);
        assert.ok(told.code && told.iss === about.issuer && (told.aud ?? usual.record.client_id) === usual.record.client_id);
      },
      async (response_mode) => isRefusal(await push(usual, { response_mode }), "invalid_request"),
    ),
  authorization_response_iss_parameter_supported: async (value) => {
    const { to } = await visit(usual, { prompt: "none" });
    assert.deepEqual([value, to.searchParams.get("error"), to.searchParams.get("iss")], [true, "login_required", about.issuer]);
  },
  grant_types_supported: (listed) =>
    each(
      listed,
      ["authorization_code", "refresh_token", "client_credentials", "implicit", "password", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:openid:params:grant-type:ciba"],
      (type) =>
        ({
          authorization_code: () => assert.ok(linked.tokens.access_token),
          refresh_token: () => oidc.refreshTokenGrant(usual.config, linked.tokens.refresh_token),
          client_credentials: async () => serves("token", about.token_endpoint, await (await known("client_secret_basic"))()),
        })[type](),
      async (grant_type) => {
        isRefusal(await post(about.token_endpoint, { grant_type }, basic(usual.record.client_id)), "unsupported_grant_type");
        unregistrable({ grant_types: [grant_type] });
      },
    ),
  authorization_details_types_supported: (listed) =>
    each(
      listed,
      ["account_information", "payment_initiation"],
      async (type) => assert.equal((await push(usual, { authorization_details: JSON.stringify([{ type }]) })).status, 201),
      async (type) => isRefusal(await push(usual, { authorization_details: JSON.stringify([{ type }]) }), "invalid_authorization_details"),
    ),
  scopes_supported: async (listed) => {
    const fapi = await enter("fapi2-jwt-dpop");
    await each(
      listed,
      ["openid", "accounts", "transactions", "offline_access", ...OWN, "payments", "profile"],
      // What a client has for itself is not among what a customer gave: `status` (see CALLS), and what opens /ssf and /oauth/grants.
      (scope) => assert.ok(OWN.includes(scope) || linked.tokens.scope.split(" ").includes(scope), scope),
      (scope) => ask(fapi, { scope: `accounts ${scope}` }).then(assert.fail, (why) => assert.equal(why.error, "invalid_scope")),
    );
  },
  code_challenge_methods_supported: (listed) =>
    each(
      listed,
      ["S256", "plain"],
      async (code_challenge_method) => assert.equal((await push(usual, { code_challenge_method })).status, 201),
      async (code_challenge_method) => isRefusal(await push(usual, { code_challenge_method }), "invalid_request"),
    ),
  require_pushed_authorization_requests: async (value) => {
    assert.deepEqual([value, (await visit(usual)).to.pathname.endsWith("/account")], [false, true]);
    const must = app({ require_pushed_authorization_requests: true });
    assert.equal((await visit(must)).to.searchParams.get("error"), "invalid_request");
  },
  request_parameter_supported: async (value) => {
    // By value from who registered for it: below. From anybody else it is said to be so.
    const { to } = await visit(usual, { request: "e30.e30." });
    assert.deepEqual([value, to.searchParams.get("error")], [true, "request_not_supported"]);
  },
  request_object_signing_alg_values_supported: (listed) =>
    each(
      listed,
      ALGS,
      async (alg) => {
        const { publicKey, privateKey } = await generateKeyPair(alg);
        const jwk = { ...(await exportJWK(publicKey)), kid: "own", alg, use: "sig" };
        const of = app({ request_object_signing_alg: alg, jwks: { keys: [jwk] } });
        const asked = await ask(of);
        const url = await oidc.buildAuthorizationUrlWithJAR(of.config, asked.url.searchParams, { key: privateKey, kid: "own" });
        assert.deepEqual([...url.searchParams.keys()].sort(), ["client_id", "request"]);
        assert.ok((await redeem(of, asked, await walk(of, url))).access_token);
      },
      (request_object_signing_alg) => unregistrable({ request_object_signing_alg }),
    ),
  require_signed_request_object: async (value) => {
    const { publicKey } = await generateKeyPair("ES256");
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "own" }] };
    const { to } = await visit(app({ require_signed_request_object: true, jwks }));
    assert.deepEqual([value, to.searchParams.get("error")], [false, "invalid_request"]);
  },
  request_uri_parameter_supported: async (value) => {
    assert.equal(value, false);
    const answer = await push(usual, { request_uri: "https://app.example/request" });
    assert.equal(answer.status, 400, answer.text);
  },
  claims_parameter_supported: async (value) => {
    const acr = (demand) => JSON.stringify({ id_token: { acr: { essential: true, ...demand } } });
    const { tokens } = await link(app(), { claims: acr() });
    assert.deepEqual([value, typeof tokens.claims().acr], [true, "string"]);
    const { to } = await visit(usual, { claims: acr({ value: "urn:else" }) });
    assert.equal(to.searchParams.get("error"), "unmet_authentication_requirements");
  },
  prompt_values_supported: (listed) =>
    each(
      listed,
      ["none", "login", "consent", "select_account", "create"],
      async (prompt) => {
        const { to } = await visit(usual, { prompt });
        assert.equal(prompt === "none" ? to.searchParams.get("error") : to.pathname.split("/").pop(), prompt === "none" ? "login_required" : "account");
      },
      async (prompt) => isRefusal(await push(usual, { prompt }), "invalid_request"),
    ),

  token_endpoint_auth_methods_supported: methods("token"),
  introspection_endpoint_auth_methods_supported: methods("introspection"),
  revocation_endpoint_auth_methods_supported: methods("revocation"),
  token_endpoint_auth_signing_alg_values_supported: assertions("token"),
  introspection_endpoint_auth_signing_alg_values_supported: assertions("introspection"),
  revocation_endpoint_auth_signing_alg_values_supported: assertions("revocation"),
  dpop_signing_alg_values_supported: (listed) =>
    each(
      listed,
      ALGS,
      async (alg) => assert.equal((await proved(alg)).body.token_type, "DPoP"),
      async (alg) => isRefusal(await proved(alg), "invalid_dpop_proof"),
    ),

  subject_types_supported: async (listed) => {
    const { tokens } = await link(app({ redirect_uris: [model.redirect_uri] }));
    assert.ok(tokens.claims().sub !== claims.sub, "another app knows the person by another name");
    await each(listed, ["pairwise", "public"], () => {}, (subject_type) => unregistrable({ subject_type }));
  },
  id_token_signing_alg_values_supported: signs("id_token_signed_response_alg", async (members) => (await link(app(members))).tokens.id_token),
  userinfo_signing_alg_values_supported: signs("userinfo_signed_response_alg", async (members) => {
    const { tokens } = await link(app(members));
    return (await fetch(about.userinfo_endpoint, { headers: { authorization: `Bearer ${tokens.access_token}` } })).text();
  }),
  authorization_signing_alg_values_supported: signs("authorization_signed_response_alg", async (members) => {
    const of = app(members);
    return (await walk(of, (await ask(of, { response_mode: "jwt" })).url)).searchParams.get("response");
  }),
  introspection_signing_alg_values_supported: signs("introspection_signed_response_alg", async (members) => {
    const { headers } = (await known("client_secret_basic", "ES256", members))();
    const accept = { ...headers, accept: "application/token-introspection+jwt" };
    return (await post(about.introspection_endpoint, { token: linked.tokens.access_token }, { headers: accept })).text;
  }),
  claims_supported: (listed) => {
    const header = decodeProtectedHeader(linked.tokens.id_token);
    assert.ok(header.kid && header.alg);
    assert.deepEqual(Object.keys(claims).sort(), [...listed].sort());
  },
  acr_values_supported: async (listed) => {
    assert.deepEqual(listed, [claims.acr]);
    assert.equal((await link(app(), { acr_values: listed.join(" ") })).tokens.claims().acr, claims.acr);
  },
  ui_locales_supported: async (listed) => {
    const speaks = async (ui_locales) => {
      const { url } = await ask(usual, { ui_locales });
      const first = await fetch(url, { redirect: "manual" });
      const headers = { cookie: first.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ") };
      return (await (await fetch(new URL(first.headers.get("location"), url), { headers })).text()).match(/<html lang="(..)"/)[1];
    };
    await each(listed, ["ja", "en", "fr"], async (of) => assert.equal(await speaks(of), of), async (of) => assert.equal(await speaks(of), "ja"));
  },
  op_tos_uri: is("https://minato.example/api/terms"),
};

/** A token for a client itself, with a proof of this algorithm. */
async function proved(alg) {
  const shown = (await known("client_secret_basic"))();
  const made = alg === "HS256" || alg === "none" ? undefined : await generateKeyPair(alg);
  const header = { typ: "dpop+jwt", alg, jwk: made ? await exportJWK(made.publicKey) : { kty: "oct", k: "c2VjcmV0" } };
  const [form] = CALLS.token;
  let nonce;
  for (const _ of [1, 2]) {
    const proof = { jti: randomUUID(), htm: "POST", htu: about.token_endpoint, iat: Math.floor(Date.now() / 1000), nonce };
    const parts = [header, proof].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
    const jws = made ? await new SignJWT(proof).setProtectedHeader(header).sign(made.privateKey) : `${parts.join(".")}.${alg === "none" ? "" : "c2ln"}`;
    const answer = await post(about.token_endpoint, form, { headers: { ...shown.headers, dpop: jws } });
    if (answer.body.error !== "use_dpop_nonce") return answer;
    nonce = answer.nonce;
  }
}

assert.deepEqual(Object.keys(about).sort(), Object.keys(CASES).sort(), "each member has its case");
for (const [member, value] of Object.entries(about)) {
  await Promise.resolve()
    .then(() => CASES[member](value))
    .catch((why) => {
      throw new Error(`${member}: ${why.message}`, { cause: why });
    });
}
