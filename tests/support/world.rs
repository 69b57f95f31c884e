//! A store with everything of steps 3 to 6 in it, and verbs to move it: what happens after ⑤, without screens.

use super::test_store::TestStore;
use renkei_core::account::Account;
use renkei_core::audit::Actor;
use renkei_core::client::metadata::{self, Rules};
use renkei_core::client::{self, Client, Status};
use renkei_core::clock::{Clock, Instant, ManualClock};
use renkei_core::consent::{
    self, ACR, ConsentChoice, ConsentRecord, ConsentWords, Customer, Offer, PERIOD, PagePeriod, Terms,
};
use renkei_core::event;
use renkei_core::grant::code::CodeBinding;
use renkei_core::grant::{self, Grant, NewGrant, Reason};
use renkei_core::id::{AccountId, ClientId, EventId, GrantId, HolderId, InteractionId};
use renkei_core::keys::seal::Sealer;
use renkei_core::lifecycle::housekeeping::{Retention, TASKS, run_task};
use renkei_core::lifecycle::{self, Completed, Notice, Queued, Swept, expire, notice};
use renkei_core::oxide::Challenge;
use renkei_core::params::Params;
use renkei_core::random::{Random, SeededRandom};
use renkei_core::refusal::ErrorCode;
use renkei_core::scope::Scope;
use renkei_core::secret::{Hash, Secret};
use renkei_core::store::{Options, Result, Store, Tx, Value};
use renkei_core::token::introspect::{self, IntrospectedToken, Introspection};
use renkei_core::token::revoke::{self, Revoked};
use renkei_core::token::{self, Minted, TokenRequest};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const ISSUER: &str = "https://link.example.jp";
/// `events.warn_before` by default.
pub(crate) const WARN_BEFORE: [Duration; 2] = [Duration::from_hours(7 * 24), Duration::from_hours(24)];
pub(crate) const API: &str = "https://api.example.jp";
pub(crate) const CALLBACK: &str = "https://app.example.jp/cb";
/// Forty-three unreserved characters.
pub(crate) const VERIFIER: &str = "a-verifier-that-nobody-guesses-1234567890-abc";

pub(crate) struct World {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub random: Arc<dyn Random>,
    pub sealer: Arc<Sealer>,
    _store: Option<TestStore>,
}

/// What an app has after a customer said 許可する.
#[derive(Debug, Clone)]
pub(crate) struct Allowed {
    pub code: String,
    pub grant: GrantId,
}

impl World {
    pub(crate) fn at(test_store: TestStore) -> Self {
        Self::at_with(test_store, &Options::default())
    }
    /// The same with options of the store.
    pub(crate) fn at_with(test_store: TestStore, options: &Options) -> Self {
        Self {
            store: test_store.open_with(options).unwrap(),
            clock: Arc::new(ManualClock::at(Instant::from_secs(1_795_000_020))),
            random: Arc::new(SeededRandom::new(20_261_122)),
            sealer: Arc::new(Sealer::new("k1", &[9; 32]).unwrap()),
            _store: Some(test_store),
        }
    }
    /// The same over the parts of a running server.
    pub(crate) fn of(store: Store, clock: Arc<ManualClock>, random: Arc<dyn Random>, sealer: Arc<Sealer>) -> Self {
        Self { store, clock, random, sealer, _store: None }
    }
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }
    pub(crate) fn wait(&self, by: Duration) {
        self.clock.advance(by);
    }
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> T {
        self.store.write(work).await.unwrap()
    }

    /// Registers a client; `more` adds to its metadata.
    pub(crate) async fn client(&self, id: &str, more: Json) -> Arc<Client> {
        let mut record = json!({
            "client_name": id, "profile": "oidc", "redirect_uris": [CALLBACK],
            "scope": "openid accounts transactions",
        });
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let methods = client::AuthMethod::ALL;
        let rules = Rules {
            loopback_http: true,
            scopes: None,
            grant_lifetime: PERIOD,
            detail_types: None,
            methods,
            signing: None,
            weak_secrets: true,
        };
        let now = self.now();
        let client = Arc::new(metadata::parse(&record, ClientId::parse(id).unwrap(), &rules, now).unwrap());
        let saved = client.clone();
        self.write(move |tx| client::sql::register(tx, &saved, &Actor::System, now)).await;
        client
    }
    /// An app like `kakeibo`.
    pub(crate) async fn app(&self, id: &str) -> Arc<Client> {
        self.client(id, json!({})).await
    }
    /// An app that may have refresh tokens.
    pub(crate) async fn refreshing_app(&self, id: &str) -> Arc<Client> {
        let grants = ["authorization_code", "refresh_token"];
        self.client(id, json!({"grant_types": grants, "scope": "openid accounts transactions offline_access"})).await
    }
    /// An app that acts for itself too.
    pub(crate) async fn acting_app(&self, id: &str) -> Arc<Client> {
        let grants = ["authorization_code", "client_credentials"];
        self.client(id, json!({"grant_types": grants, "scope": "openid accounts transactions status"})).await
    }
    /// The resource server.
    pub(crate) async fn api(&self) -> Arc<Client> {
        let record = json!({"profile": "resource_server", "resources": [API], "redirect_uris": [], "scope": null});
        self.client("accounts-api", record).await
    }
    pub(crate) async fn set_status(&self, client: &Client, status: Status) {
        let (id, now, event) = (client.id.clone(), self.now(), EventId::random(&*self.random));
        let staff = Actor::Staff("tanaka".into());
        self.write(move |tx| client::sql::set_status(tx, &id, status, &staff, &event, now).map(|_| ())).await;
    }

    pub(crate) fn offer(&self, client: &Client, scope: &str) -> Offer {
        let account = AccountId::parse("acc-1").unwrap();
        Offer {
            client: client.id.clone(),
            scope: Scope::parse(scope).unwrap(),
            accounts: vec![account.clone()],
            verified: account,
            existing: None,
            choose: false,
            limits: None,
            period: client.grant_lifetime,
            terms: Terms { version: "2026-04".into(), hash: Hash::of("terms") },
            page: PagePeriod::new(self.now(), client.grant_lifetime),
            words: ConsentWords::new(renkei_core::language::Language::Ja),
            language: renkei_core::language::Language::Ja,
        }
    }
    /// A customer who passed ① to ⑤ with `account`.
    pub(crate) fn customer(&self, account: &str) -> Customer {
        let account = Account::parse(account).unwrap();
        Customer {
            interaction: InteractionId::random(&*self.random),
            holder: HolderId::parse("holder-1").unwrap(),
            account_index: self.index(&account.to_string()),
            account,
            auth_time: self.now(),
            acr: ACR.into(),
            amr: vec!["kba".into(), "tel".into(), "pin".into()],
            name: Secret::new("ﾃﾞｰﾀ ﾀﾛｳ"),
            remote: Secret::new("192.0.2.7 Browser"),
        }
    }
    pub(crate) fn index(&self, account: &str) -> Hash {
        self.sealer.index("account", account)
    }
    pub(crate) fn binding() -> CodeBinding {
        CodeBinding {
            redirect_uri: CALLBACK.into(),
            challenge: Challenge::parse(&Hash::of(VERIFIER).base64url()),
            dpop_jkt: None,
            nonce: Some("n-0S6".into()),
            resource: Vec::new(),
        }
    }
    pub(crate) async fn allow(&self, client: &Client) -> Allowed {
        self.allow_with(client, "openid accounts transactions", "115-ordinary-1100026", Self::binding()).await
    }
    /// 許可する.
    pub(crate) async fn allow_with(
        &self,
        client: &Client,
        scope: &str,
        account: &str,
        binding: CodeBinding,
    ) -> Allowed {
        let ticked = ConsentChoice { agree: true, accounts: Vec::new(), notices: false };
        let agreed = consent::allow(&self.offer(client, scope), &ticked, self.customer(account), self.now()).unwrap();
        let audiences = binding.resource.clone();
        let link = NewGrant::new(&agreed, binding, client.id.as_str(), &self.sealer, &*self.random).unwrap();
        let audiences = if audiences.is_empty() { vec![API.to_owned()] } else { audiences };
        let link = link.with_warnings(&WARN_BEFORE).with_receivers(audiences, AccountId::parse("acc-1").unwrap());
        let told = link.summary().clone();
        self.write(move |tx| grant::create(tx, &link)).await;
        Allowed { code: told.code.reveal().to_owned(), grant: told.grant }
    }
    /// 拒否する.
    pub(crate) async fn deny(&self, client: &Client) {
        let offer = self.offer(client, "accounts");
        let customer = self.customer("115-ordinary-1100026");
        let record = ConsentRecord::denied(&offer, customer, self.now(), &self.sealer, &*self.random).unwrap();
        self.write(move |tx| consent::deny(tx, &record)).await;
    }

    /// The token endpoint's verb, with `code` and the right verifier; `change` edits the form.
    pub(crate) async fn exchange(&self, client: &Arc<Client>, code: &str) -> std::result::Result<Json, ErrorCode> {
        self.redeem(client, code, None, |_| {}).await
    }
    pub(crate) async fn redeem(
        &self,
        client: &Arc<Client>,
        code: &str,
        binding: Option<token::TokenBinding>,
        change: impl Fn(&mut Params),
    ) -> std::result::Result<Json, ErrorCode> {
        let mut params = Params::parse("grant_type=authorization_code").unwrap();
        params.set("code", code);
        params.set("redirect_uri", CALLBACK);
        params.set("code_verifier", VERIFIER);
        change(&mut params);
        let (now, client) = (self.now(), client.clone());
        let minted = Minted::draw(now, &*self.random);
        let shown = minted.clone();
        let work = move |tx: &mut Tx<'_, '_>| {
            let ask = TokenRequest {
                client: &client,
                params: &params,
                binding,
                minted: &minted,
                default_audience: API,
                open_grants: 10,
                issuer: ISSUER,
            };
            let issued = token::exchange(tx, ask, now)?;
            if let Ok(token::Issued { grant: Some(grant), .. }) = &issued {
                notice::release(tx, &grant.id, now)?;
            }
            Ok(issued)
        };
        self.write(work).await.map(|issued| issued.response(&shown, None)).map_err(|refusal| refusal.code)
    }
    pub(crate) async fn refresh(
        &self,
        client: &Arc<Client>,
        token: &str,
        more: &str,
    ) -> std::result::Result<Json, ErrorCode> {
        self.refresh_with(client, token, more, None).await
    }
    pub(crate) async fn refresh_with(
        &self,
        client: &Arc<Client>,
        token: &str,
        more: &str,
        binding: Option<token::TokenBinding>,
    ) -> std::result::Result<Json, ErrorCode> {
        let mut params = Params::parse(&format!("grant_type=refresh_token&{more}")).unwrap();
        params.set("refresh_token", token);
        let (now, client) = (self.now(), client.clone());
        let minted = Minted::draw(now, &*self.random);
        let shown = minted.clone();
        let work = move |tx: &mut Tx<'_, '_>| {
            let ask = TokenRequest {
                client: &client,
                params: &params,
                binding,
                minted: &minted,
                default_audience: API,
                open_grants: 10,
                issuer: ISSUER,
            };
            token::refresh(tx, ask, now)
        };
        self.write(work).await.map(|issued| issued.response(&shown, None)).map_err(|refusal| refusal.code)
    }
    /// A client's own token (RFC 6749 §4.4), where `status` and `prices` are what clients may have for themselves.
    pub(crate) async fn client_token(&self, client: &Arc<Client>, more: &str) -> std::result::Result<Json, ErrorCode> {
        self.client_token_with(client, more, None).await
    }
    pub(crate) async fn client_token_with(
        &self,
        client: &Arc<Client>,
        more: &str,
        binding: Option<token::TokenBinding>,
    ) -> std::result::Result<Json, ErrorCode> {
        let params = Params::parse(&format!("grant_type=client_credentials&{more}")).unwrap();
        let scopes = Scope::parse("status prices").unwrap();
        let (now, client) = (self.now(), client.clone());
        let minted = Minted::draw(now, &*self.random);
        let shown = minted.clone();
        let work = move |tx: &mut Tx<'_, '_>| {
            let ask = TokenRequest {
                client: &client,
                params: &params,
                binding,
                minted: &minted,
                default_audience: API,
                open_grants: 10,
                issuer: ISSUER,
            };
            token::client_credentials::issue(tx, ask, &scopes, now)
        };
        self.write(work).await.map(|issued| issued.response(&shown, None)).map_err(|refusal| refusal.code)
    }
    /// What `caller` hears about `token`.
    pub(crate) async fn introspect(&self, caller: &Arc<Client>, token: &str) -> Json {
        let (now, caller) = (self.now(), caller.clone());
        let Some(asked) = IntrospectedToken::parse(token) else { return Introspection::Inactive.response(ISSUER) };
        let work = move |tx: &mut Tx<'_, '_>| introspect::introspect(tx, asked, &caller, now);
        self.store.read(work).await.unwrap().response(ISSUER)
    }
    /// In which of these ways, as DPoP or as Bearer with what was proved, a request with this token is let in by us.
    pub(crate) async fn lets_in(&self, token: &str, ways: &[(bool, token::ProofOfPossession)]) -> Vec<bool> {
        let (now, hash) = (self.now(), token::access(token).unwrap());
        let found = self.store.read(move |tx| token::find::find_access(tx, &hash)).await.unwrap();
        let live = found.filter(|found| found.is_live(now));
        let held = |dpop, proved| {
            live.as_ref().is_some_and(|f| token::TokenBinding::held(f.token.binding, dpop, proved).is_ok())
        };
        ways.iter().map(|(dpop, proved)| held(*dpop, *proved)).collect()
    }
    pub(crate) async fn is_active(&self, caller: &Arc<Client>, token: &str) -> bool {
        self.introspect(caller, token).await["active"] == json!(true)
    }
    pub(crate) async fn revoke(&self, client: &Arc<Client>, token: &str) -> std::result::Result<Revoked, ErrorCode> {
        let (now, client, token) = (self.now(), client.clone(), token.to_owned());
        self.write(move |tx| revoke::revoke(tx, &token, &client, now)).await.map_err(|refusal| refusal.code)
    }
    pub(crate) async fn end(&self, id: &GrantId, reason: Reason) -> grant::Ended {
        let (now, id) = (self.now(), id.clone());
        self.write(move |tx| grant::end(tx, &id, &reason, Actor::Staff("tanaka".into()), now)).await
    }
    /// The app ends its registration (RFC 7592 §2.3).
    pub(crate) async fn leave(&self, client: &Client) {
        let (id, now, event) = (client.id.clone(), self.now(), EventId::random(&*self.random));
        let actor = Actor::Client(id.clone());
        self.write(move |tx| client::registration::sql::end(tx, &id, &actor, &event, now)).await;
    }
    /// What is done to a restored backup: nothing in it that was handed out is good any more.
    pub(crate) async fn restore(&self) {
        let now = self.now();
        while self
            .write(move |tx| {
                let gone = revoke::restored(tx, now, 500)? + grant::code::drop_unused(tx, 500)?;
                Ok(gone + renkei_core::notice_address::drop_restored(tx, 500)?)
            })
            .await
            > 0
        {}
    }
    /// Housekeeping of every table, until there is nothing left to do.
    pub(crate) async fn tidy(&self) {
        let now = self.now();
        for (_, task) in TASKS {
            while self.write(move |tx| run_task(tx, *task, now, &Retention::default())).await > 0 {}
        }
    }
    pub(crate) async fn sweep(&self) -> Swept {
        let now = self.now();
        self.write(move |tx| lifecycle::client::unlink(tx, now, 500)).await;
        self.write(move |tx| expire(tx, now, &WARN_BEFORE, 500)).await
    }
    pub(crate) async fn grant(&self, id: &GrantId) -> Grant {
        let id = id.clone();
        self.store.read(move |tx| grant::sql::load(tx, &id)).await.unwrap().unwrap()
    }
    /// The names of a grant's events, with `by` where there is one; their numbers must be 1, 2, 3 …
    pub(crate) async fn events(&self, id: &GrantId) -> Vec<String> {
        let id = id.clone();
        let events = self.store.read(move |tx| event::of_grant(tx, &id, 0, 100)).await.unwrap();
        for (i, e) in events.iter().enumerate() {
            assert_eq!(e.seq, i as i64 + 1, "the counter on the grant's row orders its events without a gap");
        }
        let by = |e: &event::Event| e.detail["by"].as_str().map(|by| format!("({by})")).unwrap_or_default();
        events.iter().map(|e| format!("{}{}", e.kind.as_str(), by(e))).collect()
    }
    /// State, audit record and events tell the same story.
    pub(crate) async fn whole(&self) {
        let report = renkei_core::verify::verify(&self.store).await.unwrap();
        assert!(report.is_whole(), "{report:#?}");
    }
    pub(crate) async fn count(&self, sql: &'static str, params: Vec<Value>) -> i64 {
        self.store.read(move |tx| tx.row(sql, &params)?.unwrap().int(0)).await.unwrap()
    }
    /// A completion notice that may go out, as if the code had been redeemed.
    pub(crate) async fn queue_notice(&self, grant: &Allowed, to: &str) {
        self.hold_notice(grant, to).await;
        let (id, now) = (grant.grant.clone(), self.now());
        self.write(move |tx| notice::release(tx, &id, now)).await;
    }
    /// Writes a completion notice as 許可する does.
    pub(crate) async fn hold_notice(&self, grant: &Allowed, to: &str) {
        self.hold_notice_for(grant, to, false).await;
    }
    /// The same, with the box for further notices ticked or not.
    pub(crate) async fn hold_notice_for(&self, grant: &Allowed, to: &str, further: bool) {
        let account = Account::parse("115-ordinary-1100026").unwrap();
        let (account_type, last3) = Completed::of_account(&account);
        let g = self.grant(&grant.grant).await;
        let notice = Notice::Completed(Completed {
            reference: g.reference.clone(),
            at: g.created_at,
            app: "しんくみアプリwithCRECO".into(),
            provider: "アイ・ティ・リアライズ株式会社".into(),
            scope: g.scope.clone(),
            details: g.details.clone(),
            account_type,
            last3,
            accounts: vec![],
            expires_at: g.expires_at,
            days: Some(30),
            language: renkei_core::language::Language::Ja,
        });
        let queued = Queued::new(notice, &Secret::new(to), g.id, &self.sealer, &*self.random).unwrap();
        let addressee = lifecycle::Addressee {
            to: to.into(),
            app: "しんくみアプリwithCRECO".into(),
            provider: "アイ・ティ・リアライズ株式会社".into(),
            language: renkei_core::language::Language::Ja,
        };
        let seals = (&*self.sealer, &*self.random);
        let queued = if further { queued.with_further(&addressee, &g.consent, seals).unwrap() } else { queued };
        let now = self.now();
        self.write(move |tx| notice::hold(tx, &queued, now)).await;
    }
}

/// The access token of a token response.
pub(crate) fn access(response: &Json) -> String {
    response["access_token"].as_str().unwrap().to_owned()
}
