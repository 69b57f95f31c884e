//! The use cases of ⑥ without HTTP: a real store, the sample bank, a customer who passed the checks.

use super::*;
use crate::audit::Actor;
use crate::authorize::{AuthorizationRequest, AuthorizationResponse, Demands, Prompt, ResponseMode, sql as requests};
use crate::client::metadata::{Rules, parse};
use crate::client::{AuthMethod, Client, Status};
use crate::consent::{ConsentChoice, ConsentWords, PagePeriod};
use crate::grant::sql as grants;
use crate::id::ClientId;
use crate::identity::tests::{NOON, Town, Walker, secs};
use crate::identity::{BankError, Expired, Message, View};
use crate::language::Language;
use crate::random::SeededRandom;
use crate::scope::Scope;
use crate::secret::{Hash, Secret};
use serde_json::json;

const MONTH: Duration = Duration::from_secs(30 * 86_400);

/// A customer at ⑥ of an app with proofing sessions of five minutes.
struct Scene<'t> {
    linking: Linking,
    client: Client,
    customer: Walker<'t>,
}

fn client() -> Client {
    let record = json!({
        "client_id": "creco", "client_name": "CRECO", "profile": "oidc", "redirect_uris": ["https://app.example/cb"],
        "proofing_memory": "5m",
    });
    let rules = Rules {
        loopback_http: false,
        scopes: Scope::parse("openid accounts transactions offline_access"),
        grant_lifetime: MONTH,
        detail_types: None,
        methods: AuthMethod::ALL,
        signing: None,
        weak_secrets: true,
    };
    parse(&record, ClientId::parse("creco").unwrap(), &rules, NOON).unwrap()
}
fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        client_id: ClientId::parse("creco").unwrap(),
        redirect_uri: "https://app.example/cb".into(),
        response_mode: ResponseMode::Query,
        state: Some("st".into()),
        nonce: None,
        scope: Scope::parse("openid accounts").unwrap(),
        code_challenge: None,
        dpop_jkt: None,
        resource: Vec::new(),
        authorization_details: None,
        ui_locales: Vec::new(),
        prompt: Vec::new(),
        max_age: None,
        acr_values: Vec::new(),
        hint: None,
        claims: Demands::default(),
        grant_action: None,
    }
}

async fn scene(town: &Town) -> Scene<'_> {
    let sealer = Arc::new(Sealer::new("t", &[7; 32]).unwrap());
    let random: Arc<dyn Random> = Arc::new(SeededRandom::new(9));
    let rules = LinkingRules {
        issuer: "https://as.example".into(),
        default_audience: "accounts-api".into(),
        terms: Terms { version: "1".into(), hash: Hash::of("terms") },
        grant_lifetime: MONTH,
        open_grants: 10,
        warn_before: Vec::new(),
        code_lifetime: secs(60),
        proofing_memory: secs(600),
    };
    let keys = Ring::open(&town.store, &sealer, &*random, &crate::keys::jose::Alg::SIGNING, NOON).await.unwrap();
    let linking = Linking { store: town.store.clone(), identity: town.service.clone(), keys, sealer, random, rules };
    let client = client();
    let stored = client.clone();
    let id = Hash::of("request of the scene");
    let write = town.store.write(move |tx| {
        crate::client::sql::register(tx, &stored, &Actor::System, NOON)?;
        requests::push(tx, id, &request(), NOON, NOON + secs(600))
    });
    write.await.unwrap();
    let mut customer = town.browser(id, &[], "192.0.2.7", NOON).await;
    customer.to_pin().await;
    let view = customer.pin("4071").await;
    assert_eq!(view.interaction.stage.screen(), "consent");
    Scene { linking, client, customer }
}

fn page(offered: &Offered) -> std::result::Result<ConsentWords, PageFailed> {
    let mut words = ConsentWords::new(offered.offer.language);
    words.say(&format!("{} {:?}", offered.offer.scope, offered.offer.accounts));
    words.value(&offered.offer.page.until.millis().to_string());
    Ok(words)
}

impl Scene<'_> {
    fn at<'a>(&'a self, view: &'a View) -> AtConsent<'a> {
        let (link, proofed) = view.interaction.at_consent().expect("not at consent");
        AtConsent { interaction: &view.interaction, link, proofed, client: &self.client, language: Language::Ja }
    }
    /// The page as it is shown now.
    async fn shown(&self, now: Instant) -> SubmittedPage {
        let view = self.customer.look().await;
        let offered = self.linking.offer(self.at(&view), now).await.unwrap();
        let digest = self.linking.digest(self.at(&view), &offered, &page(&offered).unwrap());
        SubmittedPage { period: offered.offer.page, digest }
    }
    async fn approve(&self, agree: bool, page: Option<&SubmittedPage>) -> Result<Approved> {
        self.approve_at(agree, page, self.customer.now).await
    }
    async fn approve_at(&self, agree: bool, pressed: Option<&SubmittedPage>, now: Instant) -> Result<Approved> {
        let view = self.customer.look().await;
        let choice = ConsentChoice { agree, accounts: Vec::new(), notices: false };
        let form = Approval {
            visitor: &self.customer.visitor,
            step: view.step.reveal(),
            choice: &choice,
            page: pressed,
            remote: Secret::new("192.0.2.7 test"),
        };
        self.linking.approve(self.at(&view), form, page, now).await
    }
    async fn stage(&self) -> Stage {
        self.customer.look().await.interaction.stage
    }
    async fn problems(&self) -> Vec<Message> {
        self.customer.look().await.interaction.errors.problems.iter().map(|p| p.message).collect()
    }
}
fn url(answer: &AuthorizationResponse) -> &str {
    match answer {
        AuthorizationResponse::Redirect { url } => url,
        AuthorizationResponse::FormPost { .. } => panic!("not a redirect"),
    }
}

#[tokio::test]
async fn who_agrees_gets_a_link_and_the_app_a_code_once() {
    let town = Town::new();
    let scene = scene(&town).await;
    let approved = scene.approve(true, None).await.unwrap();
    let Approved::Linked { answer, proofing_cookie: proofing } = approved else { panic!("not linked") };
    assert!(url(&answer).starts_with("https://app.example/cb?code="), "{}", url(&answer));
    assert!(
        proofing.is_some_and(|(_, lasting)| lasting == secs(300)),
        "the client's record says less than the configuration"
    );
    let Stage::Done { grant } = scene.stage().await else { panic!("not done") };
    let id = grant.clone();
    let stored = town.store.read(move |tx| grants::load(tx, &id)).await.unwrap().unwrap();
    assert_eq!(stored.expires_at, (scene.customer.now + MONTH).floor_minute());
    let actions = town.actions().await;
    for action in ["consent.granted", "grant.created", "interaction.consent.allowed"] {
        assert_eq!(actions.iter().filter(|a| *a == action).count(), 1, "{action} in {actions:?}");
    }
    // The browser that comes back gets a further code of the same grant.
    let view = scene.customer.look().await;
    let again = scene
        .linking
        .repeat_answer(
            (view.interaction.purpose.link().unwrap(), &view.interaction.id),
            &grant,
            &scene.client,
            scene.customer.now,
        )
        .await
        .unwrap();
    let RepeatedAnswer::Answer(second) = again else { panic!("no further code") };
    assert_ne!(url(&second), url(&answer));
    let late = scene.customer.now + secs(300);
    let over = scene
        .linking
        .repeat_answer((view.interaction.purpose.link().unwrap(), &view.interaction.id), &grant, &scene.client, late)
        .await
        .unwrap();
    assert!(matches!(over, RepeatedAnswer::Over));
}

#[tokio::test]
async fn without_the_tick_or_on_another_page_nothing_is_agreed_to() {
    let town = Town::new();
    let scene = scene(&town).await;
    assert!(matches!(scene.approve(false, None).await.unwrap(), Approved::Screen(ViewResult::Here(_))));
    assert_eq!(scene.problems().await, [Message::Agree]);
    let shown = scene.shown(NOON).await;
    let PagePeriod { at, until } = shown.period;
    let minute = secs(60);
    for (why, other) in [
        ("other words", SubmittedPage { digest: "another page".into(), ..shown.clone() }),
        (
            "a later end than the page had",
            SubmittedPage { period: PagePeriod { at, until: until + minute }, ..shown.clone() },
        ),
        ("an earlier one", SubmittedPage { period: PagePeriod { at, until: until - minute }, ..shown.clone() }),
        ("another time", SubmittedPage { period: PagePeriod { at: at - minute, until }, ..shown.clone() }),
    ] {
        assert!(matches!(scene.approve(true, Some(&other)).await.unwrap(), Approved::Screen(_)), "{why}");
        assert_eq!(scene.problems().await, [Message::Agree], "{why}");
    }
    assert!(matches!(scene.approve(true, Some(&shown)).await.unwrap(), Approved::Linked { .. }));
}

#[tokio::test]
async fn the_end_is_that_of_the_page_whose_button_was_pressed() {
    let town = Town::new();
    let scene = scene(&town).await;
    let (first, second) = (scene.shown(NOON + secs(1)).await, scene.shown(NOON + secs(200)).await);
    assert_ne!(first.period, second.period);
    let pressed = scene.approve_at(true, Some(&first), NOON + secs(260)).await.unwrap();
    assert!(matches!(pressed, Approved::Linked { .. }), "the older page, in another tab");
    let Stage::Done { grant } = scene.stage().await else { panic!("not done") };
    let stored = town.store.read(move |tx| grants::load(tx, &grant)).await.unwrap().unwrap();
    assert_eq!(stored.expires_at, first.period.until);
    assert_eq!(stored.expires_at.millis() % 60_000, 0);
}

#[tokio::test]
async fn an_end_that_lies_too_far_away_is_shown_again() {
    let town = Town::new();
    let mut scene = scene(&town).await;
    let shown = scene.shown(NOON).await;
    scene.client.grant_lifetime = MONTH - secs(86_400);
    assert!(matches!(scene.approve(true, Some(&shown)).await.unwrap(), Approved::Screen(_)));
    assert_eq!(scene.problems().await, [Message::Agree]);
    let later = scene.shown(scene.customer.now + secs(3600)).await;
    assert!(matches!(scene.approve(true, Some(&later)).await.unwrap(), Approved::Screen(_)), "the clock went back");
}

/// ⑥ says the period in days, so it is one of whole days, whatever a client's record says.
#[tokio::test]
async fn of_a_period_with_a_part_of_a_day_the_whole_days_count() {
    let town = Town::new();
    let mut scene = scene(&town).await;
    scene.client.grant_lifetime = secs(36 * 3600);
    let shown = scene.shown(NOON).await;
    assert_eq!(shown.period.until, NOON.floor_minute() + secs(86_400));
}

#[tokio::test]
async fn the_core_bank_is_asked_again_and_has_the_last_word() {
    for (how, message) in [
        (BankError::Failed("down".into()), Message::R36),
        (BankError::NotOffered, Message::R37),
        (BankError::Closed, Message::R34),
        (BankError::Busy, Message::R35),
    ] {
        let town = Town::new();
        let scene = scene(&town).await;
        town.fails(Some(how));
        assert!(matches!(scene.approve(true, None).await.unwrap(), Approved::Screen(_)));
        assert_eq!(scene.problems().await, [message]);
        assert!(matches!(scene.stage().await, Stage::Consent(_)), "nothing is lost");
        town.fails(None);
        assert!(matches!(scene.approve(true, None).await.unwrap(), Approved::Linked { .. }));
    }
}

#[tokio::test]
async fn an_app_that_was_suspended_meanwhile_gets_nothing() {
    let town = Town::new();
    let mut scene = scene(&town).await;
    scene.client.status = Status::Suspended;
    assert!(matches!(scene.approve(true, None).await.unwrap(), Approved::Screen(_)));
    assert!(matches!(scene.stage().await, Stage::Ended(Ending::Failed)));
    assert!(!town.actions().await.iter().any(|a| a == "grant.created"));
}

#[tokio::test]
async fn a_request_that_was_completed_elsewhere_makes_no_second_link() {
    let town = Town::new();
    let scene = scene(&town).await;
    let id = scene.customer.look().await.interaction.purpose.link().unwrap().request;
    town.store.write(move |tx| requests::consume(tx, id, NOON)).await.unwrap();
    assert!(matches!(scene.approve(true, None).await.unwrap(), Approved::Screen(_)));
    assert!(matches!(scene.stage().await, Stage::Ended(Ending::Expired(Expired::Elsewhere))));
    assert!(!town.actions().await.iter().any(|a| a == "grant.created"));
}

#[tokio::test]
async fn who_refuses_leaves_a_record_and_the_app_hears_access_denied() {
    let town = Town::new();
    let scene = scene(&town).await;
    let view = scene.customer.look().await;
    let other = SubmittedPage { digest: "of another page".into(), ..scene.shown(NOON).await };
    let (visitor, step) = (&scene.customer.visitor, view.step.reveal());
    let form = Denial { visitor, step, page: Some(&other), remote: Secret::new("test") };
    assert!(matches!(scene.linking.deny(scene.at(&view), form, page, NOON).await.unwrap(), ViewResult::Here(_)));
    assert!(matches!(scene.stage().await, Stage::Ended(Ending::Denied { .. })));
    assert!(town.actions().await.iter().any(|a| a == "consent.denied"));
    let view = scene.customer.look().await;
    for _ in 0..2 {
        // The button may be pressed twice: the app gets the same error.
        let left = scene
            .linking
            .leave(view.interaction.purpose.link().unwrap(), &view.interaction, &scene.client, NOON)
            .await
            .unwrap();
        let Left::ToTheApp(answer) = left else { panic!("stays") };
        assert!(url(&answer).contains("error=access_denied") && url(&answer).contains("state=st"), "{}", url(&answer));
    }
}

#[tokio::test]
async fn who_is_still_on_a_screen_does_not_leave() {
    let town = Town::new();
    let scene = scene(&town).await;
    let view = scene.customer.look().await;
    assert!(matches!(
        scene
            .linking
            .leave(view.interaction.purpose.link().unwrap(), &view.interaction, &scene.client, NOON)
            .await
            .unwrap(),
        Left::Stays
    ));
}

/// prompt=none: only a customer with a proofing session and a grant in use gets a code; the request is always consumed.
#[tokio::test]
async fn without_a_screen_only_a_remembered_customer_is_linked() {
    let town = Town::new();
    let scene = scene(&town).await;
    let network = crate::identity::BrowserNetwork::of(Some("192.0.2.7".parse().unwrap()));
    let asked = AuthorizationRequest { prompt: vec![Prompt::None], ..request() };
    let nobody = scene.linking.prompt_none(&scene.client, &asked, None, None, NOON).await.unwrap();
    let PromptNone::Refused(refusal) = nobody else { panic!("linked") };
    assert_eq!(refusal.code.as_str(), "login_required");
    let Approved::Linked { proofing_cookie: proofing, answer } = scene.approve(true, None).await.unwrap() else {
        panic!("not linked")
    };
    let proofing = Some(proofing.unwrap().0.hash());
    let now = scene.customer.now + secs(10);
    let recalled = |at| scene.linking.recalled(proofing, network, &scene.client, &asked, at);
    assert!(recalled(scene.customer.now + secs(301)).await.unwrap().is_none(), "five minutes are over");
    let known = recalled(now).await.unwrap().unwrap();
    // A grant is not in use before its code was redeemed.
    let early = scene.linking.prompt_none(&scene.client, &asked, None, Some(&known), now).await.unwrap();
    assert!(matches!(early, PromptNone::Refused(r) if r.code.as_str() == "consent_required"));
    let code = url(&answer).split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let client = scene.client.id.clone();
    let redeem = town.store.write(move |tx| {
        let hash = Secret::new(code.as_str()).hash();
        crate::grant::code::redeem(tx, &hash, (&client, 10), now, |_, _| Ok::<_, ()>(()))
    });
    assert!(matches!(redeem.await.unwrap(), crate::grant::code::Redeemed::Done { .. }));
    let id = Hash::of("a pushed request");
    let pushed = asked.clone();
    town.store.write(move |tx| requests::push(tx, id, &pushed, now, now + secs(60))).await.unwrap();
    let answered = scene.linking.prompt_none(&scene.client, &asked, Some(id), Some(&known), now).await.unwrap();
    let PromptNone::Code(answer) = answered else { panic!("no code") };
    assert!(url(&answer).contains("code="));
    let twice = scene.linking.prompt_none(&scene.client, &asked, Some(id), Some(&known), now).await.unwrap();
    assert!(matches!(twice, PromptNone::Used));
    let wider = AuthorizationRequest { scope: Scope::parse("openid accounts transactions").unwrap(), ..asked.clone() };
    let more = scene.linking.prompt_none(&scene.client, &wider, None, Some(&known), now).await.unwrap();
    assert!(matches!(more, PromptNone::Refused(r) if r.code.as_str() == "consent_required"));
}
