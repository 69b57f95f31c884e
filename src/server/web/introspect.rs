//! `POST /oauth/introspect` (RFC 7662 §2): the most frequent request. At most one query for the token and no write; that the link was
//! used is noted in memory. Signed only if the caller wants it (RFC 9701).

use super::client_auth;
use super::error::ApiError;
use super::extract::Form;
use super::{App, Shared};
use crate::client::Client;
use crate::params::Params;
use crate::token::TokenAndCaller;
use crate::token::introspect::{self, IntrospectedToken, Introspection, SIGNED, TYP};
use actix_web::http::header::{self, ContentType};
use actix_web::{HttpRequest, HttpResponse};

/// The handler. It ignores `token_type_hint`, because a token's prefix tells its type.
///
/// # Errors
/// RFC 7662 §2.3: only about the caller and the form. For an invalid token the response is `{"active":false}`, signed
/// or not.
pub async fn post(req: HttpRequest, app: Shared, form: Form) -> Result<HttpResponse, ApiError> {
    let (now, Form(params)) = (app.now(), form);
    let asked = params.get("token").and_then(IntrospectedToken::parse);
    let token_and_caller = match app.store.is_postgres() {
        true => Box::pin(token_and_caller(&req, &app, &params, asked)).await?,
        false => None,
    };
    let caller =
        client_auth::client_with(&req, &app, &params, token_and_caller.as_ref().map(|read| &read.version), now).await?;
    let (_, served) = (params.need("token")?, introspect::served(&params)?);
    let seen = match (asked, token_and_caller) {
        (None, _) => Introspection::Inactive,
        (Some(_), Some(read)) => introspect::of_access(read.token, &caller, now),
        (Some(asked), None) => app.recent.introspect(asked, &caller, now).await?,
    };
    app.meters.introspection(!matches!(seen, Introspection::Inactive));
    if let Some(used) = seen.used(&caller, served) {
        app.uses.note(used, served, now);
    }
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    let accept = || req.headers().get_all(header::ACCEPT).filter_map(|line| line.to_str().ok());
    if !signed(accept, &caller) {
        return Ok(answer.content_type(ContentType::json()).body(seen.text(app.issuer())));
    }
    let claims = seen.claims(app.issuer(), &caller.id, now);
    let jwt = Box::pin(app.keys.sign(introspect::alg(&caller), Some(TYP), claims)).await?;
    Ok(answer.content_type(SIGNED).body(jwt))
}

/// On PostgreSQL, what one statement says of the token and of the caller that the request names. Whether the caller is who it says is
/// checked afterwards, with what was read.
async fn token_and_caller(
    req: &HttpRequest,
    app: &App,
    params: &Params,
    asked: Option<IntrospectedToken>,
) -> Result<Option<TokenAndCaller>, ApiError> {
    let Some(IntrospectedToken::Access(hash)) = asked else { return Ok(None) };
    let Some(caller) = client_auth::named(req, params) else { return Ok(None) };
    Ok(Some(app.recent.with_caller(&hash, &caller).await?))
}

/// Whether the response is signed. If `Accept` names one of the two types (RFC 9701 §4, RFC 9110 §12.5.1), the one with
/// the higher weight, the signed one if they are equal; otherwise as the caller's record says.
fn signed<'a, I: Iterator<Item = &'a str>>(accept: impl Fn() -> I, caller: &Client) -> bool {
    match (weight(accept(), SIGNED), weight(accept(), "application/json")) {
        (None, None) => caller.introspection_alg.is_some(),
        (signed, plain) => signed.unwrap_or(0) > 0 && signed >= plain,
    }
}

/// The weight of a type that `Accept` names, in thousandths.
fn weight<'a>(accept: impl Iterator<Item = &'a str>, name: &str) -> Option<u32> {
    let ranges = accept.flat_map(|line| line.split(','));
    let named = ranges.filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        parts.next().filter(|t| t.eq_ignore_ascii_case(name))?;
        let q = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
        Some(q.map_or(1000, thousandths))
    });
    named.max()
}

/// `0.5` as 500 (RFC 9110 §12.4.2); an invalid weight is 0.
fn thousandths(q: &str) -> u32 {
    let (whole, part) = q.split_once('.').unwrap_or((q, ""));
    let digits = part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    match (whole, format!("{part:0<3}").parse()) {
        ("0", Ok(part)) if digits => part,
        ("1", Ok(0)) if digits => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Any header gets a weight between 0 and 1000.
        #[test]
        fn no_header_makes_it_panic(q in "\\PC{0,12}", lines in prop::collection::vec(any::<String>(), 0..4)) {
            prop_assert!(thousandths(&q) <= 1000);
            let named = weight([&*format!("{SIGNED};q={q}"), &lines.join(",")].into_iter(), SIGNED);
            prop_assert!(named.is_some_and(|w| w <= 1000));
        }
    }

    #[test]
    fn a_header_names_what_it_likes() {
        let like = |line: &str| (weight([line].into_iter(), SIGNED), weight([line].into_iter(), "application/json"));
        for (line, want) in [
            ("", (None, None)),
            ("*/*", (None, None)),
            ("application/*", (None, None)),
            ("application/token-introspection+jwt", (Some(1000), None)),
            ("Application/Token-Introspection+JWT", (Some(1000), None)),
            ("application/json, application/token-introspection+jwt;q=0.5", (Some(500), Some(1000))),
            ("application/json;charset=utf-8;q=0.25,text/html", (None, Some(250))),
            ("application/token-introspection+jwt;q=0", (Some(0), None)),
            ("application/token-introspection+jwt;q=2", (Some(0), None)),
            ("application/token-introspection+jwt;q=0.1234", (Some(0), None)),
            ("application/token-introspection+jwt;q=1.000", (Some(1000), None)),
            ("application/token-introspection", (None, None)),
        ] {
            assert_eq!(like(line), want, "{line}");
        }
        let two = ["text/html", "application/json"].into_iter();
        assert_eq!(weight(two, "application/json"), Some(1000), "a header may come in two lines");
    }
}
