use super::*;
use crate::language::Language;
use crate::random::SeededRandom;
use proptest::prelude::*;

fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

fn some_words(account: &str) -> ConsentWords {
    let mut words = ConsentWords::new(Language::Ja);
    words.say("連携する口座 ");
    words.value(account);
    words.end();
    words
}
fn offer(choose: bool) -> Offer {
    Offer {
        client: ClientId::parse("creco").unwrap(),
        scope: Scope::parse("openid accounts transactions").unwrap(),
        accounts: vec![account("acc-1"), account("acc-2")],
        verified: account("acc-1"),
        choose,
        existing: None,
        limits: None,
        period: PERIOD,
        terms: Terms { version: "2026-04".into(), hash: Hash::of("terms") },
        page: PagePeriod::new(Instant::from_secs(2_000), PERIOD),
        words: some_words("普通 店番115 口座番号1100026"),
        language: Language::Ja,
    }
}

fn customer() -> Customer {
    Customer {
        interaction: InteractionId::parse("i-1").unwrap(),
        holder: HolderId::parse("h-1").unwrap(),
        account: Account::parse("115-ordinary-1100026").unwrap(),
        account_index: Hash::of("index"),
        auth_time: Instant::from_secs(1_000),
        acr: ACR.into(),
        amr: vec!["kba".into(), "tel".into(), "pin".into()],
        name: Secret::new("ﾃﾞｰﾀ ﾀﾛｳ"),
        remote: Secret::new("192.0.2.1 Browser"),
    }
}

#[test]
fn the_gate_behind_the_checkbox() {
    let ticked = |accounts: &[&str]| ConsentChoice {
        agree: true,
        accounts: accounts.iter().map(|a| account(a)).collect(),
        notices: false,
    };
    let cases: [(&str, bool, ConsentChoice, Result<&[&str], Missing>); 9] = [
        ("unticked (R72)", false, ConsentChoice::default(), Err(Missing::Agreement)),
        (
            "unticked, accounts chosen",
            true,
            ConsentChoice { agree: false, ..ticked(&["acc-1"]) },
            Err(Missing::Agreement),
        ),
        ("ticked, nothing to choose", false, ticked(&[]), Ok(&["acc-1", "acc-2"])),
        ("ticked, a choice nobody asked for is ignored", false, ticked(&["acc-9"]), Ok(&["acc-1", "acc-2"])),
        ("none chosen", true, ticked(&[]), Err(Missing::Account)),
        ("one that was not offered", true, ticked(&["acc-1", "acc-9"]), Err(Missing::Account)),
        ("neither ticked nor chosen", true, ConsentChoice::default(), Err(Missing::Both)),
        ("unticked, one not offered", true, ConsentChoice { agree: false, ..ticked(&["acc-9"]) }, Err(Missing::Both)),
        ("one chosen twice", true, ticked(&["acc-2", "acc-2"]), Ok(&["acc-2"])),
    ];
    for (why, choose, choice, want) in cases {
        let got = allow(&offer(choose), &choice, customer(), Instant::from_secs(2_000));
        let accounts = got.map(|a| a.details.accounts.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(accounts, want.map(|w| w.iter().map(ToString::to_string).collect()), "{why}");
    }
}

#[test]
fn the_end_is_that_of_the_page_and_never_later_than_thirty_days() {
    let (minute, now) = (Duration::from_secs(60), Instant::from_secs(2_000));
    let ticked = ConsentChoice { agree: true, accounts: Vec::new(), notices: false };
    let pressed = now + minute * 9;
    let page = PagePeriod::new(now, PERIOD);
    let end =
        |period, page| allow(&Offer { period, page, ..offer(false) }, &ticked, customer(), pressed).unwrap().expires_at;
    assert_eq!(end(PERIOD, page), page.until, "as it was shown, not nine minutes later");
    let late = PagePeriod { until: page.until + minute * 20, ..page };
    let last = (pressed + PERIOD).floor_minute();
    assert_eq!(end(PERIOD, late), last);
    assert_eq!(end(PERIOD + minute, late), last, "whatever is configured");
}

#[test]
fn records_are_kept_for_seven_years_and_never_less_than_three() {
    // With the leap days that so many years can have.
    assert_eq!((RETENTION.as_secs() / 86_400, RETENTION_LEAST.as_secs() / 86_400), (2557, 1096));
}

#[test]
fn details_follow_scope_and_limits() {
    let all = Scope::parse("openid accounts transactions").unwrap();
    let asked = |json: &str| serde_json::from_str::<Details>(json).unwrap();
    for (scope, limits, want) in [
        (
            all.clone(),
            None,
            r#"{"type":"account_information","accounts":["a"],"permissions":["balances","transactions"]}"#,
        ),
        (
            Scope::parse("accounts").unwrap(),
            None,
            r#"{"type":"account_information","accounts":["a"],"permissions":["balances"]}"#,
        ),
        (
            all,
            Some(asked(r#"{"type":"account_information","permissions":["transactions"],"from":"2026-09-01"}"#)),
            r#"{"type":"account_information","accounts":["a"],"permissions":["transactions"],"from":"2026-09-01"}"#,
        ),
        (
            Scope::parse("openid offline_access").unwrap(),
            None,
            r#"{"type":"account_information","accounts":[],"permissions":[]}"#,
        ),
        (
            Scope::parse("openid").unwrap(),
            Some(asked(r#"{"type":"account_information","from":"2026-09-01"}"#)),
            r#"{"type":"account_information","accounts":[],"permissions":[]}"#,
        ),
    ] {
        let details = Details::granted(&scope, vec![account("a")], limits.as_ref());
        assert_eq!(serde_json::to_string(&details).unwrap(), want);
    }
    for bad in [
        r#"{"type":"payment_initiation"}"#,
        r#"{"type":"account_information","permissions":["everything"]}"#,
        r#"{"type":"account_information","until":"2026-09-01"}"#,
        r#"{"type":"account_information","from":"yesterday"}"#,
    ] {
        assert!(serde_json::from_str::<Details>(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_record_rests_sealed_and_says_which_words_were_shown() {
    let random = SeededRandom::new(7);
    let sealer = Sealer::new("k1", &[7; 32]).unwrap();
    let agreed = allow(
        &offer(false),
        &ConsentChoice { agree: true, ..ConsentChoice::default() },
        customer(),
        Instant::from_secs(9),
    )
    .unwrap();
    let r = ConsentRecord::granted(&agreed, &sealer, &random).unwrap();
    for (column, sealed, plain) in [
        ("account", &r.account, "115-ordinary-1100026"),
        ("name", &r.name, "ﾃﾞｰﾀ ﾀﾛｳ"),
        ("remote", &r.remote, "192.0.2.1 Browser"),
    ] {
        let place = SealContext { table: "consents", column, row: r.id.as_str() };
        assert_eq!(sealer.open(place, sealed).unwrap().as_slice(), plain.as_bytes(), "{column}");
        assert!(!sealed.windows(plain.len()).any(|w| w == plain.as_bytes()), "{column} in the clear");
    }
    let place = SealContext { table: "consents", column: "words", row: r.id.as_str() };
    let values = sealer.open(place, &r.values).unwrap();
    assert_eq!(values.as_slice(), r#"["普通 店番115 口座番号1100026"]"#.as_bytes());
    assert_eq!(r.words.text(), "連携する口座 {0}\n", "the same for every customer");
    assert!(!format!("{agreed:?}{r:?}").contains("ﾃﾞｰﾀ"), "a name was printed");
}

#[test]
fn who_refuses_leaves_a_record_that_grants_nothing() {
    let (random, sealer, now) = (SeededRandom::new(7), Sealer::new("k1", &[7; 32]).unwrap(), Instant::from_secs(9));
    let limits = Details::parse(r#"[{"type":"account_information","from":"2026-09-01"}]"#).unwrap();
    let refused = Offer { limits: Some(limits), ..offer(true) };
    let r = ConsentRecord::denied(&refused, customer(), now, &sealer, &random).unwrap();
    assert_eq!((r.granted, r.at, r.until, r.id()), (false, now, now, &r.id));
    assert_eq!((&r.scope, &r.details.accounts), (&refused.scope, &refused.accounts), "what was asked");
    assert_eq!(r.details.from, refused.limits.as_ref().unwrap().from);
    let agreed =
        allow(&offer(false), &ConsentChoice { agree: true, accounts: vec![], notices: false }, customer(), now)
            .unwrap();
    let r = ConsentRecord::granted(&agreed, &sealer, &random).unwrap();
    assert_eq!((r.granted, r.at, r.until), (true, now, (now + PERIOD).floor_minute()));
}

#[test]
fn a_reference_can_be_read_out() {
    let (random, sealer) = (SeededRandom::new(3), Sealer::new("k1", &[7; 32]).unwrap());
    let mut drawn = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let way = InteractionId::random(&random);
        let text = reference(&sealer, &way);
        assert_eq!(text, reference(&sealer, &way), "page and notice say the same");
        let (letters, digits) = text.split_once('-').unwrap();
        assert!(
            letters.len() == 4 && letters.bytes().all(|b| b.is_ascii_uppercase() && !b"IOSZ".contains(&b)),
            "{text}"
        );
        assert!(digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()), "{text}");
        drawn.extend(text.chars());
    }
    assert_eq!(drawn.into_iter().collect::<String>(), "-0123456789ABCDEFGHJKLMNPQRTUVWXY");
}

/// A person with these accounts, one of which was verified.
fn proofed(own: &[&str], verified: usize) -> Proofed {
    let number = Account::parse("115-ordinary-1100026").unwrap();
    Proofed {
        holder: HolderId::parse("h-1").unwrap(),
        account: number.clone(),
        account_index: Hash::of("index"),
        verified: account(own[verified]),
        accounts: own.iter().map(|id| (account(id), number.clone())).collect(),
        auth_time: Instant::from_secs(1_000),
        amr: vec![],
        remembered: None,
        personal: crate::identity::Personal {
            name: crate::kana::Kana::parse("データ").unwrap(),
            phone: crate::phone::Phone::parse("09012343333").unwrap(),
            email: serde_json::from_value(serde_json::json!("taro@example.jp")).unwrap(),
        },
    }
}
fn detail(members: &str) -> Details {
    Details::parse(&format!(r#"[{{"type":"account_information"{members}}}]"#)).unwrap()
}

#[test]
fn offered_is_what_is_asked_for_and_the_customers_own() {
    let proofed = proofed(&["a", "b"], 1);
    for (asked, want, why) in [
        (None, &["b"][..], "a request by scope alone: the verified account"),
        (Some(""), &["a", "b"], "all of them"),
        (Some(r#","accounts":["b","x"]"#), &["b"], "one by name, and one that is not theirs"),
        (Some(r#","accounts":["x"]"#), &[], "none that is theirs"),
    ] {
        let asked = asked.map(detail);
        let want: Vec<_> = want.iter().map(|id| account(id)).collect();
        assert_eq!(offered(&proofed, asked.as_ref()), want, "{why}");
    }
}

#[test]
fn what_an_earlier_consent_answers() {
    const ALL: &str = "openid accounts transactions";
    let request = |scope: &str, asked: Option<&str>| AuthorizationRequest {
        grant_action: None,
        client_id: ClientId::parse("creco").unwrap(),
        redirect_uri: "https://app.example/cb".into(),
        response_mode: crate::authorize::ResponseMode::Query,
        state: None,
        nonce: None,
        scope: Scope::parse(scope).unwrap(),
        code_challenge: None,
        dpop_jkt: None,
        resource: vec![],
        authorization_details: asked.map(detail),
        ui_locales: vec![],
        prompt: vec![],
        max_age: None,
        acr_values: vec![],
        hint: None,
        claims: crate::authorize::Demands::default(),
    };
    let given =
        |days: &str| detail(&format!(r#","accounts":["a","b"],"permissions":["balances","transactions"]{days}"#));
    let both = r#","permissions":["balances","transactions"]"#;
    let (from, to) = (r#","from":"2026-09-01""#, r#","to":"2026-09-30""#);
    let only = |accounts: &str, permissions: &str, days: &str| {
        Some(detail(&format!(r#","accounts":[{accounts}],"permissions":[{permissions}]{days}"#)))
    };
    let (balances, all) = (r#""balances""#, r#""balances","transactions""#);
    // Why, the days of the earlier consent, the verified account, the scope, the detail, what is answered.
    for (why, days, verified, scope, asked, want) in [
        ("by scope alone: the verified account", "", "a", ALL, None, only(r#""a""#, all, "")),
        ("a narrower scope", "", "b", "openid accounts", None, only(r#""b""#, balances, "")),
        ("another account was verified", "", "c", ALL, None, None),
        ("openid alone is about no account", "", "c", "openid", None, Some(Details::default())),
        ("a scope that was not agreed to", "", "a", "openid accounts transactions payments", None, None),
        ("the customer's own choice of then", "", "a", ALL, Some(both.to_owned()), only(r#""a","b""#, all, "")),
        ("one of them", "", "a", ALL, Some(format!(r#","accounts":["b"]{both}"#)), only(r#""b""#, all, "")),
        ("one that was not chosen", "", "a", ALL, Some(format!(r#","accounts":["c"]{both}"#)), None),
        ("the same days", from, "a", ALL, Some(format!("{both}{from}")), only(r#""a","b""#, all, from)),
        ("no first day, where there was one", from, "a", ALL, Some(both.to_owned()), None),
        ("no last day, where there was one", to, "a", ALL, Some(format!("{both}{from}")), None),
        ("days, where there were none", "", "a", ALL, Some(format!("{both}{to}")), only(r#""a","b""#, all, to)),
        ("by scope alone, where there were days", to, "a", ALL, None, None),
    ] {
        let request = request(scope, asked.as_deref());
        let got = covers(&Scope::parse(ALL).unwrap(), &given(days), &request, &account(verified));
        assert_eq!(got, want.map(|details| (request.scope.clone(), details)), "{why}");
    }
}

/// A person's accounts, what a request asks for, and what the customer ticks.
fn chosen() -> impl Strategy<Value = (Proofed, Option<Details>, ConsentChoice)> {
    let some = || prop::sample::subsequence(vec!["a", "b", "c", "x", "y"], 0..=5);
    let permissions = prop::sample::subsequence(Permission::ALL.to_vec(), 0..=2);
    let asked = prop::option::of((some(), permissions));
    (1usize..=3, 0usize..3, asked, some()).prop_map(|(owned, verified, asked, ticked)| {
        let proofed = proofed(&["a", "b", "c"][..owned], verified % owned);
        let names = |ids: Vec<&str>| ids.into_iter().map(account).collect::<Vec<_>>();
        let asked = asked.map(|(accounts, permissions)| Details {
            detail_type: DetailType::AccountInformation,
            accounts: names(accounts),
            permissions,
            from: None,
            to: None,
        });
        (proofed, asked, ConsentChoice { agree: true, accounts: names(ticked), notices: false })
    })
}

proptest! {
    /// Whatever is requested, owned and ticked: a granted account was requested, is the customer's, and was ticked.
    #[test]
    fn granted_is_within_asked_owned_and_chosen((proofed, asked, choice) in chosen()) {
        let offered = offered(&proofed, asked.as_ref());
        let offer = Offer { accounts: offered, choose: asked.is_some(), limits: asked.clone(), ..offer(false) };
        let Ok(agreed) = allow(&offer, &choice, customer(), Instant::from_secs(2_000)) else {
            let good = choice.accounts.iter().filter(|a| offer.accounts.contains(a)).count();
            prop_assert!(asked.is_some() && (good == 0 || good < choice.accounts.len()), "a fair choice was refused");
            return Ok(());
        };
        let owned = |a: &AccountId| proofed.accounts.iter().any(|(id, _)| id == a);
        prop_assert!(!agreed.details.accounts.is_empty() && agreed.details.accounts.iter().all(owned));
        match &asked {
            None => prop_assert_eq!(&agreed.details.accounts, &vec![proofed.verified.clone()]),
            Some(asked) => {
                let wanted = |a: &AccountId| asked.accounts.is_empty() || asked.accounts.contains(a);
                prop_assert!(agreed.details.accounts.iter().all(|a| wanted(a) && choice.accounts.contains(a)));
                let allowed = |p: &Permission| asked.permissions.is_empty() || asked.permissions.contains(p);
                prop_assert!(agreed.details.permissions.iter().all(allowed));
            }
        }
    }
}
