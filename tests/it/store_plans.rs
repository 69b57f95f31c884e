//! What statements cost, by counters: a plan that is kept, and a plan that does not visit the whole history.

use crate::support::test_store::TestStore;
use crate::support::world::{World, access};
use renkei_core::identity::{FieldCrypto, IdentityPolicy, lockout};
use renkei_core::store::{Counters, Options, Result as StoreResult, Tx};
use std::sync::Arc;

fn counted() -> (World, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    let options = Options { counters: Some(counters.clone()), ..Options::default() };
    (World::at_with(TestStore::sqlite(), &options), counters)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_prepared_statement_is_not_planned_again() {
    let (w, counters) = counted();
    let (api, app) = (w.api().await, w.app("kakeibo").await);
    let token = access(&w.exchange(&app, &w.allow(&app).await.code).await.unwrap());
    assert!(w.is_active(&api, &token).await);
    let (replanned, steps) = (counters.replanned(), counters.steps());
    for _ in 0..100 {
        assert!(w.is_active(&api, &token).await);
    }
    assert_eq!(counters.replanned() - replanned, 0, "each introspection plans its statements again");
    assert!(counters.steps() > steps, "the counter counts");
    assert_eq!(replanned, 0, "so do the statements that write");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redemption_visits_as_many_rows_however_many_grants_the_app_has() {
    let (w, counters) = counted();
    let app = w.app("kakeibo").await;
    let mut linked = 0;
    let mut costs = Vec::new();
    for links in [20, 400] {
        while linked < links {
            let account = format!("115-ordinary-{linked:07}");
            let allowed = w.allow_with(&app, "openid accounts", &account, World::binding()).await;
            w.exchange(&app, &allowed.code).await.unwrap();
            linked += 1;
        }
        let allowed = w.allow_with(&app, "openid accounts", "115-ordinary-1100026", World::binding()).await;
        let before = counters.steps();
        w.exchange(&app, &allowed.code).await.unwrap();
        costs.push(counters.steps() - before);
        w.end(&allowed.grant, renkei_core::grant::Reason::Customer).await;
    }
    // One row more is five steps or so: 380 more grants must not be 380 more rows.
    assert!(costs[1] < costs[0] + 50, "{costs:?} steps with 20 and with 400 open grants of the app");
}

/// A year of notices that were sent costs neither the job that looks every second nor the list of those that were not.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_sent_costs_what_was_not_nothing() {
    let (w, counters) = counted();
    let app = w.app("kakeibo").await;
    w.queue_notice(&w.allow(&app).await, "taro@example.jp").await;
    let mut costs = Vec::new();
    for sent in [10_i64, 3000] {
        w.write(move |tx| {
            for n in 0..sent {
                let id = format!("{sent}-{n}");
                let sql = "insert into notices (id, kind, state, attempts, created_at, done_at) \
                           values (?1, 'completed', 'sent', 1, ?2, ?2)";
                tx.execute(sql, &[id.into(), n.into()])?;
            }
            Ok(())
        })
        .await;
        let before = counters.steps();
        let other = renkei_core::id::GrantId::parse("another-grant").unwrap();
        w.write(move |tx| renkei_core::lifecycle::notice::put_on_hold(tx, &other)).await;
        let listed = w.store.scan(|tx| renkei_core::lifecycle::outbox::undelivered(tx, 100)).await.unwrap();
        assert_eq!(listed.len(), 1);
        let mailer = Nobody;
        let round =
            renkei_core::lifecycle::deliver_notices(&w.store, &mailer, &mailer, &w.sealer, w.now()).await.unwrap();
        assert_eq!(round.later, 1);
        costs.push(counters.steps() - before);
        w.wait(std::time::Duration::from_hours(1));
    }
    assert!(costs[1] < costs[0] + 100, "{costs:?} steps with 10 and with 3010 notices that were sent");
}

/// Accounts that were guessed wrong long ago, or that staff alone opens, cost the sweeper nothing, and the first of them cost
/// nothing in the list of locks.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn accounts_of_long_ago_cost_the_sweeper_nothing() {
    let (w, counters) = counted();
    let (crypto, policy) =
        (FieldCrypto { sealer: w.sealer.clone(), random: w.random.clone() }, IdentityPolicy::default());
    let now = w.now();
    for (held, locked_at) in [(0, None), (1, Some(now))] {
        let mut costs = Vec::new();
        for accounts in [10_i64, 3000] {
            w.write(move |tx| {
                for n in 0..accounts {
                    let index = format!("{held} {accounts} {n}").into_bytes();
                    let sql = "insert into lockouts (account, sealed, day, failures, wrong_pins, locked_at, held) \
                               values (?1, ?1, 7, 1, 1, ?2, ?3)";
                    tx.execute(sql, &[index.into(), locked_at.into(), held.into()])?;
                }
                Ok(())
            })
            .await;
            let before = counters.steps();
            let (sweeping, rules) = (crypto.clone(), policy.clone());
            assert_eq!(w.write(move |tx| lockout::sweep(tx, &sweeping, &rules, now, 500)).await, 0);
            if held == 0 {
                let listing = crypto.clone();
                let listed = w.store.scan(move |tx| lockout::list(tx, &listing, now, 100)).await.unwrap();
                assert_eq!(listed, []);
            }
            costs.push(counters.steps() - before);
        }
        assert!(costs[1] < costs[0] + 100, "{costs:?} steps with 10 and with 3010 accounts, held: {held}");
    }
}

/// A lock, a new link, an end and housekeeping cost as much among thousands of links that have an address, and among thousands
/// that ended on the same account, as among ten.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn notices_about_links_cost_as_much_as_their_own_account_has_open() {
    let (w, counters) = counted();
    let app = w.app("kakeibo").await;
    let allowed = w.allow(&app).await;
    w.hold_notice_for(&allowed, "taro@example.jp", true).await;
    w.exchange(&app, &allowed.code).await.unwrap();
    let (own, account, now) = (allowed.grant.clone(), w.index("115-ordinary-1100026"), w.now());
    let mut costs = Vec::new();
    for links in [10_i64, 3000] {
        let like = own.clone();
        w.write(move |tx| {
            for n in 0..links {
                let other = renkei_core::secret::Hash::of(format!("{links} {n}"));
                // One of another account with an address, one of the same account that ended.
                for (id, account, ended) in [("open", other, None), ("over", account, Some(now))] {
                    let id = format!("{id}-{links}-{n}");
                    tx.execute(
                        "insert into grants (id, consent_id, client_id, sub, account_index, account, reference, scope, details, \
                         acr, amr, auth_time, created_at, expires_at, state, ended_at, seq) select ?1, consent_id, client_id, sub, \
                         ?2, account, reference, scope, details, acr, amr, auth_time, created_at, expires_at, state, ?3, seq \
                         from grants where id = ?4",
                        &[id.as_str().into(), account.into(), ended.into(), like.as_str().into()],
                    )?;
                    if ended.is_none() {
                        tx.execute(
                            "insert into notice_addresses (grant_id, consent_id, sealed, address_index) \
                             select ?1, consent_id, sealed, address_index from notice_addresses where grant_id = ?2",
                            &[id.as_str().into(), like.as_str().into()],
                        )?;
                        tx.execute(
                            "insert into notices (id, kind, grant_id, sealed, facts, state, attempts, created_at, done_at, \
                             erase_from) select ?1, 'ended', ?1, sealed, '{}', 'sent', 1, ?3, ?3, ?3 \
                             from notice_addresses where grant_id = ?2",
                            &[id.as_str().into(), like.as_str().into(), now.into()],
                        )?;
                    }
                }
            }
            Ok(())
        })
        .await;
        let (own, before) = (own.clone(), counters.steps());
        let queued = w
            .write(move |tx| {
                use renkei_core::notice_address::{end, erase, expiring, forget, new_link, suspended};
                suspended(tx, &account, None, now)?;
                expiring(tx, &own, (now, "ABCD-1234"), now)?;
                new_link(tx, &own, &[], now, now)?;
                let queued = tx.row(
                    "select count(*) from notices where grant_id = ?1 and state = 'waiting'",
                    &[own.as_str().into()],
                )?;
                let queued = queued.map_or(Ok(0), |row| row.int(0))?;
                assert_eq!(erase(tx, now - std::time::Duration::from_secs(1), now, 500)?, 0);
                let none = renkei_core::id::GrantId::parse("none").unwrap();
                forget(tx, &none, now)?;
                end(tx, &none, None, now)?;
                Ok(queued)
            })
            .await;
        costs.push(counters.steps() - before);
        assert!(queued >= 2, "{queued}");
    }
    assert!(costs[1] < costs[0] + 200, "{costs:?} steps with 10 and with 3010 links");
}

/// What PostgreSQL visits for the customer's own page, for staff who look and for an app that asks does not grow with the store:
/// the rows are counted by the engine itself, with statistics of a large store.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_postgresql_a_link_is_found_among_many() {
    const MANY: i64 = 5_000;
    let w = World::at(TestStore::postgres());
    let app = w.app("kakeibo").await;
    let allowed = w.allow(&app).await;
    w.exchange(&app, &allowed.code).await.unwrap();
    let own = allowed.grant.clone();
    for sql in OTHERS {
        let like = own.clone();
        w.write(move |tx| tx.execute(sql, &[like.as_str().into(), MANY.into()])).await;
    }
    for table in ANALYZED {
        w.write(move |tx| tx.execute(table, &[])).await;
    }

    let crypto = FieldCrypto { sealer: w.sealer.clone(), random: w.random.clone() };
    let account = renkei_core::account::Account::parse("115-ordinary-1100026").unwrap();
    let (index, now, id) = (w.index("115-ordinary-1100026"), w.now(), allowed.grant.clone());
    let grant = w.grant(&id).await;
    let verified = grant.details.accounts[0].clone();
    let owner = renkei_core::identity::Owner {
        holder: renkei_core::id::HolderId::parse("h-1").unwrap(),
        account: account.clone(),
        verified: verified.clone(),
        accounts: vec![(verified, account)],
        auth_time: now,
        last_visit: None,
        done: None,
    };
    let client = app.id.clone();
    let visited = w
        .write(move |tx| {
            use renkei_core::consent::{self, ConsentKey};
            use renkei_core::grant::sql;
            let mut costs = Vec::new();
            let mut before = visits(tx)?;
            let mut cost = |tx: &mut Tx<'_, '_>, what: &'static str| -> StoreResult<()> {
                let now = visits(tx)?;
                costs.push((what, now - before));
                before = now;
                Ok(())
            };
            assert_eq!(renkei_core::my::open(tx, &crypto, &owner, now)?.len(), 1);
            cost(tx, "the links of /my")?;
            renkei_core::my::ended(tx, &crypto, &owner, now)?;
            cost(tx, "the ended links of /my")?;
            let one = renkei_core::my::one(tx, &crypto, &owner, &id, now)?.unwrap();
            renkei_core::my::agreed(tx, &crypto, &one)?;
            cost(tx, "a receipt of /my")?;
            assert_eq!(sql::of_account(tx, &index, 100)?.len(), 1);
            cost(tx, "grant list")?;
            sql::would_end(tx, &client, &index, 10, now)?;
            sql::changeable(tx, &client, &id, now)?;
            cost(tx, "a request to change a link")?;
            assert_eq!(sql::living(tx, &client, &index, now, 10)?.len(), 1);
            cost(tx, "the page after 拒否する")?;
            renkei_core::grant::receipt::find(tx, &client, &id)?.unwrap();
            cost(tx, "a receipt for the app")?;
            consent::show::find(tx, &ConsentKey::Reference(grant.reference.clone()), 20)?;
            consent::show::find(tx, &ConsentKey::Id(grant.consent.clone()), 20)?;
            cost(tx, "consent show")?;
            renkei_core::audit::looks(tx, &index, 500)?;
            cost(tx, "audit looks")?;
            consent::sql::prune_words(tx, 500)?;
            cost(tx, "housekeeping of words")?;
            Ok(costs)
        })
        .await;
    for (what, rows) in &visited {
        assert!(*rows < 300, "{what} visits {rows} rows of a store with {MANY} links: {visited:?}");
    }
    assert!(visited.iter().any(|(_, rows)| *rows > 0), "the engine counts: {visited:?}");
}
/// The rows that this transaction has read so far.
fn visits(tx: &mut Tx<'_, '_>) -> StoreResult<i64> {
    let read = "select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::bigint \
                from pg_stat_xact_user_tables";
    tx.row(read, &[])?.map_or(Ok(0), |row| row.int(0))
}
/// Links, ended and open, of other accounts, with all that belongs to them: `?2` times.
const OTHERS: [&str; 6] = [
    "insert into grants (id, consent_id, client_id, sub, account_index, account, reference, scope, details, acr, amr, auth_time, \
         created_at, expires_at, state, activated_at, ended_at, ended_by, seq) select 'g-' || n, 'c-' || n, client_id, sub, \
         decode(md5(n::text), 'hex'), account, 'R-' || n, scope, details, acr, amr, auth_time, created_at, expires_at, \
         case when n % 2 = 0 then 'active' else 'revoked' end, activated_at, case when n % 2 = 0 then null else created_at end, \
         case when n % 2 = 0 then null else 'customer' end, seq from grants, generate_series(1, ?2) n where id = ?1",
    "insert into consents (id, decision, client_id, interaction, account_index, account, name, remote, scope, details, \
         terms_version, terms_hash, shown_hash, language, acr, amr, auth_time, decided_at, ends_at, words, reference) \
         select 'c-' || n, decision, c.client_id, 'i-' || n, decode(md5(n::text), 'hex'), c.account, name, remote, c.scope, c.details, \
         terms_version, terms_hash, shown_hash, language, c.acr, c.amr, c.auth_time, decided_at, ends_at, words, 'R-' || n \
         from consents c join grants g on g.consent_id = c.id, generate_series(1, ?2) n where g.id = ?1",
    "insert into grant_accounts (grant_id, account_index, account_id) select 'g-' || n, decode(md5('x' || n), 'hex'), 'a' \
         from grants, generate_series(1, ?2) n where id = ?1",
    "insert into grant_uses (grant_id, permission, last_at) select 'g-' || n, 'balances', created_at \
         from grants, generate_series(1, ?2) n where id = ?1",
    "insert into events (id, at, kind, client_id, grant_id, sub, seq, detail) select 'e-' || n || '-' || m, created_at, \
         case when m = 1 then 'grant.created' else 'grant.updated' end, client_id, 'g-' || n, sub, m, '{}' \
         from grants, generate_series(1, ?2) n, generate_series(1, 2) m where id = ?1",
    "insert into audit (worker, n, at, actor, action, client_id, interaction, grant_id, account, detail, hash) \
         select 'others', n, created_at, 'staff:tanaka', 'staff.grant.shown', client_id, 'i-' || n, 'g-' || n, \
         decode(md5(n::text), 'hex'), '{}', decode(md5(n::text), 'hex') from grants, generate_series(1, ?2) n where id = ?1",
];
/// What is told to the planner.
const ANALYZED: [&str; 7] = [
    "analyze grants",
    "analyze consents",
    "analyze grant_accounts",
    "analyze grant_uses",
    "analyze events",
    "analyze audit",
    "analyze consent_words",
];

/// Nothing is written and nobody is reached.
struct Nobody;
impl renkei_core::lifecycle::LetterWriter for Nobody {
    fn write(&self, _: &renkei_core::lifecycle::Notice) -> Result<renkei_core::lifecycle::Letter, String> {
        Err("nothing is written".into())
    }
}
impl renkei_core::lifecycle::Mailer for Nobody {
    fn send<'a>(
        &'a self,
        _: &'a renkei_core::lifecycle::Mail,
    ) -> futures_util::future::BoxFuture<'a, Result<(), renkei_core::lifecycle::MailError>> {
        unreachable!("nothing is written")
    }
}

/// What monitoring reads every few seconds costs one entry of an index, however full the store is; counts have a bound.
#[tokio::test]
async fn monitoring_reads_indexes_alone() {
    use renkei_core::admin::backlog::{NOTICES, OLDEST};
    let (w, _) = counted();
    for (table, sql) in OLDEST.iter().chain(NOTICES) {
        let explained: &'static str = Box::leak(format!("explain query plan {sql}").into_boxed_str());
        let params = if sql.contains("?1") { vec![1_i64.into()] } else { Vec::new() };
        let plan = w.store.read(move |tx| {
            let rows = tx.rows(explained, &params)?;
            rows.iter().map(|row| row.text(3).map(str::to_owned)).collect::<Result<Vec<_>, _>>()
        });
        let plan = plan.await.unwrap();
        let reads: Vec<_> = plan.iter().filter(|step| step.starts_with("SCAN") || step.starts_with("SEARCH")).collect();
        let fine = |step: &&&String| step.contains("INDEX") || step.contains("counted");
        assert!(!reads.is_empty() && reads.iter().all(|step| fine(&step)), "{table}: {plan:?}");
        let bounded = sql.contains("limit ?1") || plan.iter().any(|step| step.starts_with("SEARCH"));
        assert!(bounded, "{table}: the whole index is read: {plan:?}");
    }
}
