//! `verify` finds nothing wrong with whatever the product does to a grant, and finds every kind of tampering.

use crate::support::test_store::{TestStore, on_both_engines};
use renkei_core::account::Account;
use renkei_core::audit::Actor;
use renkei_core::clock::Instant;
use renkei_core::consent::{ACR, ConsentWords, Customer, Details, GivenConsent, PERIOD, Terms};
use renkei_core::grant::code::{self, CodeBinding, Redeemed};
use renkei_core::grant::{self, Ended, GrantSummary, NewGrant, Reason};
use renkei_core::id::{AccountId, ClientId, HolderId, InteractionId};
use renkei_core::keys::seal::Sealer;
use renkei_core::lifecycle;
use renkei_core::random::SeededRandom;
use renkei_core::scope::Scope;
use renkei_core::secret::{Hash, Secret};
use renkei_core::store::Store;
use renkei_core::verify::verify;
use std::time::Duration;

on_both_engines! {
    every_history_of_a_grant_is_consistent
    every_contradiction_is_found
    fifty_redemptions_of_one_code_give_one_grant_and_revoke_it
    an_address_that_outlives_its_link_is_found
}

struct Bench {
    store: Store,
    sealer: Sealer,
    random: SeededRandom,
}

fn start() -> Instant {
    Instant::from_secs(1_795_000_000)
}
fn client() -> ClientId {
    ClientId::parse("creco").unwrap()
}

impl Bench {
    fn new(test_store: &TestStore) -> Self {
        let sealer = Sealer::new("k", &[1; 32]).unwrap();
        Self { store: test_store.open(), sealer, random: SeededRandom::new(7) }
    }

    /// 許可する for an account.
    async fn allow(&self, account: &str, at: Instant) -> GrantSummary {
        let account = Account::parse(account).unwrap();
        let customer = Customer {
            interaction: InteractionId::random(&self.random),
            holder: HolderId::parse("h-1").unwrap(),
            account_index: self.sealer.index("account", &account.to_string()),
            account,
            auth_time: at,
            acr: ACR.to_owned(),
            amr: vec!["pin".to_owned(), "tel".to_owned()],
            name: Secret::new("ﾃﾞｰﾀ ﾀﾛｳ"),
            remote: Secret::new("192.0.2.1 browser"),
        };
        let scope = Scope::parse("accounts transactions").unwrap();
        let details = Details::granted(&scope, vec![AccountId::parse("a-1").unwrap()], None);
        let agreed = GivenConsent {
            customer,
            client: client(),
            scope,
            details,
            at,
            expires_at: at + PERIOD,
            terms: Terms { version: "1".to_owned(), hash: Hash::of("terms") },
            words: ConsentWords::default(),
            language: renkei_core::language::Language::Ja,
        };
        let binding = CodeBinding {
            redirect_uri: "https://app.example/cb".to_owned(),
            challenge: None,
            dpop_jkt: None,
            nonce: None,
            resource: Vec::new(),
        };
        let link = NewGrant::new(&agreed, binding, "creco", &self.sealer, &self.random).unwrap();
        let told = link.summary().clone();
        self.store.write(move |tx| grant::create(tx, &link)).await.unwrap();
        told
    }

    /// Whether the code was good.
    async fn redeem(&self, linked: &GrantSummary, at: Instant) -> bool {
        let hash = linked.code.hash();
        let redeemed = self.store.write(move |tx| code::redeem(tx, &hash, (&client(), 10), at, |_, _| Ok::<_, ()>(())));
        matches!(redeemed.await.unwrap(), Redeemed::Done { .. })
    }

    async fn end(&self, linked: &GrantSummary, reason: Reason, at: Instant) {
        let id = linked.grant.clone();
        let ended = self.store.write(move |tx| grant::end(tx, &id, &reason, Actor::System, at)).await.unwrap();
        assert!(matches!(ended, Ended::Now(_)));
    }

    async fn whole(&self) {
        let report = verify(&self.store).await.unwrap();
        assert!(report.is_whole(), "{report:#?}");
    }
}

async fn every_history_of_a_grant_is_consistent(test_store: TestStore) {
    let b = Bench::new(&test_store);
    b.whole().await;
    let second = Duration::from_secs(1);
    let first = b.allow("115-ordinary-1100026", start()).await;
    b.whole().await;
    assert!(b.redeem(&first, start() + second).await);
    b.whole().await;
    // A newer one of the same account replaces it, when it is redeemed and not before.
    let newer = b.allow("115-ordinary-1100026", start() + second * 2).await;
    b.whole().await;
    assert!(b.redeem(&newer, start() + second * 3).await);
    b.whole().await;
    // A replay revokes.
    assert!(!b.redeem(&newer, start() + second * 4).await);
    b.whole().await;
    for (n, reason) in
        [Reason::Client, Reason::Customer, Reason::Institution { note: "telephone".into() }, Reason::Account]
            .into_iter()
            .enumerate()
    {
        let other = b.allow(&format!("005-ordinary-{n}"), start()).await;
        if n % 2 == 0 {
            assert!(b.redeem(&other, start() + second).await);
        }
        b.end(&other, reason, start() + second * 5).await;
    }
    b.whole().await;
    let lasting = b.allow("010-savings-1234567", start()).await;
    assert!(b.redeem(&lasting, start() + second).await);
    for at in [start() + PERIOD - Duration::from_hours(24), start() + PERIOD] {
        b.store
            .write(move |tx| lifecycle::expire(tx, at, &crate::support::world::WARN_BEFORE, lifecycle::BATCH))
            .await
            .unwrap();
        b.whole().await;
    }
    let report = verify(&b.store).await.unwrap();
    assert_eq!(report.grants, 7);
    assert!(report.events >= 7 * 2 + 7 && report.audit.records > report.events, "{report:?}");
}

async fn every_contradiction_is_found(test_store: TestStore) {
    let b = Bench::new(&test_store);
    let second = Duration::from_secs(1);
    let pending = b.allow("115-ordinary-1100026", start()).await;
    let active = b.allow("005-ordinary-123", start()).await;
    assert!(b.redeem(&active, start() + second).await);
    let revoked = b.allow("010-savings-1234567", start()).await;
    b.end(&revoked, Reason::Client, start() + second).await;
    b.whole().await;
    let changes = [
        // Each with the statement that undoes it.
        ("update events set seq = 5 where seq = 2", "update events set seq = 2 where seq = 5", "grants", 3),
        (
            "update grants set seq = seq + 1 where state = 'active'",
            "update grants set seq = seq - 1 where state = 'active'",
            "grants",
            1,
        ),
        (
            "update grants set state = 'expired', ended_by = 'expired' where state = 'revoked'",
            "update grants set state = 'revoked', ended_by = 'client' where state = 'expired'",
            "grants",
            2,
        ),
        (
            "update grants set ended_at = null where state = 'revoked'",
            "update grants set ended_at = created_at where state = 'revoked'",
            "grants",
            1,
        ),
        (
            "update codes set used_at = 1 where used_at is null",
            "update codes set used_at = null where used_at = 1",
            "grants",
            1,
        ),
        (
            "update codes set client_id = 'kakeibo' where used_at is not null",
            "update codes set client_id = 'creco' where used_at is not null",
            "codes",
            1,
        ),
        ("update consents set client_id = 'kakeibo'", "update consents set client_id = 'creco'", "grants", 3),
        (
            "update events set detail = '{\"account\":\"115\"}' where kind = 'grant.created'",
            "update events set detail = '{}' where kind = 'grant.created'",
            "events",
            3,
        ),
    ];
    for (change, undo, table, findings) in changes {
        assert!(b.store.write(move |tx| tx.execute(change, &[])).await.unwrap() > 0, "{change}");
        let report = verify(&b.store).await.unwrap();
        let of_table = report.findings.iter().filter(|f| f.table == table).count();
        assert_eq!(of_table, findings, "{change}: {report:#?}");
        b.store.write(move |tx| tx.execute(undo, &[])).await.unwrap();
        b.whole().await;
    }
    // A token that outlives its grant, and one without any.
    let grant = active.grant.clone();
    b.store
        .write(move |tx| {
            tx.execute(
                "insert into access_tokens (hash, id, grant_id, client_id, scope, aud, issued_at, expires_at) \
                 select hash, 't-1', grant_id, client_id, '', '', issued_at + 1000, ?2 from codes where grant_id = ?1",
                &[grant.as_str().into(), (start() + PERIOD + Duration::from_secs(1)).into()],
            )
        })
        .await
        .unwrap();
    let report = verify(&b.store).await.unwrap();
    assert_eq!(report.findings.len(), 1, "{report:#?}");
    assert_eq!((report.findings[0].table, report.findings[0].row.as_str()), ("access_tokens", "t-1"));
    b.store.write(|tx| tx.execute("update access_tokens set grant_id = 'nobody'", &[])).await.unwrap();
    assert_eq!(verify(&b.store).await.unwrap().findings.len(), 1);
    // The record itself.
    b.store.write(|tx| tx.execute("update audit set actor = 'system' where n = 1", &[])).await.unwrap();
    assert!(!verify(&b.store).await.unwrap().audit.breaks.is_empty());
    drop(pending);
}

async fn fifty_redemptions_of_one_code_give_one_grant_and_revoke_it(test_store: TestStore) {
    let b = Bench::new(&test_store);
    let linked = b.allow("115-ordinary-1100026", start()).await;
    let racers: Vec<_> = (0..50)
        .map(|_| {
            let (store, hash) = (b.store.clone(), linked.code.hash());
            let at = start() + Duration::from_secs(1);
            tokio::spawn(async move {
                let redeemed =
                    store.write(move |tx| code::redeem(tx, &hash, (&client(), 10), at, |_, _| Ok::<_, ()>(())));
                matches!(redeemed.await.unwrap(), Redeemed::Done { .. })
            })
        })
        .collect();
    let mut winners = 0;
    for racer in racers {
        winners += u32::from(racer.await.unwrap());
    }
    assert_eq!(winners, 1);
    b.whole().await;
    let id = linked.grant.clone();
    let grant = b.store.read(move |tx| grant::sql::load(tx, &id)).await.unwrap().unwrap();
    assert_eq!(grant.state.as_str(), "revoked", "the other forty-nine were replays");
}

/// ⑥ promises that an address is erased within so many days after the end of its link.
async fn an_address_that_outlives_its_link_is_found(test_store: TestStore) {
    let b = Bench::new(&test_store);
    let open = b.allow("115-ordinary-1100026", start()).await.grant;
    let day = Duration::from_secs(86_400);
    let promised = day * 31;
    let found = async |at: Instant| -> Vec<(&str, String)> {
        let found = renkei_core::verify::addresses(&b.store, promised, at).await.unwrap();
        found.into_iter().map(|finding| (finding.table, finding.row)).collect()
    };
    let id = open.clone();
    let added = move |tx: &mut renkei_core::store::Tx<'_, '_>| {
        let bytes = Hash::of("sealed");
        tx.execute(
            "insert into notice_addresses (grant_id, consent_id, sealed, address_index) values (?1, 'c-1', ?2, ?2)",
            &[id.as_str().into(), bytes.into()],
        )?;
        tx.execute(
            "insert into notices (id, kind, grant_id, sealed, facts, state, attempts, created_at, erase_from) \
             values ('n-1', 'ended', ?1, ?2, '{}', 'sent', 1, ?3, ?3)",
            &[id.as_str().into(), bytes.into(), start().into()],
        )
    };
    b.store.write(added).await.unwrap();
    let own = ("notice_addresses", open.to_string());
    let copy = ("notices", "n-1".to_owned());
    assert_eq!(found(start() + promised).await, [], "it may be stored so long");
    assert_eq!(
        found(start() + promised + day).await,
        std::slice::from_ref(&copy),
        "the copy counts from the end that it tells of"
    );
    // The sweeper may be late by as much as everything else: then it is found too.
    assert_eq!(found(start() + PERIOD + promised + day).await, [own.clone(), copy.clone()]);
    let id = open.clone();
    let ended = "update grants set ended_at = ?2 where id = ?1";
    b.store.write(move |tx| tx.execute(ended, &[id.as_str().into(), start().into()])).await.unwrap();
    assert_eq!(found(start()).await, std::slice::from_ref(&own), "the end itself takes the address along");
    b.store.write(|tx| tx.execute("update grants set id = 'gone'", &[])).await.unwrap();
    assert_eq!(found(start()).await, [own]);
}
