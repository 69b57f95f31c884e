//! RFC 8725: signatures that say how they want to be checked. Every trick at the two doors that take one before anybody is
//! known: the client assertion at PAR and the DPoP proof at the token endpoint.

use super::on_sqlite;
use crate::support::app::App;
use crate::support::http::{Answer, RequestParts};
use crate::support::jws::{Key, b64};
use crate::support::town::Town;
use serde_json::{Value, json};

on_sqlite!(
    a_header_does_not_choose_how_it_is_checked,
    a_key_that_comes_along_is_not_believed,
    a_token_of_one_kind_is_not_one_of_another,
    the_same_words_in_other_letters_are_another_token,
);

/// The answer to a push with this assertion.
async fn push(w: &Town, app: &App, assertion: &str) -> Answer {
    let (_, fields) = app.request("accounts");
    let mut form: Vec<(String, String)> = fields.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    form.push(("client_assertion_type".into(), kind.into()));
    form.push(("client_assertion".into(), assertion.into()));
    w.http.send("POST", "/oauth/par", RequestParts::default().form(&form)).await
}

/// The answer to a code nobody has, with this proof: what is wrong with the proof is said before the code is looked at.
async fn prove(w: &Town, app: &App, proof: &str) -> Answer {
    let mut form: Vec<(String, String)> =
        vec![("grant_type".into(), "authorization_code".into()), ("code".into(), "x".into())];
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    form.push(("client_assertion_type".into(), kind.into()));
    form.push(("client_assertion".into(), app.assertion(|_| {})));
    w.http.send("POST", "/oauth/token", RequestParts::default().header("dpop", proof).form(&form)).await
}

fn hmac(secret: &[u8], header: &Value, claims: &Value) -> String {
    let input = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
    format!("{input}.{}", b64(renkei_core::secret::hmac_sha256(secret, input.as_bytes())))
}

fn claims_of(app: &App) -> Value {
    crate::support::jws::claims(&app.assertion(|_| {}))
}
fn key_of(app: &App) -> Key {
    let crate::support::app::Credential::Jwt(key, _) = &app.credential else { panic!("a key") };
    key.clone()
}

async fn a_header_does_not_choose_how_it_is_checked(w: &Town) {
    let app = w.creco();
    let (key, jwk) = (key_of(&app), key_of(&app).jwk());
    let point = [vec![4], decoded(&jwk["x"]), decoded(&jwk["y"])].concat();
    let mut tokens: Vec<(String, String)> = Vec::new();
    for alg in [
        "none", "None", "NONE", "nOnE", "", "ES256 ", "es256", "ES384", "ES256K", "EdDSA", "PS256", "RS256", "ES512",
        "HS256",
    ] {
        let header = json!({"alg": alg, "kid": "creco-1"});
        let signed = key.sign(header.clone(), &claims_of(&app));
        let (message, _) = signed.rsplit_once('.').unwrap();
        tokens.push((format!("{alg:?}, truly signed"), signed.clone()));
        tokens.push((format!("{alg:?}, no signature"), format!("{message}.")));
        tokens.push((format!("{alg:?}, the dot left out"), message.to_owned()));
    }
    for alg in [json!(null), json!(["ES256"]), json!({"alg": "ES256"}), json!(1), json!(true)] {
        tokens.push((format!("alg {alg}"), key.sign(json!({"alg": alg, "kid": "creco-1"}), &claims_of(&app))));
    }
    // The public key as the secret of an HMAC, in every form somebody may keep it.
    for (form, secret) in [
        ("JSON", jwk.to_string().into_bytes()),
        ("the point", point.clone()),
        ("x", decoded(&jwk["x"])),
        ("x in base64url", jwk["x"].as_str().unwrap().as_bytes().to_vec()),
        ("nothing", Vec::new()),
    ] {
        for alg in ["HS256", "HS384", "ES256", "none"] {
            let header = json!({"alg": alg, "kid": "creco-1"});
            tokens.push((format!("{alg} under {form}"), hmac(&secret, &header, &claims_of(&app))));
        }
    }
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("crit", json!(null)),
    ] {
        tokens.push((format!("{name} {value}"), key.sign(json!({"kid": "creco-1", name: value}), &claims_of(&app))));
    }
    for (why, token) in tokens {
        push(w, &app, &token).await.refused(401, "invalid_client");
        let header = jws_header(&token);
        if header == json!({"alg": "ES256", "kid": "creco-1"}) {
            continue; // truly signed, this header is as it should be
        }
        let mut proof = json!({"typ": "dpop+jwt", "jwk": app.dpop.as_ref().unwrap().jwk()});
        for (name, value) in header.as_object().into_iter().flatten().filter(|(n, _)| *n != "kid") {
            proof[name] = value.clone();
        }
        let claims =
            crate::support::jws::claims(&app.proof("POST", &format!("{}/oauth/token", w.http.issuer), None, None));
        let signed = app.dpop.as_ref().unwrap().sign(proof, &claims);
        let answer = prove(w, &app, &signed).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_dpop_proof")), "{why}");
    }
    push(w, &app, &app.assertion(|_| {})).await.expect(201);
    let good = app.proof("POST", &format!("{}/oauth/token", w.http.issuer), None, None);
    prove(w, &app, &good).await.refused(400, "invalid_grant");
}

fn decoded(text: &Value) -> Vec<u8> {
    renkei_core::secret::from_base64url(text.as_str().unwrap()).unwrap()
}
fn jws_header(token: &str) -> Value {
    serde_json::from_slice(&renkei_core::secret::from_base64url(token.split('.').next().unwrap()).unwrap()).unwrap()
}

/// `jku`, `x5u`, `x5c`, `jwk`, and a `kid` that is more than a name: the attacker's key stays the attacker's.
async fn a_key_that_comes_along_is_not_believed(w: &Town) {
    let (app, evil) = (w.creco(), Key::generate());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://127.0.0.1:{}/jwks", listener.local_addr().unwrap().port());
    let with_kid = |mut jwk: Value, kid: &str| {
        jwk["kid"] = json!(kid);
        jwk
    };
    for header in [
        json!({"kid": "creco-1"}),
        json!({"kid": "creco-1", "jwk": with_kid(evil.jwk(), "creco-1")}),
        json!({"jwk": evil.jwk()}),
        json!({"kid": "creco-1", "jku": url}),
        json!({"kid": "creco-1", "x5u": url}),
        json!({"kid": "creco-1", "x5c": ["MIIB"]}),
        json!({"kid": "creco-1", "x5t": "AAAA", "x5t#S256": "AAAA"}),
        json!({"kid": url}),
        json!({"kid": "../../../../../../dev/null"}),
        json!({"kid": "creco-1' or '1'='1"}),
        json!({"kid": "'; drop table clients; --"}),
        json!({"kid": "creco-1\u{0}"}),
        json!({"kid": ""}),
        json!({"kid": "k".repeat(8_000)}),
        json!({"kid": null}),
        json!({"kid": ["creco-1"]}),
        json!({"kid": {"$ne": ""}}),
    ] {
        push(w, &app, &evil.sign(header.clone(), &claims_of(&app))).await.refused(401, "invalid_client");
    }
    // The right key under another client's name, and under a name that is nobody's.
    for (iss, sub) in [
        ("kakeibo", "kakeibo"),
        ("creco", "kakeibo"),
        ("kakeibo", "creco"),
        ("nobody", "nobody"),
        ("CRECO", "CRECO"),
        ("creco ", "creco "),
    ] {
        let token = app.assertion(|c| (c["iss"], c["sub"]) = (json!(iss), json!(sub)));
        push(w, &app, &token).await.refused(401, "invalid_client");
    }
    // A proof is made with the very key inside it, and with nothing but a public one.
    let own = app.dpop.clone().unwrap();
    let claims =
        || crate::support::jws::claims(&app.proof("POST", &format!("{}/oauth/token", w.http.issuer), None, None));
    let with = |name: &str, value: Value| {
        let mut jwk = own.jwk();
        jwk[name] = value;
        own.sign(json!({"typ": "dpop+jwt", "jwk": jwk}), &claims())
    };
    for (why, proof) in [
        ("another's key inside", evil.sign(json!({"typ": "dpop+jwt", "jwk": own.jwk()}), &claims())),
        ("no key inside", own.sign(json!({"typ": "dpop+jwt"}), &claims())),
        ("a key elsewhere", own.sign(json!({"typ": "dpop+jwt", "jku": url, "x5u": url}), &claims())),
        ("a private key inside", with("d", json!(b64([1; 32])))),
        ("a symmetric key inside", own.sign(json!({"typ": "dpop+jwt", "jwk": {"kty": "oct", "k": "AA"}}), &claims())),
        (
            "a symmetric key used",
            hmac(b"a", &json!({"alg": "HS256", "typ": "dpop+jwt", "jwk": {"kty": "oct", "k": "YQ"}}), &claims()),
        ),
        ("a point off the curve", with("x", json!(b64([1; 32])))),
        (
            "the point of nothing",
            own.sign(
                json!({"typ": "dpop+jwt", "jwk": {"kty": "EC", "crv": "P-256", "x": b64([0; 32]), "y": b64([0; 32])}}),
                &claims(),
            ),
        ),
        ("a list of keys", own.sign(json!({"typ": "dpop+jwt", "jwk": [own.jwk()]}), &claims())),
    ] {
        let answer = prove(w, &app, &proof).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_dpop_proof")), "{why}");
    }
    assert!(listener.accept().is_err(), "nobody went to fetch a key");
    push(w, &app, &app.assertion(|_| {})).await.expect(201);
}

/// RFC 8725 §2.8, §3.11, §3.12: assertion, proof, id_token, and tokens that are no JWT.
async fn a_token_of_one_kind_is_not_one_of_another(w: &Town) {
    let (app, oidc) = (w.creco(), w.kakeibo());
    let htu = format!("{}/oauth/token", w.http.issuer);
    let body = crate::tokens::linked(w, &oidc, "openid accounts").await;
    let (id_token, access) = (body["id_token"].as_str().unwrap(), body["access_token"].as_str().unwrap());
    for (why, token) in [
        ("a proof", app.proof("POST", &htu, None, None)),
        ("an id_token", id_token.to_owned()),
        ("an access token", access.to_owned()),
        ("a code", "rk_ac_x".to_owned()),
    ] {
        push(w, &app, &token).await.refused(401, "invalid_client");
        let answer = w.userinfo(&token).await;
        assert_eq!(answer.status == 200, why == "an access token", "{why} at userinfo");
        if why != "an access token" {
            assert_eq!(w.accounts_api().introspect(&token).await, json!({"active": false}), "{why}");
        }
    }
    for (why, token) in [
        ("an assertion", app.assertion(|_| {})),
        ("an id_token", id_token.to_owned()),
        ("an access token", access.to_owned()),
    ] {
        let answer = prove(w, &app, &token).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_dpop_proof")), "{why}");
    }
    // A request object of the same client and the same key, as any browser has seen it; and an assertion in its place.
    let object = app.request("accounts").1.into_iter().map(|(n, v)| (n.to_owned(), json!(v)));
    let mut object: serde_json::Map<String, Value> = object.collect();
    object.extend(
        [("iss", json!("creco")), ("aud", json!(w.http.issuer)), ("jti", json!("o-1"))].map(|(n, v)| (n.into(), v)),
    );
    let now = w.now().secs();
    object.extend([("nbf", json!(now)), ("iat", json!(now)), ("exp", json!(now + 60))].map(|(n, v)| (n.into(), v)));
    let sign = |typ: &str, claims: &Value| key_of(&app).sign(json!({"kid": "creco-1", "typ": typ}), claims);
    let object = Value::Object(object);
    push(w, &app, &sign("oauth-authz-req+jwt", &object)).await.refused(401, "invalid_client");
    let ask = |request: String| vec![("request".to_owned(), request)];
    for (request, taken) in [
        (sign("oauth-authz-req+jwt", &object), true),
        (app.assertion(|_| {}), false),
        (sign("client-authentication+jwt", &object), false),
        (sign("at+jwt", &object), false),
        (id_token.to_owned(), false),
    ] {
        let fields = ask(request);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = app.post("/oauth/par", &fields, false).await;
        assert_eq!(answer.status, if taken { 201 } else { 400 }, "{}", answer.body);
    }
    // One key for both purposes, as a careless app would have it: `typ` keeps them apart.
    let key = key_of(&app);
    let claims = crate::support::jws::claims(&app.proof("POST", &htu, None, None));
    let answer = prove(w, &app, &key.sign(json!({"kid": "creco-1", "jwk": key.jwk()}), &claims)).await;
    assert_eq!(answer.json()["error"], "invalid_dpop_proof", "no typ");
    let answer =
        push(w, &app, &key.sign(json!({"kid": "creco-1", "typ": "dpop+jwt", "jwk": key.jwk()}), &claims)).await;
    answer.refused(401, "invalid_client");
}

/// Encodings a lax reader would take for the same: none of them lets a used token be used again.
async fn the_same_words_in_other_letters_are_another_token(w: &Town) {
    let app = w.creco();
    let fresh = || {
        let token = app.assertion(|_| {});
        let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        <[String; 3]>::try_from(parts).unwrap()
    };
    let tricks: [(&str, fn([String; 3]) -> String); 14] = [
        ("padding", |[h, c, s]| format!("{h}=.{c}=.{s}=")),
        ("a space", |[h, c, s]| format!("{h}. {c}.{s}")),
        ("a line", |[h, c, s]| format!("{h}.{c}.{s}\n")),
        ("a fourth part", |[h, c, s]| format!("{h}.{c}.{s}.AAAA")),
        ("five parts", |[h, c, s]| format!("{h}..{c}..{s}")),
        ("an empty header", |[_, c, s]| format!(".{c}.{s}")),
        ("the other alphabet", |[h, c, s]| format!("{h}.{c}.{}", s.replace('-', "+").replace('_', "/") + "+")),
        ("a signature too long", |[h, c, s]| format!("{h}.{c}.{s}AAAA")),
        ("a signature too short", |[h, c, s]| format!("{h}.{c}.{}", &s[..s.len() - 4])),
        ("a signature of zeros", |[h, c, _]| format!("{h}.{c}.{}", b64([0; 64]))),
        ("a signature in DER", |[h, c, _]| format!("{h}.{c}.{}", b64([0x30, 6, 2, 1, 1, 2, 1, 1]))),
        ("another payload", |[h, _, s]| format!("{h}.{}.{s}", b64(r#"{"iss":"creco","sub":"creco"}"#))),
        ("another header", |[_, c, s]| format!("{}.{c}.{s}", b64(r#"{"alg":"ES256","kid":"creco-1","x":1}"#))),
        ("JSON serialization", |[h, c, s]| format!(r#"{{"protected":"{h}","payload":"{c}","signature":"{s}"}}"#)),
    ];
    for (why, trick) in tricks {
        let answer = push(w, &app, &trick(fresh())).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_client")), "{why}");
    }
    // An ECDSA signature has a twin under the same key: the jti, not the letters, says that it was used.
    let token = app.assertion(|_| {});
    push(w, &app, &token).await.expect(201);
    push(w, &app, &twin(&token)).await.refused(401, "invalid_client");
    let token = app.assertion(|_| {});
    push(w, &app, &twin(&token)).await.expect(201);
    push(w, &app, &token).await.refused(401, "invalid_client");
}

/// (r, n − s): as valid as (r, s).
fn twin(token: &str) -> String {
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut signature = renkei_core::secret::from_base64url(signature).unwrap();
    let mut borrow = 0;
    for i in (0..32).rev() {
        let mut d = i16::from(N[i]) - i16::from(signature[32 + i]) - borrow;
        borrow = i16::from(d < 0);
        d += 256 * borrow;
        signature[32 + i] = u8::try_from(d).unwrap();
    }
    format!("{message}.{}", b64(signature))
}
