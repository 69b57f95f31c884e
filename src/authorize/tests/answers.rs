//! Protocol C4.1–C4.4, C4.8, C4.10.

use super::*;
use proptest::prelude::*;

fn fields(answer: &Answer) -> Vec<(String, String)> {
    match answer {
        Answer::Redirect { url } => {
            let query = url.split_once('?').unwrap().1;
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
        }
        Answer::FormPost { fields, .. } => fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
    }
}
fn denied() -> Outcome {
    Outcome::Refused(Refusal::new(Code::AccessDenied, "the customer refused"))
}

#[test]
fn a_code_comes_with_state_and_iss_and_nothing_else() {
    let code = issue(Kind::Code, &SeededRandom::new(1));
    let answer = oauth_answer(&request(), &Outcome::Code(code.clone()), ISSUER);
    let Answer::Redirect { url } = &answer else { panic!() };
    assert!(url.starts_with("https://app.example/cb?code=rk_ac_"), "{url}");
    let names: Vec<String> = fields(&answer).into_iter().map(|(k, _)| k).collect();
    assert_eq!(names, ["code", "state", "iss"], "protocol C4.2");
    assert!(fields(&answer).contains(&("iss".into(), ISSUER.into())), "RFC 9207 2");
    assert!(!format!("{answer:?}").contains(code.reveal()), "a code is not printed");
}

#[test]
fn an_error_comes_with_state_and_iss_too() {
    let names: Vec<String> = fields(&oauth_answer(&request(), &denied(), ISSUER)).into_iter().map(|(k, _)| k).collect();
    assert_eq!(names, ["error", "error_description", "state", "iss"], "protocol C4.1, C4.8");
    let stateless = Request { state: None, ..request() };
    assert!(!fields(&oauth_answer(&stateless, &denied(), ISSUER)).iter().any(|(k, _)| k == "state"));
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
        let request = Request { redirect_uri: registered.into(), ..request() };
        let Answer::Redirect { url } = oauth_answer(&request, &denied(), ISSUER) else { panic!() };
        assert!(url.starts_with(joint), "protocol C4.4: {registered} became {url}");
    }
}

#[test]
fn a_form_post_goes_to_the_same_place_with_the_same_fields() {
    let request = Request { response_mode: ResponseMode::FormPost, ..request() };
    let answer = oauth_answer(&request, &denied(), ISSUER);
    let Answer::FormPost { action, .. } = &answer else { panic!() };
    assert_eq!(*action, request.redirect_uri);
    assert_eq!(fields(&answer), fields(&oauth_answer(&super::request(), &denied(), ISSUER)));
}

proptest! {
    /// Whatever an app puts into `state` comes back to it unchanged, adds no parameter and breaks no header.
    #[test]
    fn state_is_carried_unread(state in ".{1,200}") {
        let asked = Request { state: Some(state.clone()), ..request() };
        let answer = oauth_answer(&asked, &denied(), ISSUER);
        let Answer::Redirect { url } = &answer else { panic!() };
        prop_assert!(url.bytes().all(|b| b.is_ascii_graphic()));
        let got = fields(&answer);
        prop_assert_eq!(got.len(), 4);
        prop_assert_eq!(&got[2], &("state".to_owned(), state));
    }

    /// A description that names something of the caller's cannot break a header or a log line (protocol C4.3).
    #[test]
    fn descriptions_are_one_line_of_ascii(text in any::<String>()) {
        let refusal = Refusal::naming(Code::InvalidRequest, &text);
        let answer = oauth_answer(&request(), &Outcome::Refused(refusal), ISSUER);
        let allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
        prop_assert!(fields(&answer)[1].1.chars().all(allowed));
    }
}
