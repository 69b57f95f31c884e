//! When tokens end, as arithmetic, and what one token covers.

use super::*;
use crate::keys::jose::Alg;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn grant(expires_at: Instant) -> Grant {
    use crate::id::{ClientId, ConsentId, GrantId};
    Grant {
        id: GrantId::parse("g-1").unwrap(),
        consent: ConsentId::parse("c-1").unwrap(),
        client: ClientId::parse("kakeibo").unwrap(),
        sub: "sub".into(),
        account_index: Hash::of("account"),
        account: Vec::new(),
        reference: "ABCD-1234".into(),
        scope: Scope::parse("openid").unwrap(),
        details: Details::default(),
        acr: String::new(),
        amr: Vec::new(),
        auth_time: Instant::from_secs(0),
        created_at: Instant::from_secs(0),
        expires_at,
        state: crate::grant::GrantState::Pending,
        seq: 0,
    }
}

#[test]
fn an_access_token_ends_at_a_whole_second() {
    let at = Instant::from_millis;
    for (why, lifetime, grant, now, want) in [
        ("on the second", 60_000, None, 5_000, 65_000),
        ("in the middle of one", 60_000, None, 5_999, 65_000),
        ("as long as its grant", 60_000, Some(9_000), 5_999, 9_000),
        ("a grant of an earlier release", 60_000, Some(9_999), 5_999, 9_000),
        ("shorter than its grant", 1_000, Some(9_000), 5_001, 6_000),
        ("a lifetime with milliseconds", 60_500, None, 5_500, 66_000),
    ] {
        let end = expiry(Duration::from_millis(lifetime), grant.map(at), at(now));
        assert_eq!(end.millis(), want, "{why}");
    }
}

proptest! {
    /// Whatever the time of day: the end is a whole second, lies ahead, and outlives neither the grant nor the lifetime.
    #[test]
    fn what_is_issued_has_not_passed(now in 0_i64..2_000_000_000_000, lifetime in 1_000_u64..3_000_000_000, left in 1_i64..3_000_000) {
        let now = Instant::from_millis(now);
        let grant = Instant::from_secs(now.secs() + left);
        for end in [expiry(Duration::from_millis(lifetime), Some(grant), now), expiry(Duration::from_millis(lifetime), None, now)] {
            prop_assert!(end > now && end == end.floor_second());
            prop_assert!(end <= now + Duration::from_millis(lifetime));
        }
        prop_assert!(expiry(Duration::from_millis(lifetime), Some(grant), now) <= grant);
    }

    /// The same of an id_token, whose `exp` the app compares with its own clock in seconds.
    #[test]
    fn an_id_token_has_not_passed(now in 0_i64..2_000_000_000_000, lifetime in 1_000_u64..86_400_000) {
        let now = Instant::from_millis(now);
        let grant = grant(now + SECOND);
        let issued = Issued {
            grant: None, scope: grant.scope.clone(), details: None, binding: None, at: now, expires_at: now + SECOND,
            refresh: false, used: None, nonce: None,
        };
        let lifetime = Duration::from_millis(lifetime);
        let claims = id_token::claims(Alg::Es256, (&issued, &grant), "https://x.example", &Secret::new("t"), lifetime);
        let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        prop_assert!(Instant::from_secs(exp) > now && iat <= now.secs());
    }
}

#[test]
fn a_client_for_itself() {
    use crate::refusal::ErrorCode::InvalidScope;
    let set = |text: &str| Scope::parse(text).unwrap();
    let ask = |text: &str, most: &str| {
        let params = crate::params::Params::parse(text).unwrap();
        client_credentials::scope(&params, &set(most)).map_err(|r| r.code)
    };
    let all = "grant_type=client_credentials";
    assert_eq!(ask(all, "prices status"), Ok(set("prices status")), "all it may have, where it asks for nothing");
    assert_eq!(ask(&format!("{all}&scope=status"), "prices status"), Ok(set("status")));
    for (text, most, why) in [
        (format!("{all}&scope=accounts"), "status", "more than it may have"),
        (format!("{all}&scope=status+accounts"), "status", "partly more"),
        (format!("{all}&scope=%22"), "status", "no scope at all (RFC 6749 3.3)"),
        (format!("{all}&scope=+"), "status", "an empty set"),
        (all.to_owned(), "", "there is nothing it may have"),
    ] {
        assert_eq!(ask(&text, most), Err(InvalidScope), "{why}");
    }
}

fn client() -> crate::client::Client {
    use crate::client::{AuthMethod, metadata};
    let record = serde_json::json!({
        "client_name": "App", "profile": "oidc", "redirect_uris": ["https://app.example/cb"],
    });
    let rules = metadata::Rules {
        loopback_http: false,
        scopes: None,
        grant_lifetime: SECOND,
        detail_types: None,
        methods: AuthMethod::ALL,
        signing: None,
        weak_secrets: true,
    };
    metadata::parse(&record, crate::id::ClientId::parse("kakeibo").unwrap(), &rules, Instant::from_secs(0)).unwrap()
}

#[test]
fn a_token_has_the_audiences_it_asks_for_within_the_granted_ones() {
    use crate::refusal::ErrorCode::InvalidTarget;
    let (client, minted) = (client(), Minted::draw(Instant::from_secs(0), &crate::random::SeededRandom::new(1)));
    for (text, granted, all, want, why) in [
        ("", &[][..], &["api"][..], Ok(&["api"][..]), "no resource was ever named: the configured one"),
        ("resource=api", &[], &["api"], Ok(&["api"]), "the configured one, by its name"),
        ("", &["a", "b"], &["a", "b"], Ok(&["a", "b"]), "all that were granted"),
        ("resource=b", &["a", "b"], &["a", "b"], Ok(&["b"]), "one of them"),
        ("resource=b&resource=a&resource=b", &["a", "b"], &["a", "b"], Ok(&["b", "a"]), "each once"),
        ("resource=c", &["a", "b"], &["a", "b"], Err(InvalidTarget), "RFC 8707 2.2: never more"),
        ("resource=a&resource=c", &["a", "b"], &["a", "b"], Err(InvalidTarget), "nor partly more"),
        ("resource=api", &["a"], &["a"], Err(InvalidTarget), "the configured one, where others were granted"),
    ] {
        let params = crate::params::Params::parse(text).unwrap();
        let granted: Vec<String> = granted.iter().map(ToString::to_string).collect();
        let ask = TokenRequest {
            client: &client,
            params: &params,
            binding: None,
            minted: &minted,
            default_audience: "api",
            open_grants: 10,
            issuer: "https://as.example",
        };
        assert_eq!(exchange::grant_audiences(&ask, &granted), all, "{why}");
        let got = exchange::token_audiences(&ask, &granted).map_err(|r| r.code);
        assert_eq!(got, want.map(|list| list.iter().map(ToString::to_string).collect()), "{why}");
    }
}

#[test]
fn a_token_has_the_details_it_asks_for_and_the_scope_that_agrees() {
    use crate::refusal::ErrorCode::InvalidAuthorizationDetails;
    let granted = Details::parse(
        r#"[{"type":"account_information","accounts":["a","b"],"permissions":["balances","transactions"]}]"#,
    );
    let granted = granted.unwrap();
    let all = "openid accounts transactions";
    for (scope, asked, want, why) in [
        (all, None, Ok((r#"["a","b"]"#, r#"["balances","transactions"]"#, all)), "nothing asked: all of it"),
        ("openid accounts", None, Ok((r#"["a","b"]"#, r#"["balances"]"#, "openid accounts")), "the scope narrows"),
        (
            all,
            Some(r#"[{"type":"account_information","accounts":["b"],"permissions":["balances"]}]"#),
            Ok((r#"["b"]"#, r#"["balances"]"#, "openid accounts")),
            "the detail narrows the scope with it",
        ),
        (
            "openid accounts",
            Some(r#"[{"type":"account_information","permissions":["transactions"]}]"#),
            Err(InvalidAuthorizationDetails),
            "more than the scope of this token",
        ),
        (
            all,
            Some(r#"[{"type":"account_information","accounts":["c"]}]"#),
            Err(InvalidAuthorizationDetails),
            "an account that was not granted",
        ),
        (all, Some("{}"), Err(InvalidAuthorizationDetails), "no detail"),
    ] {
        let mut params = crate::params::Params::default();
        if let Some(text) = asked {
            params.set("authorization_details", text);
        }
        let got = exchange::token_details(&params, &granted, Scope::parse(scope).unwrap()).map_err(|r| r.code);
        let got = got.map(|(d, scope)| {
            let json = |list: serde_json::Value| list.to_string();
            (json(serde_json::json!(d.accounts)), json(serde_json::json!(d.permissions)), scope)
        });
        let want = want.map(|(a, p, scope)| (a.to_owned(), p.to_owned(), Scope::parse(scope).unwrap()));
        assert_eq!(got, want, "{why}");
    }
}
