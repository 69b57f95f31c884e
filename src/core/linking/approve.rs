//! 許可する (R72, G21): consent, grant, code, notice and the end of the interaction are written in one transaction. Then
//! the browser goes straight to the app.

use super::offer::{AtConsent, Offered, PageFailed};
use super::reverify::Recheck;
use super::{Linking, Result};
use crate::account::Account;
use crate::audit::AuditAction;
use crate::authorize::sql::{Consumed, consume};
use crate::authorize::{AuthorizationRequest, AuthorizationResponse, Outcome, oauth_answer};
use crate::client::Status;
use crate::clock::Instant;
use crate::consent::{self, ConsentChoice, Customer, GivenConsent, Missing};
use crate::grant::{self, NewGrant, code::CodeBinding};
use crate::id::AccountId;
use crate::identity::{
    Ending, Expired, Field, FormErrors, IdentityService, Interaction, Message, Problem, ProofingSession,
    ProofingSessionKey, Stage, ViewResult, Visitor, lockout, proofing_session, sql,
};
use crate::keys::seal::Broken;
use crate::lifecycle::notice::hold;
use crate::lifecycle::{Completed, Notice, Queued};
use crate::secret::{Hash, Secret};
use crate::store::{self, Tx};
use serde_json::json;
use std::time::Duration;

/// The form of 許可する.
pub struct Approval<'a> {
    /// The browser that posts it.
    pub visitor: &'a Visitor,
    /// Its single-use step token.
    pub step: &'a str,
    /// The tick, and the accounts.
    pub choice: &'a ConsentChoice,
    /// The digest of the page it stood on. A form without one is taken.
    pub shown: Option<&'a str>,
    /// Network address and user agent, one line.
    pub remote: Secret,
}

/// What comes of 許可する.
pub enum Approved {
    /// The link exists.
    Linked {
        /// What the app is answered with.
        answer: AuthorizationResponse,
        /// What the browser remembers (decision 15), and for how long.
        proofing_cookie: Option<(Secret, Duration)>,
    },
    /// It does not: the screen that is.
    Screen(ViewResult),
}

impl Linking {
    /// 許可する, for a customer at ⑥.
    ///
    /// # Errors
    /// [`super::Error`]; nothing is recorded then.
    pub async fn approve(
        &self,
        at: AtConsent<'_>,
        form: Approval<'_>,
        words: impl Fn(&Offered) -> std::result::Result<Hash, PageFailed>,
        now: Instant,
    ) -> Result<Approved> {
        let AtConsent { proofed, client, interaction, .. } = at;
        if client.status != Status::Active {
            return self.not_approved(&form, Ending::Failed, now).await;
        }
        let offered = self.offer(at, words).await?;
        // Nobody agrees to words they have not seen: a record, a text or the language may have changed since.
        let errors = |problems| FormErrors { problems, chosen: Some(ticked_lines(&offered, form.choice)) };
        if form.shown.is_some_and(|shown| shown != offered.shown()) {
            return self.once_more(&form, errors(lacking(Missing::Agreement)), None, now).await;
        }
        let customer = Customer::of(proofed, interaction.id.clone(), form.remote.clone());
        let agreed = match consent::allow(&offered.offer, form.choice, customer, now) {
            Ok(agreed) => agreed,
            Err(missing) => return self.once_more(&form, errors(lacking(missing)), None, now).await,
        };
        // What ⑤ found may be true no longer: the core bank is asked before anything is recorded (decision 1).
        match self.reverify(proofed, now).await {
            Recheck::Valid(accounts)
                if agreed.details.accounts.iter().all(|a| accounts.iter().any(|(id, _)| id == a)) => {}
            // The places of the page before mean nothing on the one that follows.
            Recheck::Valid(accounts) => {
                return self.once_more(&form, lacking(Missing::Account).into(), Some(accounts), now).await;
            }
            Recheck::Over(ending) => return self.not_approved(&form, ending, now).await,
            Recheck::Unknown(message) => {
                return self.once_more(&form, errors(vec![Problem::page(message)]), None, now).await;
            }
        }
        let (link, notice) = self.prepared(at, &agreed, &offered.request, now)?;
        let proofing = self.new_proofing_session(at, now)?;
        // Made before anything is recorded: if it cannot be signed, nothing is agreed to.
        let code = Outcome::Code(link.summary().code.clone());
        let answer = oauth_answer(&offered.request, client, &code, self.response_context(now))?;
        let (proofing, value) = proofing.map_or((None, None), |(value, proofing)| (Some(proofing), Some(value)));
        let lasting = proofing.as_ref().map(|m| m.until().since(now));
        let writes = Writes {
            grant: link,
            notice,
            session: proofing,
            old: form.visitor.proofing_cookie,
            version: client.version,
        };
        let work = move |identity: &IdentityService, tx: &mut Tx<'_, '_>, i: Interaction| {
            record(identity, tx, i, &writes, now)
        };
        match self.at_consent(form.visitor, form.step, now, work).await? {
            Some(true) => Ok(Approved::Linked { answer, proofing_cookie: value.zip(lasting) }),
            Some(false) | None => Ok(Approved::Screen(self.identity.look(form.visitor, None, now).await?)),
        }
    }

    async fn not_approved(&self, form: &Approval<'_>, ending: Ending, now: Instant) -> Result<Approved> {
        Ok(Approved::Screen(self.end(form.visitor, form.step, ending, now).await?))
    }

    /// ⑥ again, with a new step token (G17), with what is wrong, and with the accounts the core bank has named anew.
    async fn once_more(
        &self,
        form: &Approval<'_>,
        errors: FormErrors,
        accounts: Option<Vec<(AccountId, Account)>>,
        now: Instant,
    ) -> Result<Approved> {
        let work = move |identity: &IdentityService, tx: &mut Tx<'_, '_>, i: Interaction| {
            let anew = accounts.clone().and_then(|accounts| i.clone().reoffered(accounts).ok());
            identity.stays(tx, anew.unwrap_or(i), errors.clone(), now)
        };
        let screen = match self.at_consent(form.visitor, form.step, now, work).await? {
            Some(screen) => screen,
            None => self.identity.look(form.visitor, None, now).await?,
        };
        Ok(Approved::Screen(screen))
    }

    /// What this browser will remember for this app, where both may (decision 15): a new value each time.
    fn new_proofing_session(
        &self,
        at: AtConsent<'_>,
        now: Instant,
    ) -> std::result::Result<Option<(Secret, ProofingSession)>, Broken> {
        let Some(lasting) = self.remembers_for(at.client) else { return Ok(None) };
        let made = ProofingSession::new(self.identity.crypto(), at.proofed, &at.client.id, at.client.version, lasting)?;
        Ok(Some(made).filter(|(_, proofing)| now < proofing.until()))
    }

    /// Everything that is drawn and sealed before the transaction.
    fn prepared(
        &self,
        at: AtConsent<'_>,
        agreed: &GivenConsent,
        request: &AuthorizationRequest,
        now: Instant,
    ) -> std::result::Result<(NewGrant, Queued), Broken> {
        let AtConsent { proofed, client, language, .. } = at;
        let (sealer, random, crypto) = (&*self.sealer, &*self.random, self.identity.crypto());
        let shared = || proofed.accounts.iter().filter(|(id, _)| agreed.details.accounts.contains(id));
        let link = NewGrant::new(agreed, CodeBinding::of(request), client.id.as_str(), sealer, random)?
            .with_code_lifetime(self.rules.code_lifetime)
            .with_warnings(&self.rules.warn_before)
            .with_receivers(self.rules.audiences(request), proofed.verified.clone())
            .with_shared(shared().map(|(_, account)| crypto.account(account)));
        let (account_type, last3) = Completed::of_account(&proofed.account);
        let completed = Completed {
            reference: link.summary().reference.clone(),
            at: now,
            app: client.name_in(language).to_owned(),
            provider: client.provider_in(language).to_owned(),
            scope: agreed.scope.clone(),
            details: agreed.details.clone(),
            account_type,
            last3,
            accounts: shared().map(|(_, account)| Completed::of_account(account)).collect(),
            expires_at: agreed.expires_at,
            language,
        };
        let to = Secret::new(proofed.personal.email.as_str());
        let grant = link.summary().grant.clone();
        let notice = Queued::new(Notice::Completed(completed), &to, grant, sealer, random)?;
        Ok((link, notice))
    }
}

/// What 許可する lacked, as the row of the interaction keeps it.
pub(super) fn lacking(missing: Missing) -> Vec<Problem> {
    let account = Problem::at(Field::Account, Message::AccountChoice);
    let agree = Problem::at(Field::Agree, Message::Agree);
    match missing {
        Missing::Account => vec![account],
        Missing::Agreement => vec![agree],
        Missing::Both => vec![account, agree],
    }
}

/// Which lines of the page were ticked.
fn ticked_lines(offered: &Offered, choice: &ConsentChoice) -> Vec<usize> {
    let lines = offered.offer.accounts.iter().enumerate();
    lines.filter(|(_, id)| choice.accounts.contains(id)).map(|(place, _)| place).collect()
}

/// What 許可する writes, together.
struct Writes {
    grant: NewGrant,
    notice: Queued,
    /// What the browser will remember,
    session: Option<ProofingSession>,
    /// and what it has shown.
    old: Option<Hash>,
    /// The version of the client's record.
    version: i64,
}

/// Writes it. `false`, and nothing of it is written, for an account that was locked meanwhile, a memory that was forgotten,
/// or a request that another browser completed first (decision 9): the interaction ends then.
fn record(
    identity: &IdentityService,
    tx: &mut Tx<'_, '_>,
    i: Interaction,
    writes: &Writes,
    now: Instant,
) -> store::Result<bool> {
    if let Some(ending) = outdated(identity, tx, &i, writes.version, now)? {
        sql::end(tx, identity.crypto(), i, ending, now)?;
        return Ok(false);
    }
    if consume(tx, i.request, now)? == Consumed::Before {
        sql::end(tx, identity.crypto(), i, Ending::Expired(Expired::Elsewhere), now)?;
        return Ok(false);
    }
    sql::end_others(tx, identity.crypto(), i.request, &i.id, now)?;
    let Ok((i, proofed)) = i.completed(writes.grant.summary().grant.clone()) else { return Ok(false) };
    grant::create(tx, &writes.grant)?;
    hold(tx, &writes.notice, now)?;
    // Checks passed minutes ago do not make up for wrong answers given since.
    if proofed.remembered.is_none() {
        lockout::clear(tx, identity.crypto(), proofed.account_index, now)?;
    }
    if let Some(new) = &writes.session {
        if let Some(old) = &writes.old {
            proofing_session::replace(tx, old)?;
        }
        proofing_session::remember(tx, new)?;
    }
    sql::save(tx, identity.crypto(), &i)?;
    let detail = json!({ "grant": writes.grant.summary().grant });
    sql::record(tx, &i, AuditAction::InteractionConsentAllowed, Some(proofed.account_index), detail, now)?;
    Ok(true)
}

/// How an interaction ends whose checks count no longer: the account was locked after ⑤, by wrong guesses of somebody else
/// (R33), or the memory that stood for them was forgotten.
fn outdated(
    identity: &IdentityService,
    tx: &mut Tx<'_, '_>,
    i: &Interaction,
    version: i64,
    now: Instant,
) -> store::Result<Option<Ending>> {
    let Stage::Consent(proofed) = &i.stage else { return Ok(None) };
    if let Some(lock) = lockout::locked(tx, identity.crypto(), identity.policy(), proofed.account_index, now)? {
        return Ok(Some(Ending::Locked { before: true, until: lock.until }));
    }
    let Some(known) = proofed.remembered else { return Ok(None) };
    let of = ProofingSessionKey { cookie: known.cookie, client: i.client.clone(), version };
    Ok((!proofing_session::exists(tx, &of)?).then_some(Ending::Expired(Expired::Time)))
}
