//! Small things the actors' requests have in common, over `outbound`.

use crate::outbound::{Method, Request};
use crate::random::{self, Random};
use crate::secret::Secret;
use url::form_urlencoded::{Serializer, byte_serialize};

/// `GET url`, for JSON.
#[must_use]
pub fn get(url: &str) -> Request {
    Request::new(Method::Get, url).header("accept", "application/json")
}

/// `POST url` with a form, for JSON.
#[must_use]
pub fn post<'a>(url: &str, form: impl IntoIterator<Item = (&'a str, &'a str)>) -> Request {
    Request::new(Method::Post, url).header("accept", "application/json").form(form)
}

/// A URL with a query.
#[must_use]
pub fn with_query<'a>(url: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
    // RFC 6749 §3.1: the endpoint may have a query of its own, which stays.
    format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' })
}

/// RFC 6749 §2.3.1: id and secret, form-encoded first, then HTTP Basic.
#[must_use]
pub fn basic(id: &str, secret: &Secret) -> String {
    use base64::Engine;
    let part = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", part(id), part(secret.reveal()));
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

/// A random UUID (RFC 9562 §5.4), as `x-fapi-interaction-id` wants one.
#[must_use]
pub fn interaction_id(random: &dyn Random) -> String {
    let bits = u128::from_be_bytes(random::bytes(random));
    let v4 = bits & !(0xF << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{v4:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn both_parts_of_basic_are_encoded_first() {
        // `a%3Ab:c+%25` in base64.
        assert_eq!(basic("a:b", &Secret::new("c %")), "Basic YSUzQWI6YyslMjU=");
    }

    #[test]
    fn an_interaction_id_is_a_random_uuid() {
        let random = SeededRandom::new(9);
        for _ in 0..20 {
            let id = interaction_id(&random);
            let lengths: Vec<_> = id.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
            assert!(id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19]), "{id}");
        }
    }
}
