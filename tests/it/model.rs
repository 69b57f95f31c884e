//! Whatever happens in whatever order, introspection equals a small model: some grants, some tokens, three rules.

use crate::support::place::Place;
use crate::support::world::{World, access};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use renkei::client::{Client, Status};
use renkei::clock::Instant;
use renkei::grant::Reason;
use renkei::refusal::Code;
use renkei::token::revoke::Revoked;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Something that can happen. Indexes are taken modulo what there is.
#[derive(Debug, Clone)]
enum Step {
    /// 許可する at one of two accounts, for one of two apps.
    Allow { app: usize, account: usize },
    /// Some app presents a code, used or not.
    Redeem { app: usize, code: usize },
    /// Some app uses a refresh token.
    Refresh { app: usize, token: usize },
    /// Some app revokes an access token,
    Revoke { app: usize, token: usize },
    /// or a refresh token.
    RevokeRefresh { app: usize, token: usize },
    /// Staff, the customer or the account end a grant.
    End { grant: usize, why: usize },
    /// Staff suspend or resume an app.
    Suspend { app: usize, on: bool },
    /// Time passes, a little or a lot.
    Wait { seconds: u64 },
    /// The sweeper comes by.
    Sweep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let app = || 0..2_usize;
    let any = || 0..16_usize;
    let step = prop_oneof![
        4 => (app(), 0..2_usize).prop_map(|(app, account)| Step::Allow { app, account }),
        6 => (app(), any()).prop_map(|(app, code)| Step::Redeem { app, code }),
        3 => (app(), any()).prop_map(|(app, token)| Step::Refresh { app, token }),
        1 => (app(), any()).prop_map(|(app, token)| Step::Revoke { app, token }),
        1 => (app(), any()).prop_map(|(app, token)| Step::RevokeRefresh { app, token }),
        1 => (any(), 0..3_usize).prop_map(|(grant, why)| Step::End { grant, why }),
        1 => (app(), prop::bool::ANY).prop_map(|(app, on)| Step::Suspend { app, on }),
        2 => prop_oneof![0..90_u64, Just(86_400), Just(9 * 86_400), Just(30 * 86_400 - 30)]
            .prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Sweep),
    ];
    prop::collection::vec(step, 1..30)
}

/// The model. A grant is open or not, ends at a moment, and belongs to an app and an account.
struct Grant {
    app: usize,
    account: usize,
    created: Instant,
    expires: Instant,
    open: bool,
    code_used: bool,
    refresh_dead: bool,
}
struct Token {
    text: String,
    grant: usize,
    expires: Instant,
    revoked: bool,
}
struct Refresh {
    text: String,
    grant: usize,
}
#[derive(Default)]
struct Model {
    grants: Vec<Grant>,
    codes: Vec<(String, renkei::id::GrantId)>,
    tokens: Vec<Token>,
    refreshes: Vec<Refresh>,
    suspended: [bool; 2],
}
impl Model {
    fn live(&self, grant: usize, now: Instant) -> bool {
        self.grants[grant].open && now < self.grants[grant].expires
    }
    /// The three rules: the grant lives, the client is active, the token's own time is not over.
    fn active(&self, token: &Token, now: Instant) -> bool {
        self.live(token.grant, now)
            && !self.suspended[self.grants[token.grant].app]
            && now < token.expires
            && !token.revoked
    }
}

/// The second app may have refresh tokens; its access tokens live a day.
const SECOND: Duration = Duration::from_hours(24);

async fn play(w: &World, case: u32, steps: &[Step]) -> Result<(), TestCaseError> {
    let refreshing = serde_json::json!({"grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid accounts transactions offline_access", "access_token_lifetime": "1d"});
    let apps: [Arc<Client>; 2] =
        [w.app(&format!("plain-{case}")).await, w.client(&format!("fresh-{case}"), refreshing).await];
    let api = w.api().await;
    let mut m = Model::default();
    for step in steps {
        let now = w.now();
        match *step {
            Step::Allow { app, account } => {
                let scope = if app == 1 { "accounts offline_access" } else { "accounts" };
                let account_name = format!("115-ordinary-{account}");
                let allowed = w.allow_with(&apps[app], scope, &account_name, World::binding()).await;
                let expires = now + Duration::from_hours(30 * 24);
                m.grants.push(Grant {
                    app,
                    account,
                    created: now,
                    expires,
                    open: true,
                    code_used: false,
                    refresh_dead: false,
                });
                m.codes.push((allowed.code, allowed.grant));
            }
            Step::Redeem { app, code } if !m.codes.is_empty() => {
                let i = code % m.codes.len();
                let answer = w.exchange(&apps[app], &m.codes[i].0).await;
                if m.grants[i].app != app {
                    prop_assert_eq!(answer.err(), Some(Code::InvalidGrant));
                } else if m.grants[i].code_used {
                    prop_assert_eq!(answer.err(), Some(Code::InvalidGrant));
                    if m.live(i, now) {
                        m.grants[i].open = false;
                    }
                } else if now >= m.grants[i].created + Duration::from_secs(60) || !m.live(i, now) {
                    prop_assert_eq!(answer.err(), Some(Code::InvalidGrant));
                } else {
                    let body = answer.map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
                    m.grants[i].code_used = true;
                    for j in (0..m.grants.len()).filter(|j| *j != i) {
                        let (old, new) = (&m.grants[j], &m.grants[i]);
                        if old.app == new.app
                            && old.account == new.account
                            && old.created <= new.created
                            && m.live(j, now)
                        {
                            m.grants[j].open = false;
                        }
                    }
                    let life = if app == 1 { now + SECOND } else { m.grants[i].expires };
                    m.tokens.push(Token {
                        text: access(&body),
                        grant: i,
                        expires: life.min(m.grants[i].expires),
                        revoked: false,
                    });
                    prop_assert_eq!(body.get("refresh_token").is_some(), app == 1);
                    if let Some(text) = body["refresh_token"].as_str() {
                        m.refreshes.push(Refresh { text: text.into(), grant: i });
                    }
                }
            }
            Step::Refresh { app, token } if !m.refreshes.is_empty() => {
                let r = &m.refreshes[token % m.refreshes.len()];
                let answer = w.refresh(&apps[app], &r.text, "").await;
                if m.grants[r.grant].app == app && m.live(r.grant, now) {
                    let body = answer.map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
                    let expires = (now + SECOND).min(m.grants[r.grant].expires);
                    let grant = r.grant;
                    m.tokens.push(Token { text: access(&body), grant, expires, revoked: false });
                } else {
                    prop_assert_eq!(answer.err(), Some(Code::InvalidGrant));
                }
            }
            Step::Revoke { app, token } if !m.tokens.is_empty() => {
                let i = token % m.tokens.len();
                let grant = m.tokens[i].grant;
                let answer = w.revoke(&apps[app], &m.tokens[i].text).await;
                let want = if m.grants[grant].app != app {
                    Err(Code::InvalidGrant)
                } else if !m.active(&m.tokens[i], now) {
                    Ok(Revoked::Nothing)
                } else if app == 1 && !m.grants[grant].refresh_dead {
                    m.tokens[i].revoked = true;
                    Ok(Revoked::Token)
                } else {
                    m.grants[grant].open = false;
                    Ok(Revoked::Grant)
                };
                prop_assert_eq!(answer, want);
            }
            Step::RevokeRefresh { app, token } if !m.refreshes.is_empty() => {
                let r = &m.refreshes[token % m.refreshes.len()];
                let answer = w.revoke(&apps[app], &r.text).await;
                let want = if m.grants[r.grant].app != app {
                    Err(Code::InvalidGrant)
                } else if m.live(r.grant, now) {
                    m.grants[r.grant].open = false;
                    Ok(Revoked::Grant)
                } else {
                    Ok(Revoked::Nothing)
                };
                prop_assert_eq!(answer, want);
            }
            Step::End { grant, why } if !m.codes.is_empty() => {
                let i = grant % m.codes.len();
                let note = || Reason::Institution { note: "telephone".into() };
                let reason = [note(), Reason::Customer, Reason::Account][why].clone();
                w.end(&m.codes[i].1, reason).await;
                if m.live(i, now) {
                    m.grants[i].open = false;
                }
            }
            Step::Suspend { app, on } => {
                w.set_status(&apps[app], if on { Status::Suspended } else { Status::Active }).await;
                m.suspended[app] = on;
            }
            Step::Wait { seconds } => w.wait(Duration::from_secs(seconds)),
            Step::Sweep => {
                w.sweep().await;
            }
            // There is nothing to do it to yet.
            _ => {}
        }
        let now = w.now();
        for token in &m.tokens {
            let got = w.is_active(&api, &token.text).await;
            prop_assert_eq!(got, m.active(token, now), "after {:?}", step);
        }
    }
    Ok(())
}

fn run(place: Place, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let w = runtime.block_on(async { World::at(place) });
    let case = AtomicU32::new(0);
    let config = Config { cases, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&steps(), |steps| runtime.block_on(play(&w, case.fetch_add(1, Ordering::SeqCst), &steps)))
        .unwrap_or_else(|e| panic!("{e}"));
    runtime.block_on(w.whole());
}

#[test]
fn introspection_equals_the_model_on_sqlite() {
    run(Place::sqlite(), 96);
}
#[test]
fn introspection_equals_the_model_on_postgres() {
    run(Place::postgres(), 48);
}
