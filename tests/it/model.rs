//! Whatever happens in whatever order, introspection equals a small model: some grants, some tokens, and the rules that a
//! token is good while its grant, its client and its own time are, is seen by whom it concerns, and opens a door to who
//! holds what it is bound to: nothing, a key or a certificate. Each receiver hears of every change that it can see, in order.

mod events;

use crate::support::test_store::TestStore;
use crate::support::world::{API, World, access};
use events::{Because, Expected, Receivers};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use renkei_core::client::{Client, Status};
use renkei_core::clock::Instant;
use renkei_core::event::EventKind;
use renkei_core::grant::Reason;
use renkei_core::id::GrantId;
use renkei_core::refusal::ErrorCode;
use renkei_core::secret::Hash;
use renkei_core::thumbprint::Thumbprint;
use renkei_core::token::revoke::Revoked;
use renkei_core::token::{ProofOfPossession, TokenBinding};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Something that can happen. Indexes count back from the newest, modulo what there is.
#[derive(Debug, Clone)]
enum Step {
    /// 許可する at one of two accounts, for one of two apps, for one or both resource servers, the code bound to a key.
    Allow { app: usize, account: usize, resources: usize, key: Option<usize> },
    /// Some app presents a code, used or not, and proves to hold something.
    Redeem { app: usize, code: usize, holds: usize },
    /// Some app uses a refresh token, for one resource server or for all it is good for.
    Refresh { app: usize, token: usize, only: Option<usize>, holds: usize },
    /// An app asks for a token of its own.
    ClientToken { app: usize, resource: usize, holds: usize },
    /// Some app revokes an access token,
    Revoke { app: usize, token: usize },
    /// or a refresh token.
    RevokeRefresh { app: usize, token: usize },
    /// Staff, the customer or the account end a grant.
    End { grant: usize, why: usize },
    /// The server dies before the end of a grant is committed.
    Die { grant: usize },
    /// Staff suspend or resume an app.
    Suspend { app: usize, on: bool },
    /// An app ends its registration.
    Leave { app: usize },
    /// A backup is restored.
    Restore,
    /// Time passes, a little or a lot.
    Wait { seconds: u64 },
    /// The sweeper comes by.
    Sweep,
    /// Tables forget what they may.
    Tidy,
}

/// Whose tokens are bound to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// To the key of a proof, where there is one.
    Free,
    /// To a key, always.
    Key,
    /// To a certificate, always.
    Certificate,
}

/// What the kinds of two apps are, and what happens.
fn stories() -> impl Strategy<Value = ([Kind; 2], Vec<Step>)> {
    let kind = || prop::sample::select(vec![Kind::Free, Kind::Key, Kind::Certificate]);
    (kind(), kind()).prop_flat_map(|(a, b)| (Just([a, b]), steps()))
}
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let app = || 0..2_usize;
    // Most of what happens happens to what is new.
    let any = || prop_oneof![1 => Just(0_usize), 1 => 0..16_usize];
    let holds = || prop_oneof![1 => Just(0), 3 => 1..3_usize, 3 => 3..5_usize, 1 => Just(5)];
    let step = prop_oneof![
        8 => (app(), 0..2_usize, 0..4_usize, prop::option::weighted(0.2, 0..2_usize))
            .prop_map(|(app, account, resources, key)| Step::Allow { app, account, resources, key }),
        16 => (app(), any(), holds()).prop_map(|(app, code, holds)| Step::Redeem { app, code, holds }),
        8 => (app(), any(), prop::option::of(0..2_usize), holds())
            .prop_map(|(app, token, only, holds)| Step::Refresh { app, token, only, holds }),
        4 => (app(), 0..2_usize, holds()).prop_map(|(app, resource, holds)| Step::ClientToken { app, resource, holds }),
        3 => (app(), any()).prop_map(|(app, token)| Step::Revoke { app, token }),
        2 => (app(), any()).prop_map(|(app, token)| Step::RevokeRefresh { app, token }),
        2 => (any(), 0..3_usize).prop_map(|(grant, why)| Step::End { grant, why }),
        1 => any().prop_map(|grant| Step::Die { grant }),
        2 => (app(), prop::bool::ANY).prop_map(|(app, on)| Step::Suspend { app, on }),
        1 => app().prop_map(|app| Step::Leave { app }),
        2 => Just(Step::Restore),
        4 => prop_oneof![3 => 0..90_u64, 1 => prop::sample::select(vec![3600, 86_400, 9 * 86_400, 30 * 86_400 - 30])]
            .prop_map(|seconds| Step::Wait { seconds }),
        2 => Just(Step::Sweep),
        1 => Just(Step::Tidy),
    ];
    prop::collection::vec(step, 1..50)
}

/// The two resource servers' audiences, and which of them an authorization request may name.
const RESOURCES: [&str; 2] = [API, "https://elsewhere.example"];
const NAMED: [&[usize]; 4] = [&[], &[0], &[1], &[0, 1]];
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A key or a certificate of two, by thumbprint.
fn key(n: usize) -> Thumbprint {
    Thumbprint::of(["one key", "another key"][n])
}
fn certificate(n: usize) -> Hash {
    Hash::of(["one certificate", "another certificate"][n])
}
/// What a request proves to hold: nothing, a key, a certificate, or both.
fn held() -> [ProofOfPossession; 6] {
    let of = |key, certificate| ProofOfPossession { key, certificate };
    [
        ProofOfPossession::default(),
        of(Some(key(0)), None),
        of(Some(key(1)), None),
        of(None, Some(certificate(0))),
        of(None, Some(certificate(1))),
        of(Some(key(0)), Some(certificate(0))),
    ]
}
impl Kind {
    /// The members of a client's record.
    fn recorded(self) -> Value {
        json!({
            "dpop_bound_access_tokens": self == Self::Key,
            "tls_client_certificate_bound_access_tokens": self == Self::Certificate,
        })
    }
    /// To what the token of a request is bound.
    fn binds(self, holds: usize) -> Result<Option<TokenBinding>, ErrorCode> {
        let ProofOfPossession { key, certificate } = held()[holds];
        match (self, key, certificate) {
            (Self::Free, key, _) => Ok(key.map(TokenBinding::Dpop)),
            (Self::Key, Some(key), _) => Ok(Some(TokenBinding::Dpop(key))),
            (Self::Key, None, _) => Err(ErrorCode::InvalidDpopProof),
            (Self::Certificate, None, Some(certificate)) => Ok(Some(TokenBinding::Certificate(certificate))),
            (Self::Certificate, ..) => Err(ErrorCode::InvalidRequest),
        }
    }
}

/// The model. A grant is open or not, ends at a moment, and belongs to an app and an account.
struct Grant {
    id: GrantId,
    app: usize,
    account: usize,
    /// Indexes into [`RESOURCES`].
    aud: Vec<usize>,
    /// The key that the code is bound to.
    key: Option<usize>,
    created: Instant,
    expires: Instant,
    /// When a warning before its end is due.
    warn: Option<Instant>,
    open: bool,
    code: String,
    code_used: bool,
    code_gone: bool,
    refresh: Option<Refresh>,
}
struct Refresh {
    text: String,
    dead: bool,
    gone: bool,
}
struct Token {
    text: String,
    app: usize,
    /// None for the app's own.
    grant: Option<usize>,
    aud: Vec<usize>,
    binding: Option<TokenBinding>,
    issued: Instant,
    expires: Instant,
    revoked: bool,
    gone: bool,
}
#[derive(Default)]
struct Model {
    grants: Vec<Grant>,
    tokens: Vec<Token>,
    suspended: [bool; 2],
    left: [bool; 2],
    /// The resource servers for which an app has ever had a grant or a token of its own.
    audiences: [BTreeSet<usize>; 2],
    /// What this step has made known.
    expected: Vec<Expected>,
}
/// The `n`-th of so many, counted back from the newest.
const fn back(n: usize, len: usize) -> usize {
    len - 1 - n % len
}
impl Model {
    fn live(&self, grant: usize, now: Instant) -> bool {
        self.grants[grant].open && now < self.grants[grant].expires
    }
    /// The rules: the grant lives, the client is active, the token's own time is not over.
    fn active(&self, t: &Token, now: Instant) -> bool {
        let client = !self.suspended[t.app] && !self.left[t.app];
        client && !t.revoked && now < t.expires && t.grant.is_none_or(|g| self.live(g, now))
    }
    /// The grant whose refresh token is the `n`-th.
    fn refresh(&self, n: usize) -> Option<usize> {
        let having: Vec<usize> = (0..self.grants.len()).filter(|g| self.grants[*g].refresh.is_some()).collect();
        (!having.is_empty()).then(|| having[back(n, having.len())])
    }
    fn end(&mut self, grant: usize, why: Because, now: Instant) {
        if self.live(grant, now) {
            self.over(grant, why);
        }
    }
    fn over(&mut self, grant: usize, why: Because) {
        (self.grants[grant].open, self.grants[grant].warn) = (false, None);
        let (kind, by) = why.event();
        self.of_grant(kind, grant, by);
    }
}

/// The rule of a door: what is bound to nothing is a Bearer token, what is bound to a key comes as DPoP with that key, what
/// is bound to a certificate as Bearer with that certificate.
fn opens(bound: Option<TokenBinding>, dpop: bool, proved: ProofOfPossession) -> bool {
    let wants = match bound {
        None => (false, None, None),
        Some(TokenBinding::Dpop(key)) => (true, Some(key), None),
        Some(TokenBinding::Certificate(own)) => (false, None, Some(own)),
    };
    let key_held = wants.1.is_none() || wants.1 == proved.key;
    let certificate_held = wants.2.is_none() || wants.2 == proved.certificate;
    wants.0 == dpop && key_held && certificate_held
}
const fn token_type(bound: Option<TokenBinding>) -> &'static str {
    if matches!(bound, Some(TokenBinding::Dpop(_))) { "DPoP" } else { "Bearer" }
}

/// One story: the real thing and the model of it.
struct Story<'w> {
    w: &'w World,
    receivers: Receivers,
    kinds: [Kind; 2],
    apps: [Arc<Client>; 2],
    apis: [Arc<Client>; 2],
    m: Model,
}

type Played = Result<(), TestCaseError>;

fn failed(code: ErrorCode) -> TestCaseError {
    TestCaseError::fail(format!("{code:?}"))
}

impl Story<'_> {
    async fn begin(w: &World, kinds: [Kind; 2], case: u32) -> Story<'_> {
        let more = |grant_types: &[&str], scope: &str| json!({"grant_types": grant_types, "scope": scope, "access_token_lifetime": "1d", "resources": RESOURCES});
        let mut plain = more(&["authorization_code", "client_credentials"], "openid accounts status");
        plain["access_token_lifetime"] = json!("30d");
        let mut fresh = more(
            &["authorization_code", "refresh_token", "client_credentials"],
            "openid accounts transactions offline_access status",
        );
        for (record, kind) in [(&mut plain, kinds[0]), (&mut fresh, kinds[1])] {
            record.as_object_mut().unwrap().extend(kind.recorded().as_object().unwrap().clone());
        }
        // The second app may have refresh tokens; its access tokens live a day.
        let apps = [w.client(&format!("plain-{case}"), plain).await, w.client(&format!("fresh-{case}"), fresh).await];
        let elsewhere =
            json!({"profile": "resource_server", "resources": [RESOURCES[1]], "redirect_uris": [], "scope": null});
        let apis = [w.api().await, w.client("elsewhere", elsewhere).await];
        // What earlier stories left is over.
        while w.sweep().await.more(500) {}
        let receivers = Receivers::begin(w, &apps, &apis).await;
        Story { w, receivers, kinds, apps, apis, m: Model::default() }
    }

    async fn play(&mut self, step: &Step) -> Played {
        let now = self.w.now();
        match *step {
            // Who has left cannot authenticate any more.
            Step::Allow { app, .. }
            | Step::Redeem { app, .. }
            | Step::Refresh { app, .. }
            | Step::ClientToken { app, .. }
                if self.m.left[app] => {}
            Step::Revoke { app, .. } | Step::RevokeRefresh { app, .. } if self.m.left[app] => {}
            Step::Allow { app, account, resources, key } => {
                self.allow(app, account, NAMED[resources], key, now).await;
            }
            Step::Redeem { app, code, holds } if !self.m.grants.is_empty() => {
                let Some(binding) = self.bound(app, holds)? else { return Ok(()) };
                self.redeem(app, back(code, self.m.grants.len()), binding, now).await?;
            }
            Step::Refresh { app, token, only, holds } => {
                let Some(binding) = self.bound(app, holds)? else { return Ok(()) };
                self.refresh(app, token, only, binding, now).await?;
            }
            Step::ClientToken { app, resource, holds } => {
                let Some(binding) = self.bound(app, holds)? else { return Ok(()) };
                self.client_token(app, resource, binding, now).await?;
            }
            Step::Revoke { app, token } if !self.m.tokens.is_empty() => {
                self.revoke(app, back(token, self.m.tokens.len()), now).await?;
            }
            Step::RevokeRefresh { app, token } => self.revoke_refresh(app, token, now).await?,
            Step::End { grant, why } if !self.m.grants.is_empty() => {
                let i = back(grant, self.m.grants.len());
                let note = || Reason::Institution { note: "telephone".into() };
                self.w.end(&self.m.grants[i].id, [note(), Reason::Customer, Reason::Account][why].clone()).await;
                self.m.end(i, [Because::Institution, Because::Customer, Because::Account][why], now);
            }
            Step::Die { grant } if !self.m.grants.is_empty() => {
                events::die(self.w, &self.m.grants[back(grant, self.m.grants.len())].id).await;
            }
            Step::Suspend { app, on } if !self.m.left[app] => {
                self.w.set_status(&self.apps[app], if on { Status::Suspended } else { Status::Active }).await;
                if self.m.suspended[app] != on {
                    let kind = if on { EventKind::ClientSuspended } else { EventKind::ClientResumed };
                    self.m.of_client(kind, app, Some("institution"));
                }
                self.m.suspended[app] = on;
            }
            Step::Leave { app } if !self.m.left[app] => {
                self.w.leave(&self.apps[app]).await;
                self.m.left[app] = true;
                self.m.of_client(EventKind::ClientEnded, app, None);
            }
            Step::Restore => self.restore(now).await,
            Step::Wait { seconds } => self.w.wait(Duration::from_secs(seconds)),
            Step::Sweep => {
                self.w.sweep().await;
                self.m.sweep(now);
            }
            Step::Tidy => self.tidy(now).await,
            // There is nothing to do it to.
            _ => {}
        }
        Ok(())
    }

    /// What a request of this app at the token endpoint is bound to, unless it is turned away for what it proves.
    fn bound(&self, app: usize, holds: usize) -> Result<Option<Option<TokenBinding>>, TestCaseError> {
        let bound = TokenBinding::of(&self.apps[app], held()[holds]).map_err(|refusal| refusal.code);
        prop_assert_eq!(&bound, &self.kinds[app].binds(holds));
        Ok(bound.ok())
    }

    async fn allow(&mut self, app: usize, account: usize, named: &[usize], bound: Option<usize>, now: Instant) {
        // Nobody binds a code to a key whose tokens are bound to a certificate.
        let bound = bound.filter(|_| self.kinds[app] != Kind::Certificate);
        let scope = if app == 1 { "accounts offline_access" } else { "accounts" };
        let mut binding = World::binding();
        binding.resource = named.iter().map(|r| RESOURCES[*r].to_owned()).collect();
        binding.dpop_jkt = bound.map(key);
        let allowed = self.w.allow_with(&self.apps[app], scope, &format!("115-ordinary-{account}"), binding).await;
        self.m.grants.push(Grant {
            id: allowed.grant,
            app,
            account,
            aud: if named.is_empty() { vec![0] } else { named.to_vec() },
            key: bound,
            created: now,
            expires: (now + 30 * DAY).floor_minute(),
            warn: Some((now + 30 * DAY).floor_minute() - 7 * DAY),
            open: true,
            code: allowed.code,
            code_used: false,
            code_gone: false,
            refresh: None,
        });
        let grant = self.m.grants.len() - 1;
        self.m.audiences[app].extend(self.m.grants[grant].aud.clone());
        self.m.of_grant(EventKind::ConsentGranted, grant, None);
        self.m.of_grant(EventKind::GrantCreated, grant, None);
    }

    async fn redeem(&mut self, app: usize, i: usize, binding: Option<TokenBinding>, now: Instant) -> Played {
        let answer = self.w.redeem(&self.apps[app], &self.m.grants[i].code, binding, |_| {}).await;
        let g = &self.m.grants[i];
        let late = now >= g.created + Duration::from_secs(60) || !self.m.live(i, now);
        if g.app != app || g.code_gone || g.code_used || late {
            prop_assert_eq!(answer.err(), Some(ErrorCode::InvalidGrant));
            // A second time, by its own client: the grant is gone.
            if self.m.grants[i].app == app && self.m.grants[i].code_used {
                self.m.end(i, Because::Replay, now);
            }
            return Ok(());
        }
        if g.key.is_some_and(|n| binding != Some(TokenBinding::Dpop(key(n)))) {
            prop_assert_eq!(
                answer.err(),
                Some(ErrorCode::InvalidGrant),
                "another key than the code's, which stays good"
            );
            return Ok(());
        }
        let body = answer.map_err(failed)?;
        for j in (0..self.m.grants.len()).filter(|j| *j != i) {
            let (old, new) = (&self.m.grants[j], &self.m.grants[i]);
            if old.app == new.app && old.account == new.account && old.created <= new.created {
                self.m.end(j, Because::Replaced, now);
            }
        }
        let g = &mut self.m.grants[i];
        g.code_used = true;
        prop_assert_eq!(body.get("refresh_token").is_some(), app == 1);
        g.refresh = body["refresh_token"].as_str().map(|t| Refresh { text: t.into(), dead: false, gone: false });
        let life = if app == 1 { now + DAY } else { g.expires };
        let (aud, expires) = (g.aud.clone(), life.min(g.expires));
        self.issued(&body, app, Some(i), (aud, binding), expires, now)
    }

    async fn refresh(
        &mut self,
        app: usize,
        n: usize,
        only: Option<usize>,
        binding: Option<TokenBinding>,
        now: Instant,
    ) -> Played {
        let Some(i) = self.m.refresh(n) else { return Ok(()) };
        let more = only.map(|r| format!("resource={}", RESOURCES[r])).unwrap_or_default();
        let g = &self.m.grants[i];
        let refresh = g.refresh.as_ref().unwrap();
        let answer = self.w.refresh_with(&self.apps[app], &refresh.text, &more, binding).await;
        let aud = only.map_or_else(|| g.aud.clone(), |r| vec![r]);
        if g.app != app || refresh.dead || !self.m.live(i, now) {
            prop_assert_eq!(answer.err(), Some(ErrorCode::InvalidGrant));
            return Ok(());
        }
        if !aud.iter().all(|r| g.aud.contains(r)) {
            prop_assert_eq!(answer.err(), Some(ErrorCode::InvalidTarget), "more than was granted");
            return Ok(());
        }
        let expires = (now + DAY).min(g.expires);
        self.issued(&answer.map_err(failed)?, app, Some(i), (aud, binding), expires, now)
    }

    async fn client_token(
        &mut self,
        app: usize,
        resource: usize,
        binding: Option<TokenBinding>,
        now: Instant,
    ) -> Played {
        let answer =
            self.w.client_token_with(&self.apps[app], &format!("resource={}", RESOURCES[resource]), binding).await;
        self.issued(&answer.map_err(failed)?, app, None, (vec![resource], binding), now + HOUR, now)
    }

    fn issued(
        &mut self,
        body: &Value,
        app: usize,
        grant: Option<usize>,
        (aud, binding): (Vec<usize>, Option<TokenBinding>),
        expires: Instant,
        now: Instant,
    ) -> Played {
        prop_assert_eq!(&body["token_type"], token_type(binding));
        prop_assert_eq!(body["expires_in"].as_i64(), Some(expires.secs() - now.secs()));
        prop_assert_eq!(body["grant_id"].as_str(), grant.map(|g| self.m.grants[g].id.as_str()));
        match grant {
            Some(grant) => self.m.of_grant(EventKind::TokenIssued, grant, None),
            None => {
                self.m.audiences[app].extend(aud.clone());
                self.m.of_own_token(EventKind::TokenIssued, app, &aud);
            }
        }
        self.m.tokens.push(Token {
            text: access(body),
            app,
            grant,
            aud,
            binding,
            issued: now,
            expires,
            revoked: false,
            gone: false,
        });
        Ok(())
    }

    async fn revoke(&mut self, app: usize, i: usize, now: Instant) -> Played {
        let answer = self.w.revoke(&self.apps[app], &self.m.tokens[i].text).await;
        let t = &self.m.tokens[i];
        let beside = t.grant.and_then(|g| self.m.grants[g].refresh.as_ref()).is_some_and(|r| !r.dead);
        let want = match t.grant {
            _ if t.gone => Ok(Revoked::Nothing),
            _ if t.app != app => Err(ErrorCode::InvalidGrant),
            _ if !self.m.active(t, now) => Ok(Revoked::Nothing),
            Some(g) if !beside => {
                self.m.end(g, Because::Client, now);
                Ok(Revoked::Grant)
            }
            _ => {
                self.m.revoke(i);
                Ok(Revoked::Token)
            }
        };
        prop_assert_eq!(answer, want);
        Ok(())
    }

    async fn revoke_refresh(&mut self, app: usize, n: usize, now: Instant) -> Played {
        let Some(i) = self.m.refresh(n) else { return Ok(()) };
        let refresh = self.m.grants[i].refresh.as_ref().unwrap();
        let answer = self.w.revoke(&self.apps[app], &refresh.text).await;
        let want = if refresh.gone || (self.m.grants[i].app == app && !self.m.live(i, now)) {
            Ok(Revoked::Nothing)
        } else if self.m.grants[i].app != app {
            Err(ErrorCode::InvalidGrant)
        } else {
            self.m.end(i, Because::Client, now);
            Ok(Revoked::Grant)
        };
        prop_assert_eq!(answer, want);
        Ok(())
    }

    async fn restore(&mut self, now: Instant) {
        self.w.restore().await;
        for i in 0..self.m.tokens.len() {
            let t = &self.m.tokens[i];
            if !t.revoked && now < t.expires && t.grant.is_none_or(|g| self.m.live(g, now)) {
                self.m.revoke(i);
            }
        }
        for i in 0..self.m.grants.len() {
            let live = self.m.live(i, now);
            let g = &mut self.m.grants[i];
            g.code_gone |= !g.code_used;
            if let Some(refresh) = g.refresh.as_mut().filter(|refresh| live && !refresh.dead) {
                refresh.dead = true;
                self.m.of_grant(EventKind::TokenRevoked, i, None);
            }
        }
    }

    async fn tidy(&mut self, now: Instant) {
        self.w.tidy().await;
        for t in self.m.tokens.iter_mut().filter(|t| t.expires + DAY < now) {
            t.gone = true;
        }
        for g in self.m.grants.iter_mut().filter(|g| g.expires + 30 * DAY < now) {
            if let Some(refresh) = &mut g.refresh {
                refresh.gone = true;
            }
        }
    }

    /// Everybody asks about every token.
    async fn looked_at(&self, step: &Step) -> Played {
        let now = self.w.now();
        for t in &self.m.tokens {
            let active = self.m.active(t, now);
            for (r, api) in self.apis.iter().enumerate() {
                let seen = self.w.introspect(api, &t.text).await;
                if !active || !t.aud.contains(&r) {
                    prop_assert_eq!(seen, json!({"active": false}), "after {:?}", step);
                    continue;
                }
                let told = [&seen["active"], &seen["client_id"], &seen["exp"], &seen["iat"]].map(Clone::clone);
                let id = self.apps[t.app].id.as_str();
                prop_assert_eq!(told, [json!(true), json!(id), json!(t.expires.secs()), json!(t.issued.secs())]);
                prop_assert_eq!(seen["grant_id"].as_str(), t.grant.map(|g| self.m.grants[g].id.as_str()));
                prop_assert_eq!(seen["sub"] == id, t.grant.is_none());
                let cnf = match t.binding {
                    None => None,
                    Some(TokenBinding::Dpop(key)) => Some(json!({"jkt": key.base64url()})),
                    Some(TokenBinding::Certificate(own)) => Some(json!({"x5t#S256": own.base64url()})),
                };
                prop_assert_eq!((seen.get("cnf"), &seen["token_type"]), (cnf.as_ref(), &json!(token_type(t.binding))));
            }
            let ways: Vec<_> = [false, true].into_iter().flat_map(|dpop| held().map(|proved| (dpop, proved))).collect();
            let want = ways.iter().map(|(dpop, proved)| active && opens(t.binding, *dpop, *proved));
            prop_assert_eq!(self.w.lets_in(&t.text, &ways).await, want.collect::<Vec<_>>(), "after {:?}", step);
        }
        // One of them, by the apps: the one that holds it sees it, the other does not.
        let (Some(t), true) = (self.m.tokens.last(), self.m.left == [false; 2]) else { return Ok(()) };
        for (a, app) in self.apps.iter().enumerate() {
            let want = a == t.app && self.m.active(t, now);
            prop_assert_eq!(self.w.is_active(app, &t.text).await, want, "its holder, after {:?}", step);
        }
        for (i, g) in self.m.grants.iter().enumerate() {
            let Some(refresh) = &g.refresh else { continue };
            prop_assert_eq!(
                self.w.is_active(&self.apps[g.app], &refresh.text).await,
                !refresh.dead && self.m.live(i, now)
            );
            prop_assert!(!self.w.is_active(&self.apis[0], &refresh.text).await, "it opens no resource");
        }
        Ok(())
    }
}

async fn play(w: &World, case: u32, kinds: [Kind; 2], steps: &[Step]) -> Played {
    let mut story = Story::begin(w, kinds, case).await;
    for step in steps {
        let before = story.visible();
        story.play(step).await?;
        story.looked_at(step).await?;
        story.made_known(step, &before).await?;
    }
    Ok(())
}

fn run(test_store: TestStore, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let w = runtime.block_on(async { World::at(test_store) });
    let case = AtomicU32::new(0);
    let config = Config { cases, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&stories(), |(kinds, steps)| {
            runtime.block_on(play(&w, case.fetch_add(1, Ordering::SeqCst), kinds, &steps))
        })
        .unwrap_or_else(|e| panic!("{e}"));
    runtime.block_on(w.whole());
}

#[test]
fn introspection_equals_the_model_on_sqlite() {
    run(TestStore::sqlite(), 96);
}
#[test]
fn introspection_equals_the_model_on_postgres() {
    run(TestStore::postgres(), 48);
}
