//! The desk a customer stands at: looks up where they are, takes what they post, asks the core bank where a check needs
//! it, records the arrow. Pages and addresses are `web`'s; this is all of the checks without a browser.
//!
//! Whatever comes in any order: a page is shown for the stage that is, a form is taken only with the one step token
//! that is good, and a stage is left only by the moves of [`Interaction`].

use super::Seals;
use super::policy::Policy;
use super::seen::{CallView, Opened, Opening, Posted, Seen, Taken, View, Visitor};
use super::service_hours::Service;
use super::sql::{self, Kept};
use super::{CallRegister, CallState, CoreBank, Ending, Expired, IncomingCall, Interaction, Message, Problem, Stage};
use super::{call, memory};
use crate::authorize;
use crate::clock::Instant;
use crate::id::InteractionId;
use crate::secret::{self, Hash, Secret};
use crate::store::{Error, Result, Store, Tx};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use std::sync::Arc;

/// Everything the checks need; cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub(super) store: Store,
    pub(super) seals: Seals,
    pub(super) policy: Arc<Policy>,
    pub(super) bank: Arc<dyn CoreBank>,
}

impl Desk {
    /// A desk over a store and a core bank.
    #[must_use]
    pub fn new(store: Store, seals: Seals, policy: Policy, bank: Arc<dyn CoreBank>) -> Self {
        Self { store, seals, policy: Arc::new(policy), bank }
    }
    /// The rules it goes by.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
    /// What it seals with.
    #[must_use]
    pub fn seals(&self) -> &Seals {
        &self.seals
    }

    /// Begins a way for a stored request, or resumes the browser's own for the same one. A browser has one live way:
    /// a new request ends the earlier one (domain G28). Outside service hours the way ends at once (S0).
    ///
    /// # Errors
    /// The store's.
    pub async fn open(&self, opening: Opening, now: Instant) -> Result<Opened> {
        let desk = self.clone();
        let cookie = secret::opaque(&*self.seals.random);
        self.store.write(move |tx| desk.open_tx(tx, &opening, &cookie, now)).await
    }
    fn open_tx(&self, tx: &mut Tx<'_, '_>, o: &Opening, cookie: &Secret, now: Instant) -> Result<Opened> {
        let seals = &self.seals;
        let earlier = match &o.cookie {
            Some(cookie) => sql::by_cookie(tx, seals, cookie, now)?,
            None => None,
        };
        if let Some(kept) = earlier {
            if kept.interaction.request.same(&o.request) {
                return Ok(Opened { interaction: self.on_time(tx, kept.interaction, now)?, cookie: None });
            }
            sql::end(tx, seals, kept.interaction, Ending::Expired(Expired::Elsewhere), now)?;
        }
        let address = seals.sealer.index("address", &o.address);
        for kept in sql::crowd(tx, seals, address, self.policy.waiting_by_address - 1)? {
            sql::end(tx, seals, kept.interaction, Ending::Expired(Expired::Time), now)?;
        }
        let id = InteractionId::random(&*seals.random);
        let mut i = Interaction::new(id, o.client.clone(), o.request, now);
        i.language.clone_from(&o.language);
        sql::insert(tx, seals, &i, cookie.hash(), address)?;
        authorize::sql::begun(tx, o.request, now)?;
        sql::arrow(tx, &i, "interaction.opened", None, json!({}), now)?;
        if let Service::Closed { until } = self.policy.hours.open_at(now) {
            i = sql::end(tx, seals, i, Ending::Closed { until }, now)?;
        } else if let Some(recalled) = &o.recalled {
            i = self.recalled(tx, i, recalled, now)?;
        }
        Ok(Opened { interaction: i, cookie: Some(cookie.clone()) })
    }

    /// The way a browser has begun for this very request, if it has.
    ///
    /// # Errors
    /// The store's.
    pub async fn own(&self, cookie: Hash, request: Hash, now: Instant) -> Result<Option<Interaction>> {
        let desk = self.clone();
        let work = move |tx: &mut Tx<'_, '_>| {
            let kept = sql::by_cookie(tx, &desk.seals, &cookie, now)?.filter(|k| k.interaction.request.same(&request));
            kept.map(|kept| desk.on_time(tx, kept.interaction, now)).transpose()
        };
        self.store.write(work).await
    }

    /// Where a browser stands (GET). `language`: what the language link asks for.
    ///
    /// # Errors
    /// The store's.
    pub async fn look(&self, visitor: &Visitor, language: Option<String>, now: Instant) -> Result<Seen> {
        let quick = {
            let (desk, v, language) = (self.clone(), visitor.clone(), language.clone());
            self.store.read(move |tx| desk.glance(tx, &v, language.as_deref(), now)).await?
        };
        match quick {
            Some(seen) => Ok(seen),
            None => {
                let (desk, v) = (self.clone(), visitor.clone());
                self.store.write(move |tx| desk.look_tx(tx, &v, language.as_deref(), now)).await
            }
        }
    }
    /// A look that changes nothing; `None` when something must be written down.
    fn glance(&self, tx: &mut Tx<'_, '_>, v: &Visitor, language: Option<&str>, now: Instant) -> Result<Option<Seen>> {
        let Some(kept) = self.admitted(tx, v, now)? else { return Ok(Some(Seen::Foreign)) };
        let i = &kept.interaction;
        let changes = i.due(&self.policy, now).is_some()
            || kept.settles(&v.cookie)
            || language.is_some_and(|l| i.language.as_deref() != Some(l))
            || (i.live() && now.since(i.touched) >= TOUCH);
        if changes { Ok(None) } else { self.view(tx, kept.interaction, now).map(Some) }
    }
    fn look_tx(&self, tx: &mut Tx<'_, '_>, v: &Visitor, language: Option<&str>, now: Instant) -> Result<Seen> {
        let Some(kept) = self.admitted(tx, v, now)? else { return Ok(Seen::Foreign) };
        if kept.settles(&v.cookie) {
            sql::forget_old_cookie(tx, &v.id)?;
        }
        let mut i = self.on_time(tx, kept.interaction, now)?;
        if i.live() {
            i.touched = now;
        }
        if let Some(language) = language {
            i.language = Some(language.to_owned());
        }
        sql::save(tx, &self.seals, &i)?;
        self.view(tx, i, now)
    }

    /// What `call/status` says; `None` for a browser it is not for. Reads only: a poll keeps nothing alive.
    ///
    /// # Errors
    /// The store's.
    pub async fn call_status(&self, visitor: &Visitor, now: Instant) -> Result<Option<CallView>> {
        let (desk, v) = (self.clone(), visitor.clone());
        let work = move |tx: &mut Tx<'_, '_>| {
            let Some(kept) = desk.admitted(tx, &v, now)? else { return Ok(None) };
            let gone = CallView { state: CallState::Expired, seconds_left: 0 };
            Ok(Some(desk.call_view(tx, &kept.interaction, now)?.unwrap_or(gone)))
        };
        self.store.read(work).await
    }

    /// Takes what a browser posts.
    ///
    /// # Errors
    /// The store's.
    pub async fn post(&self, visitor: &Visitor, step: &str, posted: Posted, now: Instant) -> Result<Seen> {
        let (desk, v, step) = (self.clone(), visitor.clone(), step.to_owned());
        match posted {
            Posted::Customer(form) => to_the_end(async move { desk.customer(&v, &step, form, now).await }).await,
            Posted::Pin(pin) => to_the_end(async move { desk.pin(&v, &step, &pin, now).await }).await,
            other => self.store.write(move |tx| desk.post_tx(tx, &v, &step, &other, now)).await,
        }
    }
    fn post_tx(&self, tx: &mut Tx<'_, '_>, v: &Visitor, step: &str, posted: &Posted, now: Instant) -> Result<Seen> {
        let i = match self.take(tx, v, step, now)? {
            Taken::Foreign => return Ok(Seen::Foreign),
            Taken::Stale(i) => return self.view(tx, i, now),
            Taken::Now(i) => i,
        };
        let stale = i.clone();
        let (moved, action) = match posted {
            Posted::Account(form) if matches!(i.stage, Stage::Account { .. }) => match form.parse() {
                Ok(account) => (i.entered(account), "interaction.account.accepted"),
                Err(problems) => return self.stays(tx, i, problems, now),
            },
            Posted::Back => (i.back(), "interaction.customer.returned"),
            Posted::Restart => (i.restarted(&self.policy, now), "interaction.restarted"),
            Posted::Phone if matches!(i.stage, Stage::Phone(_)) => return self.give_number(tx, i, 1, now),
            Posted::Call => return self.confirm(tx, i, now),
            Posted::Cancel if i.live() => {
                if let Some(memory) = &v.memory {
                    memory::forget(tx, memory, &i.client)?;
                }
                let i = sql::end(tx, &self.seals, i, Ending::Cancelled, now)?;
                return self.taken(tx, i, now);
            }
            // Guesses go through reserve → ask → settle; anything else has no arrow here.
            _ => return self.view(tx, stale, now),
        };
        let Ok(i) = moved else { return self.view(tx, stale, now) };
        sql::save(tx, &self.seals, &i)?;
        let account = i.account().map(|a| self.seals.account(a));
        sql::arrow(tx, &i, action, account, json!({}), now)?;
        self.taken(tx, i, now)
    }

    /// ③ → ④, and ④ once more where another attempt is allowed: number and window are set here (domain G10).
    fn give_number(&self, tx: &mut Tx<'_, '_>, i: Interaction, attempt: u32, now: Instant) -> Result<Seen> {
        let (Stage::Phone(matched) | Stage::Call { matched, .. }) = &i.stage else { return self.view(tx, i, now) };
        let (caller, account) = (matched.personal.phone.clone(), self.seals.account(&matched.account));
        let Some(calling) = call::allocate(tx, &self.seals, &self.policy, &i, &caller, attempt, now)? else {
            return self.stays(tx, i, vec![Problem::page(Message::R35)], now);
        };
        let detail = json!({ "called": calling.called.as_str(), "attempt": attempt });
        let Ok(i) = i.clone().calling(calling) else { return self.view(tx, i, now) };
        sql::save(tx, &self.seals, &i)?;
        sql::arrow(tx, &i, "interaction.phone.confirmed", Some(account), detail, now)?;
        self.taken(tx, i, now)
    }

    /// ④ → ⑤ when the call was seen in time and 確定する is in time (R55–R57).
    fn confirm(&self, tx: &mut Tx<'_, '_>, i: Interaction, now: Instant) -> Result<Seen> {
        let Stage::Call { calling, .. } = &i.stage else { return self.view(tx, i, now) };
        let calling = calling.clone();
        if now > calling.confirm_until {
            // `take` has ended the way already unless another attempt is allowed.
            return self.give_number(tx, i, calling.attempt + 1, now);
        }
        let seen = call::heard(tx, &i.id, &calling)?.seen;
        let moved = seen.and_then(|at| i.clone().called(at, now).ok());
        match moved {
            Some(i) if call::consume(tx, &i.id, &calling)? => {
                sql::save(tx, &self.seals, &i)?;
                let account = i.account().map(|a| self.seals.account(a));
                sql::arrow(tx, &i, "interaction.call.confirmed", account, json!({}), now)?;
                let cookie = self.rotate(tx, &i, now)?;
                self.taken_with(tx, i, cookie, now)
            }
            _ => self.stays(tx, i, vec![Problem::page(Message::CallWaiting)], now),
        }
    }

    /// Takes the one good step token; every other page of the way is stale from here on. `Now` must be saved.
    ///
    /// # Errors
    /// The store's.
    pub fn take(&self, tx: &mut Tx<'_, '_>, v: &Visitor, step: &str, now: Instant) -> Result<Taken> {
        let Some(kept) = self.admitted(tx, v, now)? else { return Ok(Taken::Foreign) };
        if kept.settles(&v.cookie) {
            sql::forget_old_cookie(tx, &v.id)?;
        }
        let was_live = kept.interaction.live();
        let mut i = self.on_time(tx, kept.interaction, now)?;
        let good = secret::same(self.seals.step(&i).as_bytes(), step.as_bytes());
        if !good || was_live != i.live() {
            return Ok(Taken::Stale(i));
        }
        i.step += 1;
        if i.live() {
            i.touched = now;
        }
        sql::save(tx, &self.seals, &i)?;
        Ok(Taken::Now(i))
    }

    /// Ends what time alone has ended (domain G28, R57).
    pub(super) fn on_time(&self, tx: &mut Tx<'_, '_>, i: Interaction, now: Instant) -> Result<Interaction> {
        match i.due(&self.policy, now) {
            Some(ending) => sql::end(tx, &self.seals, i, ending, now),
            None => Ok(i),
        }
    }
    pub(super) fn admitted(&self, tx: &mut Tx<'_, '_>, v: &Visitor, now: Instant) -> Result<Option<Kept>> {
        Ok(sql::load(tx, &self.seals, &v.id)?.filter(|kept| kept.admits(&v.cookie, now)))
    }
    /// Gives the browser a new cookie (domain §1.10: at ③ and ⑤).
    pub(super) fn rotate(&self, tx: &mut Tx<'_, '_>, i: &Interaction, now: Instant) -> Result<Option<Secret>> {
        let cookie = secret::opaque(&*self.seals.random);
        sql::rotate(tx, &i.id, cookie.hash(), now)?;
        Ok(Some(cookie))
    }

    /// The form was read and something is wrong with it: the same screen again.
    pub(super) fn stays(
        &self,
        tx: &mut Tx<'_, '_>,
        i: Interaction,
        problems: Vec<Problem>,
        now: Instant,
    ) -> Result<Seen> {
        self.shown(tx, View { problems, taken: true, ..self.plain(i, now) }, now)
    }
    /// The form led on.
    pub(super) fn taken(&self, tx: &mut Tx<'_, '_>, i: Interaction, now: Instant) -> Result<Seen> {
        self.taken_with(tx, i, None, now)
    }
    pub(super) fn taken_with(
        &self,
        tx: &mut Tx<'_, '_>,
        i: Interaction,
        cookie: Option<Secret>,
        now: Instant,
    ) -> Result<Seen> {
        self.shown(tx, View { cookie, taken: true, ..self.plain(i, now) }, now)
    }
    /// Nothing was taken: the stage as it is.
    pub(super) fn view(&self, tx: &mut Tx<'_, '_>, i: Interaction, now: Instant) -> Result<Seen> {
        self.shown(tx, self.plain(i, now), now)
    }
    fn plain(&self, i: Interaction, now: Instant) -> View {
        let step = Secret::new(self.seals.step(&i));
        let closing = self.policy.hours.closing_soon(now);
        View { interaction: i, step, cookie: None, taken: false, problems: Vec::new(), call: None, closing }
    }
    fn shown(&self, tx: &mut Tx<'_, '_>, mut view: View, now: Instant) -> Result<Seen> {
        view.call = self.call_view(tx, &view.interaction, now)?;
        Ok(Seen::Here(Box::new(view)))
    }
    fn call_view(&self, tx: &mut Tx<'_, '_>, i: &Interaction, now: Instant) -> Result<Option<CallView>> {
        let Stage::Call { calling, .. } = &i.stage else { return Ok(None) };
        let state = call::heard(tx, &i.id, calling)?.state(calling, now);
        let seconds_left = calling.confirm_until.since(now).as_secs();
        Ok(Some(CallView { state, seconds_left }))
    }
}
/// Carries a guess on when the browser hangs up: its handler is dropped then, and what was reserved would stay booked,
/// so that a bad line, or three hang-ups of a stranger, would close the account for the day.
async fn to_the_end(guess: impl Future<Output = Result<Seen>> + Send + 'static) -> Result<Seen> {
    let carried = tokio::spawn(guess).await;
    carried.unwrap_or_else(|cause| Err(Error::Engine(format!("a check did not come to its end: {cause}"))))
}

/// How often at most a look at a page is written down as activity.
const TOUCH: std::time::Duration = std::time::Duration::from_secs(60);

impl CallRegister for Desk {
    fn report(&self, call: IncomingCall, now: Instant) -> BoxFuture<'_, Result<()>> {
        let desk = self.clone();
        let work = move |tx: &mut Tx<'_, '_>| call::record(tx, &desk.seals, &desk.policy, &call, now);
        self.store.write(work).boxed()
    }
}
