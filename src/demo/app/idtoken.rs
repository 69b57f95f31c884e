//! What makes an id_token believable (OpenID Connect Core §3.1.3.7).

use super::oauth::Asked;
use super::trouble::Trouble;
use crate::clock::Instant;
use crate::keys::Jwk;
use crate::keys::jose::{self, Alg, Claims};
use serde_json::Value;
use std::time::Duration;

/// How far two clocks may differ.
const SKEW: Duration = Duration::from_secs(10);

/// Checks signature, issuer, audience, times and nonce, and gives the claims.
pub(super) fn check(
    token: &str,
    keys: &[Jwk],
    allowed: &[Alg],
    (issuer, client_id): (&str, &str),
    asked: &Asked,
    now: Instant,
) -> Result<Claims, Trouble> {
    let verified = jose::verify(token, keys, allowed).map_err(|_| Trouble::Broken("id_token signature"))?;
    let claims = verified.claims;
    let audience = match claims.get("aud") {
        Some(Value::String(one)) => one == client_id,
        // Several audiences would need an azp, which our server never sends.
        Some(Value::Array(list)) => list.len() == 1 && list[0] == client_id,
        _ => false,
    };
    let expires = claims.date("exp").ok().flatten();
    let issued = claims.date("iat").ok().flatten();
    for (holds, what) in [
        (claims.text("iss") == Some(issuer), "id_token iss"),
        (audience, "id_token aud"),
        (expires.is_some_and(|t| now < t + SKEW), "id_token exp"),
        (issued.is_some_and(|t| t <= now + SKEW), "id_token iat"),
        (claims.text("nonce") == Some(asked.nonce.reveal()), "id_token nonce"),
        (claims.text("sub").is_some_and(|s| !s.is_empty()), "id_token sub"),
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
    use crate::keys::SigningKey;
    use crate::random::SeededRandom;
    use serde_json::json;

    #[test]
    fn only_our_own_fresh_id_token_is_believed() -> Result<(), jose::Error> {
        let key = SigningKey::generate(Alg::Es256)?;
        let other = SigningKey::generate(Alg::Es256)?;
        let asked = Asked::new(&SeededRandom::new(1), "http://localhost:1/callback".into());
        let now = Instant::from_secs(1_000_000);
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
        let believed = |token: &str, allowed: &[Alg]| {
            check(token, &[key.public().clone()], allowed, ("http://as", "creco"), &asked, now).is_ok()
        };
        for (why, change, expected) in table {
            let mut claims = good.clone();
            change(&mut claims);
            assert_eq!(believed(&jose::sign(&key, None, &claims)?, &[Alg::Es256]), expected, "{why}");
        }
        assert!(!believed(&jose::sign(&other, None, &good)?, &[Alg::Es256]), "another key");
        assert!(!believed(&jose::sign(&key, None, &good)?, &[Alg::Rs256]), "another algorithm");
        Ok(())
    }
}
