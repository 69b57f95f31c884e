//! Who may have what: the token of a call, asked about at the server each time unless an event has said that it is over, and
//! what its grant covers.

use super::Api;
use super::challenge::{Refused, Scheme};
use crate::crypto::{base64url, same};
use crate::listener::certificate;
use crate::wire::{basic, send};
use actix_web::HttpRequest;
use actix_web::http::header;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest token looked at.
const MAX_TOKEN: usize = 512;

/// What introspection says of a live token (RFC 7662 §2.2).
#[derive(Debug, Deserialize)]
struct Introspection {
    active: bool,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    aud: Audience,
    exp: Option<i64>,
    cnf: Option<Map<String, Value>>,
    #[serde(default)]
    authorization_details: Vec<Detail>,
    grant_id: Option<String>,
    jti: Option<String>,
}
/// `aud` is one text or a list (RFC 7519 §4.1.3).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}
impl Default for Audience {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}
impl Audience {
    fn names(&self, own: &str) -> bool {
        match self {
            Self::One(aud) => aud == own,
            Self::Many(list) => list.iter().any(|aud| aud == own),
        }
    }
}
/// To what a token is bound, by its SHA-256 in base64url.
#[derive(Debug, PartialEq, Eq)]
enum Binding {
    /// A DPoP key (RFC 9449 §6.1).
    Key(String),
    /// A certificate (RFC 8705 §3.1).
    Certificate(String),
}
/// To what a token is bound (`cnf`, RFC 7800 §3.1). A member we do not know is a binding we cannot check: an error.
fn bound(cnf: Option<&Map<String, Value>>) -> Result<Option<Binding>, ()> {
    let Some(cnf) = cnf else { return Ok(None) };
    let text = |name| cnf.get(name).and_then(Value::as_str).map(str::to_owned);
    match (text("jkt"), text("x5t#S256")) {
        (Some(key), None) if cnf.len() == 1 => Ok(Some(Binding::Key(key))),
        (None, Some(certificate)) if cnf.len() == 1 => Ok(Some(Binding::Certificate(certificate))),
        _ => Err(()),
    }
}
/// RFC 9396 §2, of type `account_information`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Detail {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    accounts: Vec<String>,
    /// Absent: whatever the scopes allow.
    permissions: Option<Vec<String>>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
}

/// What the holder of a checked token may see.
#[derive(Debug)]
pub(super) struct Access {
    scheme: Scheme,
    scope: String,
    details: Vec<Detail>,
}

impl Access {
    /// Demands a scope.
    pub(super) fn need(&self, scope: &'static str) -> Result<(), Refused> {
        if self.scope.split(' ').any(|s| s == scope) { Ok(()) } else { Err(Refused::Scope(self.scheme, Some(scope))) }
    }
    /// The accounts the grant covers.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &str> {
        self.details.iter().flat_map(|d| d.accounts.iter().map(String::as_str))
    }
    /// The part of the grant that covers this account, and this permission where the grant names any. An account that
    /// does not exist is refused in the same words: a caller learns nothing of accounts that are not its own.
    pub(super) fn covers(&self, account: &str, permission: Option<&str>) -> Result<&Detail, Refused> {
        let allows = |d: &&Detail| match (&d.permissions, permission) {
            (Some(list), Some(wanted)) => list.iter().any(|p| p == wanted),
            _ => true,
        };
        let covering = |d: &&Detail| d.accounts.iter().any(|a| a == account);
        self.details.iter().filter(covering).find(allows).ok_or(Refused::Scope(self.scheme, None))
    }
}

impl Detail {
    /// The days the grant itself allows.
    pub(super) const fn period(&self) -> (Option<NaiveDate>, Option<NaiveDate>) {
        (self.from, self.to)
    }
}

impl Api {
    /// Checks the token of a call. `serves` is the permission that the call needs: the server notes the use of the link under it.
    pub(super) async fn access(
        &self,
        request: &HttpRequest,
        serves: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Access, Refused> {
        if let Some(until) = self.settings.closed.as_ref().and_then(|closed| closed(now)) {
            return Err(Refused::Closed((until - now).num_seconds().unsigned_abs() + 1));
        }
        let (scheme, token) = presented(request)?;
        let dead = Refused::Token(scheme, "the token is not valid");
        if self.events.is_over(&token) {
            return Err(dead);
        }
        let told = self.introspect(&token, serves).await?;
        let live = told.active && told.exp.is_none_or(|exp| now.timestamp() < exp);
        if !live || !told.aud.names(&self.settings.audience) {
            return Err(dead);
        }
        // An event may have come while the server was asked.
        if self.events.met(&token, [told.grant_id, told.jti]) {
            return Err(dead);
        }
        let refuse = |why| Err(Refused::Token(scheme, why));
        match (scheme, bound(told.cnf.as_ref()).map_err(|()| dead)?) {
            (Scheme::Bearer, None) => {}
            // RFC 8705 §3: the certificate of this connection, or none of our answers.
            (Scheme::Bearer, Some(Binding::Certificate(own)))
                if certificate(request).is_some_and(|shown| same(&base64url(shown), &own)) => {}
            (Scheme::Bearer, Some(Binding::Certificate(_))) => {
                return refuse("the token is bound to another certificate");
            }
            // RFC 9449 §7.2: a bound token must not pass as a bearer token.
            (Scheme::Bearer, Some(Binding::Key(_))) => return refuse("the token is bound to a key"),
            (Scheme::DPoP, Some(Binding::Key(key))) => self.prove(request, &token, &key, now)?,
            (Scheme::DPoP, Some(Binding::Certificate(_))) => return refuse("the token is bound to a certificate"),
            (Scheme::DPoP, None) => return refuse("the token is not bound to a key"),
        }
        let details = told.authorization_details.into_iter().filter(|d| d.kind == "account_information").collect();
        Ok(Access { scheme, scope: told.scope, details })
    }

    /// Asks the server about a token (RFC 7662 §2.1). No answer is no access.
    async fn introspect(&self, token: &str, serves: Option<&str>) -> Result<Introspection, Refused> {
        let url = format!("{}/oauth/introspect", self.settings.issuer);
        let credentials = basic(&self.settings.client_id, &self.settings.client_secret);
        let mut form = vec![("token", token), ("token_type_hint", "access_token")];
        form.extend(serves.map(|permission| ("permission", permission)));
        match send(self.parts.http.post(&url).form(&form).header("authorization", credentials)).await {
            Ok(answer) if answer.status == 200 => {
                serde_json::from_slice(&answer.body).map_err(|_| Refused::Unavailable)
            }
            Ok(answer) => {
                tracing::error!(status = answer.status, "account API: introspection refused");
                Err(Refused::Unavailable)
            }
            Err(error) => {
                tracing::error!(%error, "account API: introspection did not answer");
                Err(Refused::Unavailable)
            }
        }
    }
}

/// The token and its scheme, from the one Authorization header (RFC 6750 §2.1; schemes are case-insensitive, RFC 9110
/// §11.1). A token in the query would end up in logs and is refused (RFC 9700 §4.3.2).
fn presented(request: &HttpRequest) -> Result<(Scheme, String), Refused> {
    let query = request.query_string();
    if query.split('&').any(|p| p.split('=').next() == Some("access_token")) {
        return Err(Refused::Request(Scheme::Bearer, "a token must not stand in the query"));
    }
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let Some(value) = headers.next() else { return Err(Refused::NoToken) };
    if headers.next().is_some() {
        return Err(Refused::Request(Scheme::Bearer, "two Authorization headers"));
    }
    let (name, token) = value.to_str().ok().and_then(|v| v.split_once(' ')).ok_or(Refused::NoToken)?;
    let scheme = match name {
        n if n.eq_ignore_ascii_case("Bearer") => Scheme::Bearer,
        n if n.eq_ignore_ascii_case("DPoP") => Scheme::DPoP,
        _ => return Err(Refused::NoToken),
    };
    let token = token.trim();
    let clean = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if token.is_empty() || token.len() > MAX_TOKEN || !token.bytes().all(clean) {
        return Err(Refused::Token(scheme, "the token is not valid"));
    }
    Ok((scheme, token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_token_is_taken_from_one_header_only() {
        let ask = |uri: &str, headers: &[&str]| {
            let mut request = TestRequest::get().uri(uri);
            for value in headers {
                request = request.append_header((header::AUTHORIZATION, *value));
            }
            presented(&request.to_http_request())
        };
        assert_eq!(ask("/", &["bearer abc"]), Ok((Scheme::Bearer, "abc".into())));
        assert_eq!(ask("/", &["DPOP abc"]), Ok((Scheme::DPoP, "abc".into())));
        assert_eq!(ask("/", &[]), Err(Refused::NoToken));
        assert_eq!(ask("/", &["Basic abc"]), Err(Refused::NoToken));
        for (uri, headers) in [("/?access_token=abc", vec![]), ("/", vec!["Bearer a", "Bearer b"])] {
            assert!(matches!(ask(uri, &headers), Err(Refused::Request(..))), "{uri}");
        }
        for bad in ["Bearer a b", "Bearer ", "DPoP \"abc\""] {
            assert!(matches!(ask("/", &[bad]), Err(Refused::Token(..) | Refused::NoToken)), "{bad}");
        }
    }

    #[test]
    fn a_grant_covers_its_accounts_and_permissions() -> Result<(), serde_json::Error> {
        let details = serde_json::from_value(serde_json::json!([
            {"type": "account_information", "accounts": ["a"], "permissions": ["balances"]},
            {"type": "account_information", "accounts": ["b"]},
        ]))?;
        let access = Access { scheme: Scheme::Bearer, scope: "openid accounts".into(), details };
        assert_eq!(access.accounts().collect::<Vec<_>>(), ["a", "b"]);
        assert!(access.covers("a", Some("balances")).is_ok() && access.covers("a", None).is_ok());
        assert!(access.covers("b", Some("transactions")).is_ok());
        for (account, permission) in [("a", Some("transactions")), ("c", None), ("", None)] {
            assert!(matches!(access.covers(account, permission), Err(Refused::Scope(_, None))), "{account}");
        }
        assert!(access.need("accounts").is_ok());
        assert_eq!(access.need("transactions"), Err(Refused::Scope(Scheme::Bearer, Some("transactions"))));
        Ok(())
    }
}
