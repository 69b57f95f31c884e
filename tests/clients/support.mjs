// What the programs here share: an app with the credentials the conformance profile made for it, and a customer's
// browser. Each is started as
//
//   NODE_EXTRA_CA_CERTS=FOLDER/ca.pem node PROGRAM FOLDER      (FOLDER: what config/conformance/run.mjs made)
//
// The programs know nothing of Renkei but its discovery document: they are clients as anybody writes them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { importJWK } from "jose";
import * as oidc from "openid-client";
import { Agent, fetch } from "undici";

export const folder = process.argv[2];
/** A file of the profile. */
export const read = (name) => readFileSync(`${folder}/${name}`, "utf8");
const ca = read("ca.pem");

/** The app `KIND-n` of the profile: discovery done, ready to send a customer. `metadata` is its own configuration. */
export async function enter(kind, n = 1, metadata = {}) {
  const suite = JSON.parse(read(`suite/${kind}.json`));
  const own = { 1: suite.client, 2: suite.client2, 3: suite.client_secret_post }[n];
  const record = JSON.parse(read(`clients/${own.client_id}.json`));
  const { cert, key } = { 1: suite.mtls, 2: suite.mtls2 }[n] ?? {};
  const connection = new Agent({ connect: { ca, cert, key } });
  const keys = await Promise.all((own.jwks?.keys ?? []).map(async (jwk) => ({ key: await importJWK(jwk, jwk.alg), kid: jwk.kid })));
  const auth = {
    client_secret_basic: () => oidc.ClientSecretBasic(own.client_secret),
    client_secret_post: () => oidc.ClientSecretPost(own.client_secret),
    private_key_jwt: () => oidc.PrivateKeyJwt(keys[0]),
    tls_client_auth: oidc.TlsClientAuth,
    self_signed_tls_client_auth: oidc.TlsClientAuth,
  }[record.token_endpoint_auth_method]();
  const alg = record.profile === "oidc" ? "RS256" : "ES256";
  const about = {
    use_mtls_endpoint_aliases: Boolean(cert),
    id_token_signed_response_alg: alg,
    authorization_signed_response_alg: alg,
    ...metadata,
  };
  const answers = [];
  const carry = {
    [oidc.customFetch]: async (url, init) => {
      const answer = await fetch(url, { ...init, dispatcher: connection });
      answers.push(`${new URL(url).pathname} ${answer.status}`);
      return answer;
    },
  };
  const config = await oidc.discovery(new URL(suite.server.discoveryUrl), own.client_id, about, auth, carry);
  const pair = record.dpop_bound_access_tokens && (await oidc.randomDPoPKeyPair("ES256"));
  return {
    config,
    record,
    keys,
    /** What came back so far: "/oauth/par 201". */
    answers,
    /** What every call of the library that may carry a DPoP proof is given. */
    proof: pair ? { DPoP: oidc.getDPoPHandle(config, pair) } : undefined,
    resource: suite.resource && new URL(suite.resource.resourceUrl),
    redirect_uri: record.redirect_uris?.[0],
    tasks: suite.browser[0].tasks,
  };
}

/** A whole way: pushes or builds the request, walks the screens, redeems the code. */
export async function link(app, parameters, walked) {
  const asked = await ask(app, parameters);
  const back = await walk(app, asked.url, walked);
  return { ...asked, back, tokens: await redeem(app, asked, back) };
}
/** The authorization request of an app: pushed (RFC 9126) where its profile is FAPI's. */
export async function ask({ config, record, keys, redirect_uri, proof }, parameters = {}) {
  const verifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const nonce = record.scope.includes("openid") ? oidc.randomNonce() : undefined;
  const wanted = {
    redirect_uri,
    scope: record.scope,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    ...(nonce && { nonce }),
    ...parameters,
  };
  // FAPI 2.0 Message Signing: what is pushed is signed (RFC 9101).
  const signed = record.profile === "fapi2_message_signing";
  const sent = signed ? (await oidc.buildAuthorizationUrlWithJAR(config, wanted, keys[0])).searchParams : wanted;
  const build = record.profile === "oidc" ? oidc.buildAuthorizationUrl : oidc.buildAuthorizationUrlWithPAR;
  return { url: await build(config, sent, proof), verifier, state, nonce };
}

/** The code of an answer, redeemed. */
export function redeem({ config, proof }, { verifier, state, nonce }, back) {
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
  return oidc.authorizationCodeGrant(config, back, { ...checks, idTokenExpected: Boolean(nonce) }, {}, proof);
}

/** What the resource server says to the holder of a token. */
export async function call({ config, resource, proof }, token, at = resource) {
  const answer = await oidc.fetchProtectedResource(config, token, at, "GET", undefined, undefined, proof);
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

/** What a library throws when the server refuses, looked at. */
export async function refused(work, error, status = 400) {
  const why = await work.then(() => assert.fail(`${error} was expected`), (why) => why);
  assert.deepEqual([why.error, why.status], [error, status], why.stack);
}

/** What the institution's staff types. */
export function staff(...words) {
  const said = execFileSync(process.argv[3], ["--json", ...words, "--config", `${folder}/renkei.toml`], { encoding: "utf8", stdio: "pipe" });
  return JSON.parse(said);
}

// ---- the customer's browser -----------------------------------------------------------------------------------------------

/**
 * Walks the screens as the suite's browser does, by the same commands, without script; returns where the app's address
 * was reached: a URL, or a Request where the answer was posted. `commands` replaces those of single tasks.
 */
export async function walk({ tasks, redirect_uri }, url, commands = {}) {
  const browser = new Browser(redirect_uri);
  await browser.open(url.href);
  for (const { task, match, commands: usual } of tasks) {
    if (browser.back || !like(match, browser.url)) continue;
    for (const command of commands[task] ?? usual) await browser.do(command);
  }
  assert.ok(browser.back, `the customer came no further than ${browser.url}: ${text(browser.page)}`);
  return browser.back;
}
/** Whether a task of the suite's browser is meant for an address. */
export const like = (pattern, url) => new RegExp(`^${pattern.split("*").map((p) => p.replace(/[.?+]/g, "\\$&")).join(".*")}$`).test(url);
const text = (html) => html.replace(/<(style|script).*?<\/\1>|<[^>]*>/gs, " ").replace(/\s+/g, " ");
const unescape = (value) => value.replace(/&(?:quot|#34|#x22);/g, '"').replace(/&#x27;|&#39;/g, "'").replace(/&#x2F;/g, "/").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
const attribute = (tag, name) => {
  const found = tag.match(new RegExp(`\\s${name}="([^"]*)"`));
  return found && unescape(found[1]);
};

class Browser {
  connection = new Agent({ connect: { ca } });
  cookies = new Map();
  typed = new Map();
  constructor(home) {
    this.home = home;
  }

  async open(url, form) {
    this.typed.clear();
    for (let hops = 0; hops < 10; hops++) {
      const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = { cookie, ...(form && { origin: new URL(url).origin }) };
      const init = { method: form ? "POST" : "GET", body: form, headers, redirect: "manual", dispatcher: this.connection };
      const answer = await fetch(url, init);
      for (const line of answer.headers.getSetCookie()) {
        const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
        value ? this.cookies.set(name, value) : this.cookies.delete(name);
      }
      const next = answer.headers.get("location");
      this.url = url;
      this.page = await answer.text();
      if (!next) break;
      form = undefined;
      url = new URL(next, url).href;
      if (url.startsWith(this.home)) return void (this.back = new URL(url));
    }
    // form_post: a page that sends itself to the app.
    const [posts] = this.page.match(/<form .*?<\/form>/s) ?? [];
    const action = posts && attribute(posts, "action");
    if (action?.startsWith(this.home) && this.page.includes("<script")) {
      this.back = new Request(action, { method: "POST", body: this.fields(posts) });
    }
  }

  /** One command of the suite's: ["text", "id", "branch", "115"]. */
  async do([verb, by, target, value]) {
    const element = this.find(by, target);
    assert.ok(element, `no ${by} ${target} at ${this.url}: ${text(this.page)}`);
    const [tag, at] = element;
    if (verb === "text") this.typed.set(attribute(tag, "name"), value);
    if (verb !== "click") return;
    if (tag.startsWith("<option")) {
      const select = this.page.slice(0, at).match(/.*(<select[^>]*>)/s)[1];
      this.typed.set(attribute(select, "name"), attribute(tag, "value"));
    } else if (tag.startsWith("<input")) {
      const ticked = this.ticked(tag);
      this.typed.set(attribute(tag, "id"), ticked ? false : true);
    } else {
      const start = this.page.lastIndexOf("<form", at);
      const form = this.page.slice(start, this.page.indexOf("</form>", at));
      const body = this.fields(form);
      body.set(attribute(tag, "name"), attribute(tag, "value"));
      await this.open(new URL(attribute(form, "action"), this.url).href, body);
    }
  }

  /** The opening tag of an element, and where it stands. */
  find(by, target) {
    const [, option, chosen] = target.match(/^\/\/select\[@id='(.+)'\]\/option\[@value='(.+)'\]$/) ?? [];
    const [, name, pairs] = target.match(/^(#?\w+)((?:\[.*\])*)$/) ?? [];
    const wanted = [...(pairs ?? "").matchAll(/\[([\w-]+)='([^']*)'\]/g)];
    if (by === "id") wanted.push([, "id", target]);
    if (by === "css" && name.startsWith("#")) wanted.push([, "id", name.slice(1)]);
    const kind = by === "css" && !name.startsWith("#") ? name : option ? "option" : "\\w+";
    if (option) wanted.push([, "value", chosen]);
    const from = option ? this.page.search(new RegExp(`<select[^>]* id="${option}"`)) : 0;
    for (const found of this.page.slice(from).matchAll(new RegExp(`<${kind}\\s[^>]*>`, "g"))) {
      if (wanted.every(([, n, v]) => attribute(found[0], n) === v)) return [found[0], from + found.index];
    }
  }
  ticked(tag) {
    return this.typed.get(attribute(tag, "id")) ?? / checked\b/.test(tag);
  }
  /** What a form would send. */
  fields(form) {
    const body = new URLSearchParams();
    for (const [tag] of form.matchAll(/<(?:input|select)\s[^>]*>/g)) {
      const name = attribute(tag, "name");
      if (attribute(tag, "type") === "checkbox") {
        if (this.ticked(tag)) body.append(name, attribute(tag, "value"));
      } else {
        const [, first] = tag.startsWith("<select") ? form.slice(form.indexOf(tag)).match(/<option value="([^"]*)"/) : [];
        body.append(name, this.typed.get(name) ?? attribute(tag, "value") ?? first ?? "");
      }
    }
    return body;
  }
}
