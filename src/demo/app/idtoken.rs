//! What makes an id_token believable (OpenID Connect Core §3.1.3.7).

use super::oauth::PreparedRequest;
use super::trouble::Trouble;
use crate::jose::{Claims, text, verify_with_set};
use chrono::{DateTime, Utc};
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::Jwk;
use serde_json::Value;

/// How far two clocks may differ, in seconds.
const SKEW: i64 = 10;

/// Checks signature, issuer, audience, times and nonce, and gives the claims.
pub(super) fn check(
    token: &str,
    keys: &[Jwk],
    allowed: &[Algorithm],
    (issuer, client_id): (&str, &str),
    asked: &PreparedRequest,
    now: DateTime<Utc>,
) -> Result<Claims, Trouble> {
    let claims = verify_with_set(token, keys, allowed).map_err(|_| Trouble::Broken("id_token signature"))?;
    let audience = match claims.get("aud") {
        Some(Value::String(one)) => one == client_id,
        // Several audiences would need an azp, which our server never sends.
        Some(Value::Array(list)) => list.len() == 1 && list[0] == client_id,
        _ => false,
    };
    let date = |name| claims.get(name).and_then(Value::as_i64);
    let now = now.timestamp();
    for (holds, what) in [
        (text(&claims, "iss") == Some(issuer), "id_token iss"),
        (audience, "id_token aud"),
        (date("exp").is_some_and(|t| now < t.saturating_add(SKEW)), "id_token exp"),
        (date("iat").is_some_and(|t| t <= now + SKEW), "id_token iat"),
        (text(&claims, "nonce") == Some(asked.nonce.reveal()), "id_token nonce"),
        (text(&claims, "sub").is_some_and(|s| !s.is_empty()), "id_token sub"),
    ] {
        if !holds {
            return Err(Trouble::Broken(what));
        }
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::tests::seeded;
    use crate::jose::SigningKey;
    use crate::time::from_secs;
    use serde_json::json;

    #[test]
    fn only_our_own_fresh_id_token_is_believed() -> Result<(), jsonwebtoken::errors::Error> {
        let key = SigningKey::generate()?;
        let other = SigningKey::generate()?;
        let asked = PreparedRequest::new(&seeded(1), "http://localhost:1/callback".into());
        let now = from_secs(1_000_000);
        let good = json!({
            "iss": "http://as", "aud": "creco", "sub": "s", "exp": 1_000_300, "iat": 1_000_000,
            "nonce": asked.nonce.reveal(),
        });
        type Change = fn(&mut Value);
        let table: [(&str, Change, bool); 10] = [
            ("as issued", |_| {}, true),
            ("one audience in a list", |c| c["aud"] = json!(["creco"]), true),
            ("another issuer", |c| c["iss"] = json!("http://evil"), false),
            ("another audience", |c| c["aud"] = json!("kakeibo"), false),
            ("two audiences", |c| c["aud"] = json!(["creco", "kakeibo"]), false),
            ("expired", |c| c["exp"] = json!(999_900), false),
            ("without end", |c| c["exp"] = Value::Null, false),
            ("from the future", |c| c["iat"] = json!(1_000_100), false),
            ("another nonce", |c| c["nonce"] = json!("x"), false),
            ("without subject", |c| c["sub"] = json!(""), false),
        ];
        let believed = |token: &str, allowed: &[Algorithm]| {
            check(token, &[key.public().clone()], allowed, ("http://as", "creco"), &asked, now).is_ok()
        };
        for (why, change, expected) in table {
            let mut claims = good.clone();
            change(&mut claims);
            assert_eq!(believed(&key.sign(&claims)?, &[Algorithm::ES256]), expected, "{why}");
        }
        assert!(!believed(&other.sign(&good)?, &[Algorithm::ES256]), "another key");
        assert!(!believed(&key.sign(&good)?, &[Algorithm::RS256]), "another algorithm");
        Ok(())
    }
}
