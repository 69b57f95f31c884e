//! Links are made beside each other, widened, replaced, narrowed and ended in every order: no token ever reaches further than when
//! it was last looked at, nor further than its link, and the link covers what a small model says.

use crate::support::test_store::TestStore;
use crate::support::world::{API, World, access};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use renkei_core::account::Account;
use renkei_core::audit::Actor;
use renkei_core::authorize::{ChangeAction, Details, Permission};
use renkei_core::client::Client;
use renkei_core::clock::Instant;
use renkei_core::consent::{self, ConsentChoice, ExistingLink, Offer};
use renkei_core::grant::change::{self, NewChange};
use renkei_core::grant::{self, NewGrant, Reason};
use renkei_core::id::{AccountId, GrantId};
use renkei_core::scope::Scope;
use renkei_core::secret::Hash;
use renkei_core::store::Tx;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The accounts of the one customer; the verified one is any of them.
const ACCOUNTS: [&str; 3] = ["115-ordinary-1", "115-ordinary-2", "115-savings-3"];

#[derive(Debug, Clone)]
enum Step {
    /// 許可する for a link, with or without `create`, verified by one account and sharing some.
    Allow {
        create: bool,
        verified: usize,
        shared: BTreeSet<usize>,
        transactions: bool,
    },
    /// 許可する for a change of a link.
    Agree {
        merge: bool,
        link: usize,
        verified: usize,
        shared: BTreeSet<usize>,
        transactions: bool,
    },
    /// A code is redeemed: the newest, or one before it.
    Redeem {
        code: usize,
    },
    /// A further access token of a link, for all or for one account.
    Refresh {
        link: usize,
        only: Option<usize>,
    },
    /// A link loses an account.
    Narrow {
        link: usize,
        account: usize,
        by: usize,
    },
    /// The core bank reports an account.
    Report {
        account: usize,
    },
    /// A link ends.
    End {
        link: usize,
    },
    Wait {
        days: u64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let some = || prop::collection::btree_set(0..3_usize, 1..4);
    let any = || prop_oneof![2 => Just(0_usize), 1 => 0..4_usize];
    let flag = || prop::bool::ANY;
    let step = prop_oneof![
        4 => (flag(), 0..3_usize, some(), flag())
            .prop_map(|(create, verified, shared, transactions)| Step::Allow { create, verified, shared, transactions }),
        6 => (flag(), any(), 0..3_usize, some(), flag())
            .prop_map(|(merge, link, verified, shared, transactions)| Step::Agree { merge, link, verified, shared, transactions }),
        10 => any().prop_map(|code| Step::Redeem { code }),
        4 => (any(), prop::option::of(0..3_usize)).prop_map(|(link, only)| Step::Refresh { link, only }),
        3 => (any(), 0..3_usize, 0..3_usize).prop_map(|(link, account, by)| Step::Narrow { link, account, by }),
        1 => (0..3_usize).prop_map(|account| Step::Report { account }),
        1 => any().prop_map(|link| Step::End { link }),
        1 => prop::sample::select(vec![0_u64, 1, 20, 31]).prop_map(|days| Step::Wait { days }),
    ];
    prop::collection::vec(step, 1..30)
}

/// What a link covers or a token reaches: each pair is one account and one permission.
type Reach = BTreeSet<(String, &'static str)>;

fn id(account: usize) -> AccountId {
    AccountId::parse(&format!("acc-{account}")).unwrap()
}
fn permissions(transactions: bool) -> Vec<Permission> {
    if transactions { Permission::ALL.to_vec() } else { vec![Permission::Balances] }
}
fn reach(accounts: &BTreeSet<usize>, permissions: &[Permission]) -> Reach {
    accounts.iter().flat_map(|a| permissions.iter().map(|p| (id(*a).to_string(), p.scope()))).collect()
}

struct GrantModel {
    id: GrantId,
    verified: usize,
    accounts: BTreeSet<usize>,
    permissions: Vec<Permission>,
    create: bool,
    active: bool,
    open: bool,
    created: Instant,
    expires: Instant,
    refresh: Option<String>,
}
struct Code {
    text: String,
    link: usize,
    made: Instant,
    used: bool,
    change: Option<Change>,
}
struct Change {
    action: ChangeAction,
    verified: usize,
    /// What the link shared when the customer agreed.
    known: BTreeSet<usize>,
    accounts: BTreeSet<usize>,
    permissions: Vec<Permission>,
    gone: bool,
}
struct Token {
    text: String,
    link: usize,
    last: Reach,
}

struct Story<'w> {
    w: &'w World,
    app: Arc<Client>,
    api: Arc<Client>,
    links: Vec<GrantModel>,
    codes: Vec<Code>,
    tokens: Vec<Token>,
}
type Played = Result<(), TestCaseError>;

/// The `n`-th of so many, counted back from the newest.
fn back<T>(n: usize, of: &[T]) -> Option<usize> {
    (!of.is_empty()).then(|| of.len() - 1 - n % of.len())
}

impl Story<'_> {
    fn index(&self, account: usize) -> Hash {
        self.w.index(&Account::parse(ACCOUNTS[account]).unwrap().to_string())
    }
    fn live(&self, link: usize) -> bool {
        self.links[link].open && self.w.now() < self.links[link].expires
    }
    fn over(&mut self, link: usize) {
        self.links[link].open = false;
    }
    fn offer(
        &self,
        shared: &BTreeSet<usize>,
        verified: usize,
        transactions: bool,
        existing: Option<ExistingLink>,
    ) -> Offer {
        let scope = if transactions { "accounts transactions offline_access" } else { "accounts offline_access" };
        let limits = Details { permissions: permissions(transactions), ..Details::default() };
        Offer {
            accounts: shared.iter().map(|a| id(*a)).collect(),
            verified: id(verified),
            choose: true,
            existing,
            limits: Some(limits),
            ..self.w.offer(&self.app, scope)
        }
    }

    async fn allow(&mut self, create: bool, verified: usize, shared: &BTreeSet<usize>, transactions: bool) {
        let w = self.w;
        let offer = self.offer(shared, verified, transactions, None);
        let choice = ConsentChoice { agree: true, accounts: offer.accounts.clone(), notices: false };
        let agreed = consent::allow(&offer, &choice, w.customer(ACCOUNTS[verified]), w.now()).unwrap();
        let link = NewGrant::new(&agreed, World::binding(), self.app.id.as_str(), &w.sealer, &*w.random).unwrap();
        let accounts: Vec<_> = shared.iter().map(|a| (self.index(*a), id(*a))).collect();
        let link = link.with_receivers(vec![API.to_owned()], id(verified)).with_shared(accounts);
        let link = if create { link.additional() } else { link };
        let made = link.summary().clone();
        assert!(w.write(move |tx| grant::create(tx, &link)).await);
        self.links.push(GrantModel {
            id: made.grant,
            verified,
            accounts: shared.clone(),
            permissions: permissions(transactions),
            create,
            active: false,
            open: true,
            created: w.now(),
            expires: made.expires_at,
            refresh: None,
        });
        let link = self.links.len() - 1;
        self.codes.push(Code { text: made.code.reveal().to_owned(), link, made: w.now(), used: false, change: None });
    }

    async fn agree(
        &mut self,
        merge: bool,
        link: usize,
        verified: usize,
        shared: &BTreeSet<usize>,
        transactions: bool,
    ) -> Played {
        let (w, action) = (self.w, if merge { ChangeAction::Merge } else { ChangeAction::Replace });
        let (of, now, client) = (self.links[link].id.clone(), w.now(), self.app.id.clone());
        let found = w.store.read(move |tx| grant::sql::changeable(tx, &client, &of, now)).await.unwrap();
        prop_assert_eq!(found.is_some(), self.live(link) && self.links[link].active);
        let Some(grant) = found else { return Ok(()) };
        let existing = ExistingLink { action, scope: grant.scope.clone(), details: grant.details.clone() };
        let offer = self.offer(shared, verified, transactions, Some(existing));
        let choice = ConsentChoice { agree: true, accounts: offer.accounts.clone(), notices: false };
        let agreed = consent::allow(&offer, &choice, w.customer(ACCOUNTS[verified]), now).unwrap();
        let drawn = (&*w.sealer, &*w.random);
        let new = NewChange::new((&grant, action), &agreed, World::binding(), id(verified), drawn).unwrap();
        let covered = agreed.details.accounts.iter().filter_map(|a| (0..3).find(|n| id(*n) == *a));
        let accounts: Vec<_> = covered.map(|a| (self.index(a), id(a))).collect();
        let new = new.with_audiences(vec![API.to_owned()]).with_shared(accounts);
        let code = new.summary().code.reveal().to_owned();
        assert!(w.write(move |tx| change::agree(tx, &new)).await);
        let known = self.links[link].accounts.clone();
        let accounts = if merge { known.union(shared).copied().collect() } else { shared.clone() };
        let change = Change { action, verified, known, accounts, permissions: permissions(transactions), gone: false };
        self.codes.push(Code { text: code, link, made: now, used: false, change: Some(change) });
        Ok(())
    }

    async fn redeem(&mut self, code: usize) -> Played {
        let (w, now) = (self.w, self.w.now());
        let answer = w.exchange(&self.app, &self.codes[code].text).await;
        let (link, used) = (self.codes[code].link, self.codes[code].used);
        let late = now >= self.codes[code].made + Duration::from_secs(60) || !self.live(link);
        if used {
            prop_assert!(answer.is_err());
            // The codes of an ended link are gone, so that nothing happens twice.
            if self.live(link) {
                self.over(link);
            }
            return Ok(());
        }
        let after = self.codes[code].change.as_ref().map(|change| {
            let stopped = |a: &usize| change.known.contains(a) && !self.links[link].accounts.contains(a);
            let chosen: BTreeSet<usize> = change.accounts.iter().copied().filter(|a| !stopped(a)).collect();
            (change, chosen)
        });
        let unfit = after.as_ref().is_some_and(|(change, chosen)| change.gone || chosen.is_empty());
        if late || unfit {
            prop_assert!(answer.is_err(), "late {late}, unfit {unfit}");
            return Ok(());
        }
        let body = answer.map_err(|code| TestCaseError::fail(format!("{code:?}")))?;
        if let Some((change, chosen)) = after {
            let l = &self.links[link];
            let (accounts, permitted) = match change.action {
                ChangeAction::Merge => (
                    l.accounts.union(&chosen).copied().collect(),
                    Permission::ALL
                        .into_iter()
                        .filter(|p| l.permissions.contains(p) || change.permissions.contains(p))
                        .collect(),
                ),
                ChangeAction::Replace => (chosen, change.permissions.clone()),
            };
            let (verified, replaced) = (change.verified, change.action == ChangeAction::Replace);
            let made = self.codes[code].made;
            let l = &mut self.links[link];
            (l.accounts, l.permissions, l.verified) = (accounts, permitted, verified);
            l.expires = (made + Duration::from_hours(30 * 24)).floor_minute();
            if replaced {
                self.tokens.iter_mut().filter(|t| t.link == link).for_each(|t| t.last = Reach::new());
            }
        } else {
            self.links[link].active = true;
            let (create, verified, created) =
                (self.links[link].create, self.links[link].verified, self.links[link].created);
            for other in 0..self.links.len() {
                let o = &self.links[other];
                if other != link
                    && !create
                    && !o.create
                    && o.verified == verified
                    && o.created <= created
                    && self.live(other)
                {
                    self.over(other);
                }
            }
        }
        if self.codes[code].change.is_some() {
            // Another change in flight rests on what the link was.
            for other in self.codes.iter_mut().filter(|c| c.link == link && !c.used) {
                if let Some(change) = &mut other.change {
                    change.gone = true;
                }
            }
        }
        self.codes[code].used = true;
        self.links[link].refresh = body["refresh_token"].as_str().map(str::to_owned);
        self.issued(&body, link);
        Ok(())
    }

    fn issued(&mut self, body: &Value, link: usize) {
        let all = reach(&(0..3).collect(), &Permission::ALL);
        self.tokens.push(Token { text: access(body), link, last: all });
    }

    async fn play(&mut self, step: &Step) -> Played {
        let w = self.w;
        match step {
            Step::Allow { create, verified, shared, transactions } => {
                self.allow(*create, *verified, shared, *transactions).await;
            }
            Step::Agree { merge, link, verified, shared, transactions } => {
                let Some(link) = back(*link, &self.links) else { return Ok(()) };
                self.agree(*merge, link, *verified, shared, *transactions).await?;
            }
            Step::Redeem { code } => {
                let Some(code) = back(*code, &self.codes) else { return Ok(()) };
                self.redeem(code).await?;
            }
            Step::Refresh { link, only } => {
                let Some(link) = back(*link, &self.links) else { return Ok(()) };
                let Some(token) = self.links[link].refresh.clone() else { return Ok(()) };
                let detail = only.map(|a| json!([{"type": "account_information", "accounts": [id(a)]}]).to_string());
                let more = detail.map(|d| format!("authorization_details={d}")).unwrap_or_default();
                let answer = w.refresh(&self.app, &token, &more).await;
                let within = only.is_none_or(|a| self.links[link].accounts.contains(&a));
                prop_assert_eq!(answer.is_ok(), self.live(link) && within);
                if let Ok(body) = answer {
                    self.issued(&body, link);
                }
            }
            Step::Narrow { link, account, by } => {
                let Some(link) = back(*link, &self.links) else { return Ok(()) };
                let reason = [Reason::Customer, Reason::Institution { note: "by telephone".into() }, Reason::Account]
                    [*by]
                    .clone();
                let (of, index, now) = (self.links[link].id.clone(), self.index(*account), w.now());
                w.write(move |tx| grant::narrow(tx, &of, &index, (&reason, Actor::Customer), now)).await;
                self.narrowed(link, *account);
            }
            Step::Report { account } => {
                let index = self.index(*account);
                w.write(move |tx: &mut Tx<'_, '_>| change::forget_account(tx, &index)).await;
                for code in self.codes.iter_mut().filter(|code| !code.used) {
                    if let Some(change) = &mut code.change {
                        change.gone |= change.verified == *account || change.accounts.contains(account);
                    }
                }
            }
            Step::End { link } => {
                let Some(link) = back(*link, &self.links) else { return Ok(()) };
                w.end(&self.links[link].id, Reason::Customer).await;
                if self.live(link) {
                    self.over(link);
                }
            }
            Step::Wait { days } => w.wait(Duration::from_secs(1 + days * 86_400)),
        }
        Ok(())
    }

    fn narrowed(&mut self, link: usize, account: usize) {
        if !self.live(link) {
            return;
        }
        let l = &mut self.links[link];
        let only = l.accounts.len() == 1 && l.accounts.contains(&account);
        if l.verified == account || only {
            l.open = false;
        } else {
            l.accounts.remove(&account);
        }
    }

    async fn looked_at(&mut self, step: &Step) -> Played {
        for i in 0..self.tokens.len() {
            let (text, link) = (self.tokens[i].text.clone(), self.tokens[i].link);
            let seen = self.w.introspect(&self.api, &text).await;
            let of = |name: &str| -> Vec<String> {
                let list = seen["authorization_details"][0][name].as_array().cloned().unwrap_or_default();
                list.iter().map(|v| v.as_str().unwrap().to_owned()).collect()
            };
            let permitted: Vec<&str> = Permission::ALL
                .iter()
                .filter(|p| of("permissions").contains(&json!(p).as_str().unwrap().to_owned()))
                .map(|p| p.scope())
                .collect();
            let now: Reach =
                of("accounts").into_iter().flat_map(|a| permitted.iter().map(move |p| (a.clone(), *p))).collect();
            prop_assert!(now.is_subset(&self.tokens[i].last), "a token reaches further after {:?}: {:?}", step, seen);
            let covered = reach(&self.links[link].accounts, &self.links[link].permissions);
            prop_assert!(now.is_subset(&covered), "further than its link after {:?}: {:?} {:?}", step, seen, covered);
            prop_assert!(self.live(link) || seen == json!({"active": false}), "its link is over, after {:?}", step);
            self.tokens[i].last = now;
        }
        for l in 0..self.links.len() {
            let (of, now) = (self.links[l].id.clone(), self.w.now());
            let grant = self.w.store.read(move |tx| grant::sql::load(tx, &of)).await.unwrap().unwrap();
            prop_assert_eq!(grant.is_live(now), self.live(l), "after {:?}", step);
            if self.live(l) {
                let own: BTreeSet<AccountId> = grant.details.accounts.iter().cloned().collect();
                prop_assert_eq!(
                    own,
                    self.links[l].accounts.iter().map(|a| id(*a)).collect::<BTreeSet<_>>(),
                    "after {:?}",
                    step
                );
                prop_assert_eq!(&grant.details.permissions, &self.links[l].permissions, "after {:?}", step);
                prop_assert!(Scope::of(self.links[l].permissions.iter().map(|p| p.scope())).within(&grant.scope));
            }
        }
        Ok(())
    }
}

async fn play(w: &World, case: u32, steps: &[Step]) -> Played {
    let record = json!({
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid accounts transactions offline_access",
        "access_token_lifetime": "30d",
    });
    let (app, api) = (w.client(&format!("app-{case}"), record).await, w.api().await);
    let mut story = Story { w, app, api, links: Vec::new(), codes: Vec::new(), tokens: Vec::new() };
    for step in steps {
        story.play(step).await?;
        story.looked_at(step).await?;
    }
    Ok(())
}

fn run(test_store: TestStore, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let w = runtime.block_on(async { World::at(test_store) });
    let case = AtomicU32::new(0);
    let config = Config { cases, max_shrink_iters: 300, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&steps(), |steps| runtime.block_on(play(&w, case.fetch_add(1, Ordering::SeqCst), &steps)))
        .unwrap_or_else(|e| panic!("{e}"));
    runtime.block_on(w.whole());
}

#[test]
fn reach_never_grows_on_sqlite() {
    run(TestStore::sqlite(), 96);
}
#[test]
fn reach_never_grows_on_postgres() {
    run(TestStore::postgres(), 32);
}
