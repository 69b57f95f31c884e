//! Small things the requests of all parts have in common, over reqwest.

use crate::crypto::{Random, Secret, bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder};
use serde_json::Value;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;
use url::form_urlencoded::{Serializer, byte_serialize, parse};

/// How long a whole exchange may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer that is read.
const MAX_ANSWER: usize = 1024 * 1024;

/// A client as each part uses one: bounded in time, without redirects, without a proxy.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> reqwest::Result<Client> {
    change(Client::builder().redirect(Policy::none()).no_proxy().timeout(TIMEOUT)).build()
}

/// A client for parts that all stand on this machine and speak plain http. It trusts no certificate at all, so that it
/// also starts on a machine that has none.
///
/// # Errors
/// When the client cannot be made.
pub fn loopback() -> reqwest::Result<Client> {
    client(|builder| builder.tls_certs_only([]))
}

/// An answer, of whatever status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}
impl Answer {
    /// A header, if it is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }
    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Result<Value> {
        serde_json::from_slice(&self.body)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("{0}")]
    Failed(#[from] reqwest::Error),
    #[error("the answer is too large")]
    TooLarge,
}

/// Sends a request and reads the answer.
pub(crate) async fn send(request: RequestBuilder) -> Result<Answer, NoAnswer> {
    // An address may hold a customer's account, and no log shows one.
    let failed = |e: reqwest::Error| NoAnswer::Failed(e.without_url());
    let mut response = request.header("accept", "application/json").send().await.map_err(failed)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(NoAnswer::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body })
}

/// A URL with a query.
pub(crate) fn with_query<'a>(url: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
    // RFC 6749 §3.1: the endpoint may have a query of its own, which stays.
    format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' })
}

/// The parameters of a query or a form. One that names a parameter twice is read as an empty one (RFC 6749 §3.1): nothing
/// in it can be believed.
pub(crate) fn params(text: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for (name, value) in parse(text.as_bytes()) {
        match found.entry(name.into_owned()) {
            Entry::Occupied(_) => return HashMap::new(),
            Entry::Vacant(place) => place.insert(value.into_owned()),
        };
    }
    found
}

/// RFC 6749 §2.3.1: id and secret, form-encoded first, then HTTP Basic.
pub(crate) fn basic(id: &str, secret: &Secret) -> String {
    let part = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", part(id), part(secret.reveal()))))
}

/// A random UUID (RFC 9562 §5.4), as `x-fapi-interaction-id` wants one.
pub(crate) fn interaction_id(random: &dyn Random) -> String {
    let bits = u128::from_be_bytes(bytes(random));
    let v4 = bits & !(0xF << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{v4:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::tests::seeded;

    #[test]
    fn both_parts_of_basic_are_encoded_first() {
        // `a%3Ab:c+%25` in base64.
        assert_eq!(basic("a:b", &Secret::new("c %")), "Basic YSUzQWI6YyslMjU=");
    }

    #[test]
    fn an_interaction_id_is_a_random_uuid() {
        let random = seeded(9);
        for _ in 0..20 {
            let id = interaction_id(&random);
            let lengths: Vec<_> = id.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
            assert!(id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19]), "{id}");
        }
    }

    #[test]
    fn a_parameter_that_stands_twice_spoils_all() {
        let read = params("a=1+2%20%E5%BA%97&b=");
        assert_eq!((read.get("a").map(String::as_str), read.get("b").map(String::as_str)), (Some("1 2 店"), Some("")));
        assert!(params("state=x&code=y&state=x").is_empty());
    }

    #[test]
    fn an_endpoint_keeps_its_own_query() {
        assert_eq!(with_query("http://a/b", [("c", "d e")]), "http://a/b?c=d+e");
        assert_eq!(with_query("http://a/b?x=1", [("c", "d")]), "http://a/b?x=1&c=d");
    }
}
