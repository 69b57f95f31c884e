// The requests that are measured: who sends them, what they say, and how they are signed.
import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basic, form, issuer } from "../../tests/long/programs/support.mjs";
import { at } from "./machine.mjs";

/** How many clients push requests: the requests of one client that wait are counted at each of its pushes. */
const PUSHERS = 64;
export const verifier = "a-verifier-of-the-benches-that-is-no-secret-at-all";
const challenge = createHash("sha256").update(verifier).digest("base64url");
const redirect = "https://kakeibo.example/callback";

/** The key of the apps that sign; it is made once, because stores have its public half. */
export const signingKey = (() => {
  const file = at("signing.jwk");
  if (!existsSync(file)) {
    const made = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
    writeFileSync(file, JSON.stringify({ ...made, kid: "benches", alg: "ES256", use: "sig" }), { mode: 0o600 });
  }
  return JSON.parse(readFileSync(file, "utf8"));
})();
const privateKey = createPrivateKey({ key: signingKey, format: "jwk" });
const { d: _, ...publicKey } = signingKey;
const { kty, crv, x, y } = signingKey;

const provider = { name: "株式会社測定", registration_number: "関東財務局長(電代)第00号", contact: "0120-000-003" };
const unlimited = { answers_per_second: 100_000, answers_burst: 100_000, pushed_requests: 100_000 };
export const secret = (id) => `${id}-secret-of-the-benches`;
const app = (id, profile, more) => ({
  client_id: id,
  profile,
  client_name: id,
  redirect_uris: [redirect],
  scope: "openid accounts transactions offline_access",
  refresh_tokens: true,
  provider,
  ...unlimited,
  ...more,
});
const withSecret = (id) => ({ token_endpoint_auth_method: "client_secret_basic", client_secret: secret(id) });
const withKey = { token_endpoint_auth_method: "private_key_jwt", token_endpoint_auth_signing_alg: "ES256", jwks: { keys: [publicKey] }, dpop_bound_access_tokens: true, id_token_signed_response_alg: "ES256" };
/** The records, as Renkei imports them. */
export const clients = Object.fromEntries(
  [
    app("kakeibo", "oidc", withSecret("kakeibo")),
    { client_id: "accounts-api", profile: "resource_server", client_name: "口座API", resources: ["accounts-api"], ...withSecret("accounts-api") },
    app("partner", "oidc", { ...withSecret("partner"), grant_types: ["client_credentials"], redirect_uris: [], scope: "status", refresh_tokens: false }),
    ...Array.from({ length: PUSHERS }, (_, n) => app(`pusher-${n}`, "oidc", withSecret(`pusher-${n}`))),
    ...Array.from({ length: PUSHERS }, (_, n) => app(`signed-${n}`, "fapi2", withKey)),
  ].map((record) => [record.client_id, record]),
);
/** The same for node-oidc-provider. */
export const nodeClients = Object.values(clients).map(({ client_id, client_secret, redirect_uris = [], scope, profile, grant_types, jwks }) => ({
  client_id,
  client_secret,
  redirect_uris,
  ...(scope ? { scope } : {}),
  grant_types: grant_types ?? (profile === "resource_server" ? [] : ["authorization_code", "refresh_token"]),
  response_types: redirect_uris.length ? ["code"] : [],
  token_endpoint_auth_method: jwks ? "private_key_jwt" : "client_secret_basic",
  ...(jwks ? { jwks, token_endpoint_auth_signing_alg: "ES256", dpop_bound_access_tokens: true, id_token_signed_response_alg: "ES256" } : {}),
}));

const jwt = (head, claims) => {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part(head)}.${part(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
};
/** What signs one request: the client's assertion and the proof of the key (RFC 7523, RFC 9449). */
export function signed(id, aud, url) {
  const iat = Math.floor(Date.now() / 1000);
  const jti = () => randomBytes(16).toString("base64url");
  const assertion = jwt({ alg: "ES256", kid: signingKey.kid }, { iss: id, sub: id, aud, iat, nbf: iat, exp: iat + 50, jti: jti() });
  const proof = jwt({ alg: "ES256", typ: "dpop+jwt", jwk: { kty, crv, x, y } }, { htm: "POST", htu: url, iat, jti: jti() });
  return { assertion, proof };
}

export const forms = {
  authorize: (client) => ({
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: redirect,
    scope: "openid accounts transactions offline_access",
    state: "state-of-the-benches-0123456789",
    nonce: "nonce-of-the-benches-0123456789",
    code_challenge: challenge,
    code_challenge_method: "S256",
  }),
  redeem: (_, code) => ({ grant_type: "authorization_code", code, redirect_uri: redirect, code_verifier: verifier }),
  assertion: (assertion) => ({ client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", client_assertion: assertion }),
};

/** A request with columns in it: `{0}` is not encoded. */
function template(path, fields, headers) {
  const body = form(fields).replaceAll(/%7B(\d)%7D/g, "{$1}");
  const lines = [
    `POST ${path} HTTP/1.1`,
    `Host: ${new URL(issuer).host}`,
    "X-Forwarded-Proto: https",
    "Accept: application/json",
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Length: {length}",
    ...headers,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
const login = (id) => `Authorization: ${basic(id, secret(id))}`;
/** Who is measured has its own paths. */
export const paths = {
  renkei: { introspect: "/oauth/introspect", token: "/oauth/token", par: "/oauth/par", revoke: "/oauth/revoke" },
  node: { introspect: "/token/introspection", token: "/token", par: "/request", revoke: "/token/revocation" },
  hydra: { introspect: "/admin/oauth2/introspect", token: "/oauth2/token" },
};
/** Each kind of request: the request itself, what its answer is, and which columns its lines have. */
export const kinds = {
  introspect: (p) => ({ text: template(p.introspect, { token: "{0}" }, [login("accounts-api")]), contains: ['"active":true'] }),
  credentials: (p) => ({ text: template(p.token, { grant_type: "client_credentials", scope: "status" }, [login("partner")]), contains: ['"access_token":"'] }),
  redeem: (p) => ({ text: template(p.token, forms.redeem(null, "{0}"), [login("kakeibo")]), contains: ['"access_token":"', '"id_token":"'], once: true }),
  "redeem-signed": (p) => ({
    text: template(p.token, { ...forms.redeem(null, "{0}"), ...forms.assertion("{1}") }, ["DPoP: {2}"]),
    contains: ['"access_token":"', '"token_type":"DPoP"', '"id_token":"'],
    once: true,
    signs: p.token,
  }),
  refresh: (p) => ({ text: template(p.token, { grant_type: "refresh_token", refresh_token: "{0}" }, [login("kakeibo")]), contains: ['"access_token":"', '"id_token":"'] }),
  par: (p) => {
    const fields = { ...forms.authorize({ client_id: "{0}" }) };
    return { text: template(p.par, fields, ["Authorization: Basic {1}"]), contains: ['"request_uri":"'], status: 201 };
  },
  "par-signed": (p) => {
    const fields = { ...forms.authorize({ client_id: "{0}" }), ...forms.assertion("{1}") };
    return { text: template(p.par, fields, ["DPoP: {2}"]), contains: ['"request_uri":"'], status: 201, once: true, signs: p.par };
  },
  revoke: (p) => ({ text: template(p.revoke, { token: "{0}" }, [login("kakeibo")]), contains: [], once: true }),
};
/** The pushing clients, each with its secret, as lines. */
export const pushers = Array.from({ length: PUSHERS }, (_, n) => {
  const id = `pusher-${n}`;
  return `${id}\t${basic(id, secret(id)).slice("Basic ".length)}`;
});
/** `count` signed requests to `url`, as lines. Each begins with `first(n)`, and is of the client `id(n)`. */
export function signedLines(count, url, first, id) {
  return Array.from({ length: count }, (_, n) => {
    const { assertion, proof } = signed(id(n), issuer, url);
    return [first(n), assertion, proof].join("\t");
  });
}
export const signer = (n) => `signed-${n % PUSHERS}`;
