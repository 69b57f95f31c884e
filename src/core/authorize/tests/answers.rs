//! Answers to the app: RFC 6749 §4.1.2 and §4.1.2.1, RFC 9207 §2, JARM §2.1, Form Post Response Mode §2.

use super::ruled::client;
use super::*;
use crate::keys::jose::{self, Alg};
use proptest::prelude::*;
use serde_json::{Value, json};

fn fields(answer: &AuthorizationResponse) -> Vec<(String, String)> {
    match answer {
        AuthorizationResponse::Redirect { url } => {
            let query = url.split_once('?').unwrap().1;
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
        }
        AuthorizationResponse::FormPost { fields, .. } => {
            fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect()
        }
    }
}
fn answer(request: &AuthorizationRequest, outcome: &Outcome) -> AuthorizationResponse {
    client_response(&client("fapi2", &json!({})), request, outcome)
}
fn denied() -> Outcome {
    Outcome::Refused(Refusal::new(ErrorCode::AccessDenied, "the customer refused"))
}

#[test]
fn a_code_comes_with_state_and_iss_and_nothing_else() {
    let code = issue(SecretKind::Code, &SeededRandom::new(1));
    let told = answer(&request(), &Outcome::Code(code.clone()));
    let AuthorizationResponse::Redirect { url } = &told else { panic!() };
    assert!(url.starts_with("https://app.example/cb?code=rk_ac_"), "{url}");
    let names: Vec<String> = fields(&told).into_iter().map(|(k, _)| k).collect();
    assert_eq!(names, ["code", "state", "iss"], "RFC 6749 4.1.2, RFC 9207 2");
    assert!(fields(&told).contains(&("iss".into(), ISSUER.into())), "RFC 9207 2");
    assert!(!format!("{told:?}").contains(code.reveal()), "a code is not printed");
}

#[test]
fn an_error_comes_with_state_and_iss_too() {
    let names: Vec<String> = fields(&answer(&request(), &denied())).into_iter().map(|(k, _)| k).collect();
    assert_eq!(names, ["error", "error_description", "state", "iss"], "RFC 6749 4.1.2.1, RFC 9207 2");
    let stateless = AuthorizationRequest { state: None, ..request() };
    assert!(!fields(&answer(&stateless, &denied())).iter().any(|(k, _)| k == "state"));
}

#[test]
fn the_registered_query_is_kept() {
    for (registered, joint) in [
        ("https://app.example/cb", "https://app.example/cb?error="),
        ("https://app.example/cb?bank=1&x=%20", "https://app.example/cb?bank=1&x=%20&error="),
        ("https://app.example/cb?", "https://app.example/cb?error="),
        ("https://app.example/cb?a=1&", "https://app.example/cb?a=1&error="),
        ("https://app.example", "https://app.example?error="),
        ("http://127.0.0.1:9999/callback", "http://127.0.0.1:9999/callback?error="),
    ] {
        let request = AuthorizationRequest { redirect_uri: registered.into(), ..request() };
        let AuthorizationResponse::Redirect { url } = answer(&request, &denied()) else { panic!() };
        assert!(url.starts_with(joint), "RFC 6749 3.1.2: {registered} became {url}");
    }
}

#[test]
fn a_form_post_goes_to_the_same_place_with_the_same_fields() {
    let request = AuthorizationRequest { response_mode: ResponseMode::FormPost, ..request() };
    let told = answer(&request, &denied());
    let AuthorizationResponse::FormPost { action, .. } = &told else { panic!() };
    assert_eq!(*action, request.redirect_uri);
    assert_eq!(fields(&told), fields(&answer(&super::request(), &denied())));
}

/// The one thing in a signed answer, verified as the client would (JARM §2.4).
fn verified_response(answer: &AuthorizationResponse, alg: Alg) -> Value {
    let [(name, response)] = <[_; 1]>::try_from(fields(answer)).unwrap();
    assert_eq!(name, "response", "JARM 2.3.1: only `response`");
    let jws = jose::verify(&response, &ring().public(), &[alg]).unwrap();
    assert!(jws.header.kid.is_some(), "RFC 7515 4.1.4: kid");
    Value::Object(jws.claims.0)
}

#[test]
fn a_signed_answer_holds_everything_and_is_for_one_client() {
    let code = issue(SecretKind::Code, &SeededRandom::new(2));
    for (profile, more, alg, why) in [
        ("fapi2", json!({}), Alg::Es256, "FAPI 2.0 5.4.1"),
        ("fapi2_message_signing", json!({"authorization_signed_response_alg": "PS256"}), Alg::Ps256, "as registered"),
        ("oidc", json!({}), Alg::Rs256, "JARM 3: the default"),
        ("oidc", json!({"authorization_signed_response_alg": "EdDSA"}), Alg::EdDsa, "as registered"),
    ] {
        let client = client(profile, &more);
        for (mode, posted) in
            [(ResponseMode::Jwt, false), (ResponseMode::QueryJwt, false), (ResponseMode::FormPostJwt, true)]
        {
            let request = AuthorizationRequest { response_mode: mode, ..request() };
            let good = client_response(&client, &request, &Outcome::Code(code.clone()));
            assert_eq!(matches!(good, AuthorizationResponse::FormPost { .. }), posted, "{}", mode.as_str());
            let claims = verified_response(&good, alg);
            let wanted = json!({
                "code": code.reveal(), "state": "st", "iss": ISSUER, "aud": client.id.as_str(), "exp": 1_000_300,
            });
            assert_eq!(claims, wanted, "JARM 2.1, {why}");
            let claims = verified_response(&client_response(&client, &request, &denied()), alg);
            assert_eq!((&claims["error"], &claims["state"]), (&json!("access_denied"), &json!("st")), "JARM 2.1");
            assert_eq!(claims.as_object().unwrap().len(), 6, "JARM 2.1: {claims}");
        }
    }
}

#[test]
fn the_registered_query_is_kept_beside_a_signed_answer() {
    let request = AuthorizationRequest {
        redirect_uri: "https://app.example/cb?bank=1".into(),
        response_mode: ResponseMode::Jwt,
        ..request()
    };
    let AuthorizationResponse::Redirect { url } = answer(&request, &denied()) else { panic!() };
    assert!(url.starts_with("https://app.example/cb?bank=1&response=ey"), "RFC 6749 3.1.2: {url}");
}

proptest! {
    /// Whatever an app puts into `state` comes back to it unchanged, adds no parameter and breaks no header.
    #[test]
    fn state_is_carried_unread(state in ".{1,200}") {
        let asked = AuthorizationRequest { state: Some(state.clone()), ..request() };
        let told = answer(&asked, &denied());
        let AuthorizationResponse::Redirect { url } = &told else { panic!() };
        prop_assert!(url.bytes().all(|b| b.is_ascii_graphic()));
        let got = fields(&told);
        prop_assert_eq!(got.len(), 4);
        prop_assert_eq!(&got[2], &("state".to_owned(), state));
    }

    /// A description that names something of the caller's cannot break a header or a log line (RFC 6749 §4.1.2.1).
    #[test]
    fn descriptions_are_one_line_of_ascii(text in any::<String>()) {
        let refusal = Refusal::naming(ErrorCode::InvalidRequest, &text);
        let told = answer(&request(), &Outcome::Refused(refusal));
        let allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
        prop_assert!(fields(&told)[1].1.chars().all(allowed));
    }
}
