//! The application service of the five checks: loads an interaction, applies a posted form, asks the core bank if a
//! check needs it, and records the transition. It knows no pages and no addresses; those are `web`'s.
//!
//! Requests may come in any order. A page is shown for the current stage, a form is accepted only with the one valid
//! step token, and a stage changes only by the transitions of [`Interaction`].

use super::bank_queue::{BankQueue, Busy, Permit, Priority};
use super::cookie::CookieKey;
use super::ends::Ends;
use super::limits::Limits;
use super::message::FormErrors;
use super::policy::IdentityPolicy;
use super::requests::{self, CallView, Posted, StepCheck, View, ViewResult, Visitor};
use super::sql::{self, InteractionRow};
use super::turns::Turns;
use super::{CallState, CoreBank, Ending, FieldCrypto, Interaction, Message, Stage};
use super::{call, proofing_session, restart, service_switch};
use crate::alarm::{AlarmKind, Alarms};
use crate::audit::AuditAction;
use crate::clock::Instant;
use crate::fact::{Fact, FactKind};
use crate::language::Language;
use crate::secret::{self, Secret};
use crate::store::{Result, Store, Tx};
use serde_json::json;
use std::sync::Arc;

/// Everything the checks need; cloning is cheap.
#[derive(Clone)]
pub struct IdentityService {
    pub(super) store: Store,
    pub(super) crypto: FieldCrypto,
    pub(super) policy: Arc<IdentityPolicy>,
    pub(super) bank: Arc<dyn CoreBank>,
    pub(super) queue: BankQueue,
    pub(super) key: Arc<CookieKey>,
    pub(super) limits: Arc<Limits>,
    alarms: Arc<Alarms>,
    pub(super) ends: Arc<Ends>,
    pub(super) turns: Arc<Turns>,
}

/// What [`IdentityService::new`] takes beside the store.
pub struct IdentityServiceParts {
    /// Seals personal fields.
    pub crypto: FieldCrypto,
    /// The key of cookies and step tokens.
    pub key: CookieKey,
    /// The rules.
    pub policy: IdentityPolicy,
    /// The core bank.
    pub bank: Arc<dyn CoreBank>,
    /// Where alarms go.
    pub alarms: Arc<Alarms>,
}

impl IdentityService {
    /// The service over a store and a core bank.
    #[must_use]
    pub fn new(store: Store, parts: IdentityServiceParts) -> Self {
        let IdentityServiceParts { crypto: seals, key, policy, bank, alarms } = parts;
        Self {
            store,
            crypto: seals,
            queue: BankQueue::new(policy.bank_parallel, policy.bank_wait),
            limits: Arc::new(Limits::new(&policy)),
            policy: Arc::new(policy),
            bank,
            key: Arc::new(key),
            alarms,
            ends: Arc::new(Ends::default()),
            turns: Arc::new(Turns::default()),
        }
    }
    /// The rules of the checks.
    #[must_use]
    pub fn policy(&self) -> &IdentityPolicy {
        &self.policy
    }
    /// Seals personal fields.
    #[must_use]
    pub fn crypto(&self) -> &FieldCrypto {
        &self.crypto
    }
    /// Memory of the counts by network in bytes; it does not grow with the number of networks.
    #[must_use]
    pub fn counts_by_network_bytes(&self) -> usize {
        self.limits.bytes()
    }
    /// The counts of interactions that ended before ②.
    #[must_use]
    pub fn ends(&self) -> &Ends {
        &self.ends
    }
    pub(super) async fn alarm(&self, kind: AlarmKind, detail: serde_json::Value, now: Instant) {
        self.alarms.raise(&self.store, kind, detail, now).await;
    }
    /// The core bank.
    #[must_use]
    pub(crate) fn bank(&self) -> &dyn CoreBank {
        &*self.bank
    }
    /// Asks the core bank about a customer who has passed the checks. `None`: no turn in time (R35).
    pub(crate) async fn ask_proved<T>(&self, question: impl Future<Output = T>, now: Instant) -> Option<T> {
        let _turn = self.turn(Priority::Proved, now).await.ok()?;
        Some(question.await)
    }
    /// Waits for a turn at the core bank; R35 and an alarm if there is none in time.
    pub(super) async fn turn(&self, priority: Priority, now: Instant) -> std::result::Result<Permit, Busy> {
        let turn = self.queue.turn(priority).await;
        if turn.is_err() {
            self.alarm(AlarmKind::Busy, json!({ "limit": "bank.parallel" }), now).await;
        }
        turn
    }

    /// The stage a browser's interaction is at (GET). `language`: what the language link asks for.
    pub async fn look(&self, visitor: &Visitor, language: Option<Language>, now: Instant) -> Result<ViewResult> {
        let quick = {
            let (service, v) = (self.clone(), visitor.clone());
            self.store.read(move |tx| service.glance(tx, &v, language, now)).await?
        };
        match quick {
            Some(seen) => Ok(seen),
            None => {
                let (service, v, asked) = (self.clone(), visitor.clone(), language);
                let seen = self.store.write(move |tx| service.look_tx(tx, &v, asked, now)).await;
                match seen {
                    Ok(seen) => {
                        self.note_end(&seen, now);
                        Ok(seen)
                    }
                    // If the store can be read but not written, the page is still shown (R36).
                    Err(cause) => self.unwritten(visitor, language, now).await.map_err(|_| cause),
                }
            }
        }
    }
    /// Reads the current screen without a write; `None` if something must be written.
    fn glance(
        &self,
        tx: &mut Tx<'_, '_>,
        v: &Visitor,
        language: Option<Language>,
        now: Instant,
    ) -> Result<Option<ViewResult>> {
        let Some(row) = self.admitted(tx, v, now)? else { return Ok(Some(ViewResult::Foreign)) };
        let i = &row.interaction;
        let changes = i.due(&self.policy, now).is_some()
            || row.settles(&self.key, &v.cookie)
            || language.is_some_and(|l| i.language != Some(l))
            || (i.live() && now.since(i.touched) >= touch_after(i));
        if changes { Ok(None) } else { self.view_of(tx, row, &v.cookie, now).map(Some) }
    }
    fn look_tx(
        &self,
        tx: &mut Tx<'_, '_>,
        v: &Visitor,
        language: Option<Language>,
        now: Instant,
    ) -> Result<ViewResult> {
        let Some(mut row) = self.admitted(tx, v, now)? else { return Ok(ViewResult::Foreign) };
        if row.settles(&self.key, &v.cookie) {
            sql::forget_old_cookie(tx, &v.id)?;
        }
        let mut i = self.on_time(tx, row.interaction, now)?;
        if i.live() {
            i.touched = now;
        }
        if let Some(language) = language {
            i.language = Some(language);
        }
        sql::save(tx, &self.crypto, &i)?;
        row.interaction = i;
        self.view_of(tx, row, &v.cookie, now)
    }

    /// Reads the current screen when the store takes no writes.
    async fn unwritten(&self, visitor: &Visitor, language: Option<Language>, now: Instant) -> Result<ViewResult> {
        let (service, v) = (self.clone(), visitor.clone());
        let work = move |tx: &mut Tx<'_, '_>| {
            let Some(mut row) = service.admitted(tx, &v, now)? else { return Ok(ViewResult::Foreign) };
            let i = row.interaction;
            row.interaction = match i.due(&service.policy, now) {
                Some(ending) => i.clone().ended(ending).unwrap_or(i),
                None => i,
            };
            row.interaction.language = language.or(row.interaction.language);
            service.view_of(tx, row, &v.cookie, now)
        };
        self.store.read(work).await
    }

    /// What `call/status` says; `None` for a browser it is not for. Reads only: a poll keeps nothing alive.
    pub async fn call_status(&self, visitor: &Visitor, now: Instant) -> Result<Option<CallView>> {
        let (service, v) = (self.clone(), visitor.clone());
        let work = move |tx: &mut Tx<'_, '_>| {
            let Some(row) = service.admitted(tx, &v, now)? else { return Ok(None) };
            let gone = CallView { state: CallState::Expired, seconds_left: 0, confirm_left: 0, asks: false };
            Ok(Some(service.call_view(tx, &row.interaction, now)?.unwrap_or(gone)))
        };
        self.store.read(work).await
    }

    /// Takes what a browser posts.
    pub async fn post(&self, visitor: &Visitor, step: &str, posted: Posted, now: Instant) -> Result<ViewResult> {
        let (service, v, step) = (self.clone(), visitor.clone(), step.to_owned());
        let seen = match posted {
            Posted::Customer(_) | Posted::Pin(_) => {
                requests::to_the_end(async move { service.guess(&v, &step, posted, now).await }).await?
            }
            Posted::Phone | Posted::Call => self.call_form(visitor, &step, &posted, now).await?,
            Posted::Restart => self.restart(visitor, &step, now).await?,
            other => self.store.write(move |tx| service.post_tx(tx, &v, &step, &other, now)).await?,
        };
        self.note_end(&seen, now);
        Ok(seen)
    }
    fn post_tx(
        &self,
        tx: &mut Tx<'_, '_>,
        v: &Visitor,
        step: &str,
        posted: &Posted,
        now: Instant,
    ) -> Result<ViewResult> {
        let errors = self.admitted(tx, v, now)?.map(|row| row.interaction.errors).unwrap_or_default();
        let i = match self.take(tx, v, step, now)? {
            StepCheck::NotOwner => return Ok(ViewResult::Foreign),
            StepCheck::Stale(i) => return self.view(tx, i, now),
            StepCheck::Accepted(i) => i,
        };
        let stale = i.clone();
        let (moved, action) = match posted {
            Posted::Account(form) if matches!(i.stage, Stage::Account { .. }) => match form.parse() {
                Ok(account) => (i.entered(account), AuditAction::InteractionAccountAccepted),
                Err(problems) => return self.stays_if_open(tx, i, problems, now),
            },
            Posted::Back => restart::back(i),
            Posted::Cancel if i.live() => {
                if let (Some(proofing), Some(client)) = (&v.proofing_cookie, i.purpose.client()) {
                    proofing_session::forget(tx, proofing, client)?;
                }
                let ending = i.cancelled();
                let i = sql::end(tx, &self.crypto, i, ending, now)?;
                return self.advanced(tx, i, now);
            }
            Posted::Finish => {
                let i = self.finish(tx, i, now)?;
                return self.advanced(tx, i, now);
            }
            // `take` has noted that the customer is there.
            Posted::Extend if matches!(i.stage, Stage::Links(_)) => return self.advanced(tx, i, now),
            Posted::Return { unwritten } if i.live() => {
                let ending = match errors.leading_back().or(*unwritten) {
                    Some(Message::R35) => Ending::Busy,
                    Some(Message::R34 | Message::R37) => Ending::Off,
                    Some(_) => Ending::Failed,
                    None => return self.view(tx, stale, now),
                };
                let i = sql::end(tx, &self.crypto, i, ending, now)?;
                return self.advanced(tx, i, now);
            }
            // Guesses go through reserve → ask → settle; no other form is valid at this stage.
            _ => return self.view(tx, stale, now),
        };
        let Ok(i) = moved else { return self.view(tx, stale, now) };
        if let Some(ended) = self.meets_closure(tx, &i, now)? {
            return self.advanced(tx, ended, now);
        }
        sql::save(tx, &self.crypto, &i)?;
        let account = i.account().map(|a| self.crypto.account(a));
        sql::record(tx, &i, action, account, json!({}), now)?;
        self.advanced(tx, i, now)
    }

    /// Uses up the one valid step token: every other open page of the interaction becomes stale. The errors of the
    /// previous form are cleared. `Accepted` is already saved; save again only if you change it.
    pub fn take(&self, tx: &mut Tx<'_, '_>, v: &Visitor, step: &str, now: Instant) -> Result<StepCheck> {
        let Some(row) = self.admitted(tx, v, now)? else { return Ok(StepCheck::NotOwner) };
        if row.settles(&self.key, &v.cookie) {
            sql::forget_old_cookie(tx, &v.id)?;
        }
        let was_live = row.interaction.live();
        let mut i = self.on_time(tx, row.interaction, now)?;
        let good = secret::same(self.key.step(&i).reveal().as_bytes(), step.as_bytes());
        if !good || was_live != i.live() {
            return Ok(StepCheck::Stale(i));
        }
        i.step += 1;
        i.errors = FormErrors::default();
        if i.live() {
            i.touched = now;
        }
        sql::save(tx, &self.crypto, &i)?;
        Ok(StepCheck::Accepted(i))
    }

    /// Ends an interaction whose time is over (G28, R57).
    pub(crate) fn on_time(&self, tx: &mut Tx<'_, '_>, i: Interaction, now: Instant) -> Result<Interaction> {
        match i.due(&self.policy, now) {
            Some(ending) => sql::end(tx, &self.crypto, i, ending, now),
            None => Ok(i),
        }
    }
    pub(crate) fn admitted(&self, tx: &mut Tx<'_, '_>, v: &Visitor, now: Instant) -> Result<Option<InteractionRow>> {
        let row = sql::load(tx, &self.crypto, &v.id)?.filter(|row| row.interaction.purpose.kind() == v.kind);
        Ok(row.filter(|row| row.admits(&self.key, &v.cookie, now)))
    }
    /// Gives the browser a new cookie (requirements.md#states: at ③ and ⑤).
    pub(super) fn rotate(&self, tx: &mut Tx<'_, '_>, i: &Interaction, now: Instant) -> Result<Option<Secret>> {
        sql::rotate(tx, &i.id, now)?;
        let row = sql::load(tx, &self.crypto, &i.id)?;
        Ok(row.map(|row| row.cookie(&self.key)))
    }

    /// The form has errors: the same screen again.
    pub(crate) fn stays(
        &self,
        tx: &mut Tx<'_, '_>,
        i: Interaction,
        errors: impl Into<FormErrors>,
        now: Instant,
    ) -> Result<ViewResult> {
        let i = Interaction { errors: errors.into(), ..i };
        for shown in i.errors.problems.iter().filter_map(|problem| problem.message.number()) {
            tx.note(Fact::of(FactKind::MessageShown, shown));
        }
        sql::save(tx, &self.crypto, &i)?;
        self.advanced(tx, i, now)
    }
    /// The form was accepted and leads to the next screen.
    pub(super) fn advanced(&self, tx: &mut Tx<'_, '_>, i: Interaction, now: Instant) -> Result<ViewResult> {
        self.advanced_with(tx, i, None, now)
    }
    pub(super) fn advanced_with(
        &self,
        tx: &mut Tx<'_, '_>,
        i: Interaction,
        cookie: Option<Secret>,
        now: Instant,
    ) -> Result<ViewResult> {
        if i.live() && i.errors.is_empty() {
            tx.note(Fact::of(FactKind::StepReached, i.stage.screen()));
        }
        self.view_result(tx, View { cookie, accepted: true, ..self.plain(i, now) }, now)
    }
    /// Nothing was accepted: the current screen.
    pub(crate) fn view(&self, tx: &mut Tx<'_, '_>, i: Interaction, now: Instant) -> Result<ViewResult> {
        self.view_result(tx, self.plain(i, now), now)
    }
    /// The same; a browser that still shows the previous cookie gets the new one again.
    fn view_of(
        &self,
        tx: &mut Tx<'_, '_>,
        row: InteractionRow,
        shown: &secret::Hash,
        now: Instant,
    ) -> Result<ViewResult> {
        let cookie = (!row.is_current(&self.key, shown)).then(|| row.cookie(&self.key));
        self.view_result(tx, View { cookie, ..self.plain(row.interaction, now) }, now)
    }
    fn plain(&self, i: Interaction, now: Instant) -> View {
        let step = self.key.step(&i);
        let closing = self.policy.hours.closing_soon(now);
        let (reopened, last_try) = (false, None);
        View { interaction: i, step, cookie: None, accepted: false, call: None, closing, reopened, last_try }
    }
    fn view_result(&self, tx: &mut Tx<'_, '_>, mut view: View, now: Instant) -> Result<ViewResult> {
        view.call = self.call_view(tx, &view.interaction, now)?;
        view.last_try = self.last_pin(tx, &view.interaction, now)?;
        let off = matches!(view.interaction.stage, Stage::Ended(Ending::Off));
        view.reopened = off && !service_switch::is_off(tx)?;
        Ok(ViewResult::Here(Box::new(view)))
    }
    fn call_view(&self, tx: &mut Tx<'_, '_>, i: &Interaction, now: Instant) -> Result<Option<CallView>> {
        let Stage::Call { calling, matched } = &i.stage else { return Ok(None) };
        let heard = call::load_call_record(tx, &self.crypto, &self.policy, (&i.id, matched.personal.phone()), calling)?;
        Ok(Some(CallView {
            state: heard.state(calling, self.policy.call_allowance, now),
            seconds_left: calling.call_until.since(now).as_secs(),
            confirm_left: calling.confirm_until.since(now).as_secs(),
            asks: heard.asks(calling, now),
        }))
    }
    /// Writes a log line and an hourly count for an interaction that ended before ②; the audit record does not
    /// contain it.
    pub(super) fn note_end(&self, seen: &ViewResult, now: Instant) {
        if let ViewResult::Here(view) = seen
            && view.interaction.ended_now
        {
            self.ends.note(&view.interaction, now);
        }
    }
}
/// How often at most a page view is written as activity. The customer's own page says when it ends, so it counts each.
const fn touch_after(i: &Interaction) -> std::time::Duration {
    std::time::Duration::from_secs(if matches!(i.stage, Stage::Links(_)) { 1 } else { 60 })
}
