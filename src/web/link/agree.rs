//! 許可する and 拒否する (R72, R73). Allowing writes consent, grant, code, notice and the end of the way in one
//! transaction, and sends the browser straight to the app (G21).

use super::consent::{Matter, lacking};
use super::{Counter, Stop};
use crate::account::Account;
use crate::authorize::sql::{Consumed, consume};
use crate::authorize::{Outcome, oauth_answer};
use crate::client::{Client, Status};
use crate::consent::{self, Agreed, Choice, Customer, Missing, Record};
use crate::grant::{self, Link, code::Binding, pairwise};
use crate::id::AccountId;
use crate::identity::{
    self, Desk, Ending, Expired, FormErrors, Holder, Interaction, Memory, Problem, Proofed, Seen, Stage, Standing,
    Taken, View, lockout, sql,
};
use crate::keys::seal::Broken;
use crate::lifecycle::notice::hold;
use crate::lifecycle::{Completed, Notice, Queued};
use crate::secret::{Hash, Secret};
use crate::store::{self, Tx};
use crate::web::{cookie, memory, page};
use actix_web::HttpResponse;
use actix_web::http::header;
use serde_json::json;

/// How pressing a button ended.
enum Pressed {
    /// The code stands: send the browser to the app.
    Allowed,
    /// Whatever the stage is now, show it.
    Show,
    /// Not this browser's way.
    Foreign,
}

impl Counter<'_> {
    /// 許可する
    pub(super) async fn allow(&self, step: &str, choice: &Choice, shown: Option<&str>) -> Result<HttpResponse, Stop> {
        let turn = self.app.desk.turn_of(&self.visitor).await;
        if turn.is_none() {
            return Ok(self.on(&self.view(None).await?));
        }
        let view = self.view(None).await?;
        let Stage::Consent(proofed) = &view.interaction.stage else { return Ok(self.on(&view)) };
        let client = self.client(&view).await?;
        if client.status != Status::Active {
            return self.ended(step, Ending::Failed).await;
        }
        let matter = self.matter(&view, &client, proofed).await?;
        // Nobody agrees to words they have not seen: a record, a text or the language may have changed since.
        let wrong = |problems| FormErrors { problems, chosen: Some(places(&matter, choice)) };
        if shown.is_some_and(|shown| shown != matter.shown()) {
            return self.once_more(step, wrong(lacking(Missing::Agreement)), None).await;
        }
        let agreed = match consent::allow(&matter.offer, choice, self.customer(&view, proofed), self.now) {
            Ok(agreed) => agreed,
            Err(missing) => return self.once_more(step, wrong(lacking(missing)), None).await,
        };
        // What ⑤ found may be true no longer: the world is asked before anything is recorded (decision 1).
        match self.app.desk.standing(proofed, self.now).await {
            Standing::Good(now) if agreed.details.accounts.iter().all(|a| now.iter().any(|(id, _)| id == a)) => {}
            // The places of the page before mean nothing on the one that follows.
            Standing::Good(now) => return self.once_more(step, lacking(Missing::Account).into(), Some(now)).await,
            Standing::Over(ending) => return self.ended(step, ending).await,
            Standing::Unknown(message) => {
                return self.once_more(step, wrong(vec![Problem::page(message)]), None).await;
            }
        }
        let language = self.language(&view);
        let Ok((link, notice)) = self.sealed(&view, &client, proofed, &agreed, Binding::of(&matter.request)) else {
            return Ok(page::busy(self.app, language));
        };
        let Ok(memory) = self.remembered(&client, proofed) else { return Ok(page::busy(self.app, language)) };
        let (now, code) = (self.now, Outcome::Code(link.told().code.clone()));
        // Made before anything is recorded: nobody agrees to what then cannot be told.
        let answer = oauth_answer(&matter.request, &client, &code, self.app.voice(now));
        if answer.is_err() {
            return Ok(page::answer(self.app, language, "", answer));
        }
        let (memory, value) = memory.map_or((None, None), |(value, memory)| (Some(memory), Some(value)));
        let lasting = memory.as_ref().map(|m| m.until().since(now));
        let writes = Writes { link, notice, memory, old: self.visitor.memory, version: client.version };
        let pressed = self.press(step, move |desk, tx, i| record(desk, tx, i, &writes, now)).await?;
        match pressed {
            Pressed::Foreign => Err(Stop::Foreign),
            Pressed::Show => Ok(self.on(&self.view(None).await?)),
            Pressed::Allowed => {
                let mut answer = page::answer(self.app, language, client.name_in(language.as_str()), answer);
                if let (Some(value), Some(lasting)) = (value, lasting) {
                    cookie::remember(&mut answer, self.app, &value, lasting);
                }
                if !self.typed.is_empty() {
                    cookie::set_typed(&mut answer, self.app, "", std::time::Duration::ZERO);
                }
                Ok(answer)
            }
        }
    }

    /// What this browser will remember for this app, where both may (decision 15): a new value each time.
    fn remembered(&self, client: &Client, proofed: &Proofed) -> Result<Option<(Secret, Memory)>, Broken> {
        let Some(lasting) = memory::lasting(self.app, client) else { return Ok(None) };
        let made = Memory::new(self.app.desk.seals(), proofed, &client.id, client.version, lasting)?;
        Ok(Some(made).filter(|(_, memory)| self.now < memory.until()))
    }

    /// 拒否する
    pub(super) async fn deny(&self, step: &str) -> Result<HttpResponse, Stop> {
        let view = self.view(None).await?;
        let Stage::Consent(proofed) = &view.interaction.stage else { return Ok(self.on(&view)) };
        let client = self.client(&view).await?;
        let matter = self.matter(&view, &client, proofed).await?;
        let (sealer, random, now) = (&self.app.sealer, &*self.app.random, self.now);
        let customer = self.customer(&view, proofed);
        let Ok(denied) = Record::denied(&matter.offer, customer, now, sealer, random) else {
            return Ok(page::busy(self.app, self.language(&view)));
        };
        let sub = pairwise(sealer, client.id.as_str(), &proofed.holder);
        let memory = self.visitor.memory;
        let work = move |desk: &Desk, tx: &mut Tx<'_, '_>, i: Interaction| {
            consent::deny(tx, &denied, &sub)?;
            if let Some(memory) = &memory {
                identity::memory::forget(tx, memory, &i.client)?;
            }
            sql::end(tx, desk.seals(), i, Ending::Cancelled, now)?;
            Ok(Pressed::Show)
        };
        self.follow(step, work).await
    }

    /// The app was suspended while its customer was on the way: nobody is asked anything more for it.
    pub(super) async fn unserved(&self, step: &str) -> Result<Option<HttpResponse>, Stop> {
        let view = self.view(None).await?;
        if !view.interaction.live() || self.client(&view).await?.status == Status::Active {
            return Ok(None);
        }
        let (desk, v, step, now) = (self.app.desk.clone(), self.visitor.clone(), step.to_owned(), self.now);
        let work = move |tx: &mut Tx<'_, '_>| {
            if let Taken::Now(i) = desk.take(tx, &v, &step, now)? {
                sql::end(tx, desk.seals(), i, Ending::Failed, now)?;
            }
            Ok(())
        };
        self.app.store.write(work).await?;
        Ok(Some(self.on(&self.view(None).await?)))
    }

    /// A dead end reached at ⑥.
    async fn ended(&self, step: &str, ending: Ending) -> Result<HttpResponse, Stop> {
        let now = self.now;
        let work = move |desk: &Desk, tx: &mut Tx<'_, '_>, i: Interaction| {
            sql::end(tx, desk.seals(), i, ending, now)?;
            Ok(Pressed::Show)
        };
        self.follow(step, work).await
    }

    /// ⑥ again, with a new step token (G17), and with the accounts the core bank has named anew.
    async fn once_more(
        &self,
        step: &str,
        errors: FormErrors,
        accounts: Option<Vec<(AccountId, Account)>>,
    ) -> Result<HttpResponse, Stop> {
        match self.app.desk.refuse_consent(&self.visitor, step, errors, accounts, self.now).await? {
            Seen::Foreign => Err(Stop::Foreign),
            Seen::Here(view) => Ok(self.on(&view)),
        }
    }

    async fn follow(
        &self,
        step: &str,
        work: impl Fn(&Desk, &mut Tx<'_, '_>, Interaction) -> store::Result<Pressed> + Send + 'static,
    ) -> Result<HttpResponse, Stop> {
        match self.press(step, work).await? {
            Pressed::Foreign => Err(Stop::Foreign),
            Pressed::Allowed | Pressed::Show => Ok(self.on(&self.view(None).await?)),
        }
    }

    /// Takes the step token and, when the way still stands at ⑥, does the work in the same transaction.
    async fn press(
        &self,
        step: &str,
        work: impl Fn(&Desk, &mut Tx<'_, '_>, Interaction) -> store::Result<Pressed> + Send + 'static,
    ) -> Result<Pressed, Stop> {
        let (desk, v, step, now) = (self.app.desk.clone(), self.visitor.clone(), step.to_owned(), self.now);
        let pressed = self.app.store.write(move |tx| match desk.take(tx, &v, &step, now)? {
            Taken::Foreign => Ok(Pressed::Foreign),
            Taken::Now(i) if matches!(i.stage, Stage::Consent(_)) => work(&desk, tx, i),
            Taken::Stale(_) | Taken::Now(_) => Ok(Pressed::Show),
        });
        Ok(pressed.await?)
    }

    fn customer(&self, view: &View, proofed: &Proofed) -> Customer {
        let agent = self.req.headers().get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let agent: String = agent.chars().take(300).collect();
        let address = self.address.map(|ip| ip.to_string()).unwrap_or_default();
        let remote = Secret::new(format!("{address} {agent}"));
        Customer::of(proofed, view.interaction.id.clone(), remote)
    }

    /// Everything that is drawn and sealed, before the transaction.
    fn sealed(
        &self,
        view: &View,
        client: &Client,
        proofed: &Proofed,
        agreed: &Agreed,
        binding: Binding,
    ) -> Result<(Link, Queued), Broken> {
        let (sealer, random) = (&*self.app.sealer, &*self.app.random);
        let lifetime = self.app.config.tokens.code_lifetime.get();
        let link = Link::new(agreed, binding, client.id.as_str(), sealer, random)?.with_code_lifetime(lifetime);
        let seals = self.app.desk.seals();
        let chosen = proofed.accounts.iter().filter(|(id, _)| agreed.details.accounts.contains(id));
        let link = link.with_shared(chosen.map(|(_, account)| seals.account(account)));
        let (account_type, last3) = Completed::of_account(&proofed.account);
        let language = self.language(view);
        let completed = Completed {
            reference: link.told().reference.clone(),
            at: self.now,
            app: client.name_in(language.as_str()).to_owned(),
            provider: self.provider(view, client),
            scope: agreed.scope.clone(),
            details: agreed.details.clone(),
            account_type,
            last3,
            accounts: proofed
                .accounts
                .iter()
                .filter(|(id, _)| agreed.details.accounts.contains(id))
                .map(|(_, account)| Completed::of_account(account))
                .collect(),
            expires_at: agreed.expires_at,
            language,
        };
        let to = Secret::new(proofed.personal.email.as_str());
        let grant = link.told().grant.clone();
        let notice = Queued::new(Notice::Completed(completed), &to, grant, sealer, random)?;
        Ok((link, notice))
    }
}

/// Which lines of the page were ticked.
fn places(matter: &Matter, choice: &Choice) -> Vec<usize> {
    let lines = matter.offer.accounts.iter().enumerate();
    lines.filter(|(_, id)| choice.accounts.contains(id)).map(|(place, _)| place).collect()
}

/// What 許可する writes, together.
struct Writes {
    link: Link,
    notice: Queued,
    /// What the browser will remember,
    memory: Option<Memory>,
    /// and what it has shown.
    old: Option<Hash>,
    /// The client's record.
    version: i64,
}

/// Writes it. Nothing is written for a request that another browser completed first (decision 9), an account that was
/// locked meanwhile, or a memory that was forgotten.
fn record(
    desk: &Desk,
    tx: &mut Tx<'_, '_>,
    i: Interaction,
    writes: &Writes,
    now: crate::clock::Instant,
) -> store::Result<Pressed> {
    if let Some(ending) = outlived(desk, tx, &i, writes.version, now)? {
        sql::end(tx, desk.seals(), i, ending, now)?;
        return Ok(Pressed::Show);
    }
    if consume(tx, i.request, now)? == Consumed::Before {
        sql::end(tx, desk.seals(), i, Ending::Expired(Expired::Elsewhere), now)?;
        return Ok(Pressed::Show);
    }
    sql::end_others(tx, desk.seals(), i.request, &i.id, now)?;
    let Ok((i, proofed)) = i.completed(writes.link.told().grant.clone()) else { return Ok(Pressed::Show) };
    grant::allow(tx, &writes.link)?;
    hold(tx, &writes.notice, now)?;
    // Checks passed minutes ago do not make up for wrong answers given since.
    if proofed.remembered.is_none() {
        lockout::clear(tx, desk.seals(), proofed.account_index, now)?;
    }
    if let Some(memory) = &writes.memory {
        if let Some(old) = &writes.old {
            identity::memory::replace(tx, old)?;
        }
        identity::memory::remember(tx, memory)?;
    }
    sql::save(tx, desk.seals(), &i)?;
    let detail = json!({ "grant": writes.link.told().grant });
    sql::record(tx, &i, "interaction.consent.allowed", Some(proofed.account_index), detail, now)?;
    Ok(Pressed::Allowed)
}

/// How an interaction ends whose checks count no longer: the account was locked after ⑤, by wrong guesses of somebody else
/// (R33), or the memory that stood for them was forgotten.
fn outlived(
    desk: &Desk,
    tx: &mut Tx<'_, '_>,
    i: &Interaction,
    version: i64,
    now: crate::clock::Instant,
) -> store::Result<Option<Ending>> {
    let Stage::Consent(proofed) = &i.stage else { return Ok(None) };
    if let Some(lock) = lockout::locked(tx, desk.seals(), desk.policy(), proofed.account_index, now)? {
        return Ok(Some(Ending::Locked { before: true, until: lock.until }));
    }
    let Some(known) = proofed.remembered else { return Ok(None) };
    let of = Holder { memory: known.memory, client: i.client.clone(), version };
    Ok((!identity::memory::stands(tx, &of)?).then_some(Ending::Expired(Expired::Time)))
}
