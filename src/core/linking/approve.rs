//! 許可する (R72, G21): the core bank is asked once more, then consent, grant, code, notice and the end of the interaction
//! are written in one transaction. Then the browser goes straight to the app.

use super::offer::{AtConsent, Offered, OtherLinks, PageFailed, SubmittedPage};
use super::{Linking, Result};
use crate::account::Account;
use crate::audit::AuditAction;
use crate::authorize::sql::{Consumed, consume};
use crate::authorize::{AuthorizationResponse, Outcome, oauth_answer};
use crate::client::Status;
use crate::clock::Instant;
use crate::consent::{self, ConsentChoice, ConsentWords, Customer, GivenConsent, Missing};
use crate::fact::{Fact, FactKind};
use crate::grant::change::NewChange;
use crate::grant::{self, GrantSummary, NewGrant, code::CodeBinding};
use crate::id::AccountId;
use crate::identity::service_hours::Service;
use crate::identity::{
    BankError, Ending, Expired, Field, FormErrors, IdentityService, Interaction, Lookup, Message, Problem, Proofed,
    ProofingSession, ProofingSessionKey, ViewResult, Visitor, lockout, proofing_session, service_switch, sql,
};
use crate::keys::seal::Broken;
use crate::lifecycle::notice::hold;
use crate::lifecycle::{Addressee, Completed, Notice, Queued};
use crate::secret::{Hash, Secret};
use crate::store::{self, Tx};
use serde_json::json;
use std::time::Duration;

/// The submitted form of 許可する.
pub struct Approval<'a> {
    /// The browser that submits it.
    pub visitor: &'a Visitor,
    /// Its single-use step token.
    pub step: &'a str,
    /// The checkbox, and the accounts.
    pub choice: &'a ConsentChoice,
    /// The page with the form. A form that names none is accepted; its period ends as that of a page shown now.
    pub page: Option<&'a SubmittedPage>,
    /// Network address and user agent in one line.
    pub remote: Secret,
}

/// The result of 許可する.
pub enum Approved {
    /// The grant was made.
    Linked {
        /// The response to the app.
        answer: AuthorizationResponse,
        /// The cookie of the proofing session (decision 15), and its lifetime.
        proofing_cookie: Option<(Secret, Duration)>,
    },
    /// It was not made: the screen to show.
    Screen(ViewResult),
}

/// Whether the result of ① to ⑤ is still true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Recheck {
    /// It is; these are the person's current accounts.
    Valid(Vec<(AccountId, Account)>),
    /// It is not: the interaction ends like this.
    Over(Ending),
    /// The bank gave no clear answer: R34 to R37.
    Unknown(Message),
}

impl Linking {
    /// 許可する, for a customer at ⑥.
    ///
    /// # Errors
    /// [`super::Error`]; then nothing is recorded.
    pub async fn approve(
        &self,
        at: AtConsent<'_>,
        form: Approval<'_>,
        words: impl Fn(&Offered) -> std::result::Result<ConsentWords, PageFailed>,
        now: Instant,
    ) -> Result<Approved> {
        let AtConsent { proofed, client, interaction, .. } = at;
        if client.status != Status::Active {
            return self.not_approved(&form, Ending::Failed, now).await;
        }
        let (offered, same) = self.offer_submitted(at, form.page, words, now).await?;
        if let Some(ending) = offered.nothing() {
            return self.not_approved(&form, ending, now).await;
        }
        // The customer must agree to the sentences shown. A record, a text or the language may have changed since, and the end
        // that stood there may lie further away than the period allows now.
        let notices = form.choice.notices;
        let errors = |problems| FormErrors { problems, chosen: Some(ticked_lines(&offered, form.choice)), notices };
        if !same {
            return self.once_more(&form, errors(lacking(Missing::Agreement)), None, now).await;
        }
        let customer = Customer::of(proofed, interaction.id.clone(), form.remote.clone());
        let agreed = match consent::allow(&offered.offer, form.choice, customer, now) {
            Ok(agreed) => agreed,
            Err(missing) => return self.once_more(&form, errors(lacking(missing)), None, now).await,
        };
        // The result of ⑤ may be outdated, so the core bank is asked before anything is recorded (decision 1).
        match self.reverify(proofed, now).await {
            Recheck::Valid(accounts)
                if newly_shared(&offered, &agreed).all(|a| accounts.iter().any(|(id, _)| id == a)) => {}
            // Line numbers of the earlier page do not apply to the new page.
            Recheck::Valid(accounts) => {
                let errors = FormErrors { notices, ..lacking(Missing::Account).into() };
                return self.once_more(&form, errors, Some(accounts), now).await;
            }
            Recheck::Over(ending) => return self.not_approved(&form, ending, now).await,
            Recheck::Unknown(message) => {
                return self.once_more(&form, errors(vec![Problem::page(message)]), None, now).await;
            }
        }
        let (link, notice) = self.prepared(at, &agreed, &offered, notices, now)?;
        let proofing = self.new_proofing_session(at, now)?;
        // Made before anything is recorded: if it cannot be signed, there must be no consent.
        let code = Outcome::Code(link.summary().code.clone());
        let answer = oauth_answer(&offered.request, client, &code, self.response_context(now)).await?;
        let (proofing, value) = proofing.map_or((None, None), |(value, proofing)| (Some(proofing), Some(value)));
        let lasting = proofing.as_ref().map(|m| m.until().since(now));
        let writes = Writes {
            link,
            notice,
            notices,
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

    /// Asks whether the verified account can still be linked and has the same owner, and for their other accounts. Between
    /// ⑤ and 許可する it can be closed, or the service can end (decision 1). No secret is checked here, so nothing counts as
    /// an attempt.
    pub(super) async fn reverify(&self, proofed: &Proofed, now: Instant) -> Recheck {
        let policy = self.identity.policy();
        if let Service::Closed { until } = policy.hours.open_at(now) {
            return Recheck::Over(Ending::Closed { until });
        }
        match self.store.read(service_switch::is_off).await {
            Ok(false) => {}
            Ok(true) => return Recheck::Over(Ending::Off),
            Err(_) => return Recheck::Unknown(Message::R36),
        }
        if !policy.offered {
            return Recheck::Unknown(Message::R37);
        }
        match self.identity.ask_proved(self.accounts_now(proofed), now).await {
            None | Some(Err(BankError::Busy)) => Recheck::Unknown(Message::R35),
            Some(Ok(Some(accounts))) => Recheck::Valid(accounts),
            Some(Ok(None)) => Recheck::Over(Ending::NoAccount),
            Some(Err(BankError::NotOffered)) => Recheck::Unknown(Message::R37),
            Some(Err(BankError::Closed)) => Recheck::Unknown(Message::R34),
            Some(Err(BankError::Failed(cause))) => {
                tracing::warn!(%cause, "the core bank gave no answer");
                Recheck::Unknown(Message::R36)
            }
        }
    }

    /// The person's accounts; `None` if the verified account is no longer theirs, or cannot be linked.
    async fn accounts_now(
        &self,
        proofed: &Proofed,
    ) -> std::result::Result<Option<Vec<(AccountId, Account)>>, BankError> {
        let bank = self.identity.bank();
        match bank.lookup(&proofed.account).await? {
            Lookup::Eligible(held) if held.id == proofed.verified && held.holder == proofed.holder => {}
            Lookup::Eligible(_) | Lookup::Ineligible(_) => return Ok(None),
        }
        let accounts = bank.accounts(&proofed.holder).await?;
        Ok(accounts.iter().any(|(id, _)| *id == proofed.verified).then_some(accounts))
    }

    async fn not_approved(&self, form: &Approval<'_>, ending: Ending, now: Instant) -> Result<Approved> {
        Ok(Approved::Screen(self.end(form.visitor, form.step, ending, now).await?))
    }

    /// ⑥ again with a new step token (G17), the errors, and the accounts as the core bank lists them now.
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

    /// A new proofing session for this browser and app, if both settings allow one (decision 15). Always a new value.
    fn new_proofing_session(
        &self,
        at: AtConsent<'_>,
        now: Instant,
    ) -> std::result::Result<Option<(Secret, ProofingSession)>, Broken> {
        let Some(lasting) = self.remembers_for(at.client) else { return Ok(None) };
        let made = ProofingSession::new(self.identity.crypto(), at.proofed, &at.client.id, at.client.version, lasting)?;
        Ok(Some(made).filter(|(_, proofing)| now < proofing.until()))
    }

    /// Everything that needs randomness or sealing, made before the transaction.
    fn prepared(
        &self,
        at: AtConsent<'_>,
        agreed: &GivenConsent,
        offered: &Offered,
        notices: bool,
        now: Instant,
    ) -> std::result::Result<(Written, Queued), Broken> {
        let AtConsent { proofed, client, language, .. } = at;
        let (sealer, random, crypto) = (&*self.sealer, &*self.random, self.identity.crypto());
        let shared = || proofed.accounts.iter().filter(|(id, _)| agreed.details.accounts.contains(id));
        let accounts = shared().map(|(id, account)| (crypto.account(account), id.clone()));
        let (binding, audiences) = (CodeBinding::of(&offered.request), self.rules.audiences(&offered.request));
        let (lifetime, warn_before) = (self.rules.code_lifetime, &self.rules.warn_before);
        let link = match &offered.links {
            OtherLinks::Changes(action, grant) => Written::Change(
                NewChange::new((grant, *action), agreed, binding, proofed.verified.clone(), (sealer, random))?
                    .with_code_lifetime(lifetime)
                    .with_warnings(warn_before)
                    .with_audiences(audiences)
                    .with_shared(accounts),
            ),
            other => {
                let link = NewGrant::new(agreed, binding, client.id.as_str(), sealer, random)?
                    .with_code_lifetime(lifetime)
                    .with_warnings(warn_before)
                    .with_receivers(audiences, proofed.verified.clone())
                    .with_shared(accounts);
                Written::Link(match other {
                    OtherLinks::Additional(ends) => link.additional().ends_grant(ends.as_ref().map(|g| g.id.clone())),
                    _ => link,
                })
            }
        };
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
            days: Some(offered.offer.period.as_secs() / 86_400),
            language,
        };
        let to = Secret::new(proofed.personal.email.as_str());
        let addressee = Addressee {
            to: to.reveal().to_owned(),
            app: completed.app.clone(),
            provider: completed.provider.clone(),
            language,
        };
        let made = link.summary();
        let notice = Queued::new(Notice::Completed(completed), &to, made.grant.clone(), sealer, random)?;
        let notice = if notices { notice.with_further(&addressee, &made.consent, (sealer, random))? } else { notice };
        Ok((link, notice))
    }
}

/// What was missing for 許可する, in the form stored with the interaction.
pub(super) fn lacking(missing: Missing) -> Vec<Problem> {
    let account = Problem::at(Field::Account, Message::AccountChoice);
    let agree = Problem::at(Field::Agree, Message::Agree);
    match missing {
        Missing::Account => vec![account],
        Missing::Agreement => vec![agree],
        Missing::Both => vec![account, agree],
    }
}

/// Indexes of the ticked lines of the page.
fn ticked_lines(offered: &Offered, choice: &ConsentChoice) -> Vec<usize> {
    let lines = offered.offer.accounts.iter().enumerate();
    lines.filter(|(_, id)| choice.accounts.contains(id)).map(|(place, _)| place).collect()
}

/// The accounts that were not shared before: the core bank must list them still.
fn newly_shared<'a>(offered: &'a Offered, agreed: &'a GivenConsent) -> impl Iterator<Item = &'a AccountId> {
    let known = offered.offer.existing.as_ref().map_or(&[][..], |existing| &existing.details.accounts);
    agreed.details.accounts.iter().filter(move |id| !known.contains(id))
}

/// A new link, or the change of one.
enum Written {
    Link(NewGrant),
    Change(NewChange),
}
impl Written {
    fn summary(&self) -> &GrantSummary {
        match self {
            Self::Link(link) => link.summary(),
            Self::Change(change) => change.summary(),
        }
    }
    /// Writes it; `false` if the link to change is over.
    fn write(&self, tx: &mut Tx<'_, '_>) -> store::Result<bool> {
        match self {
            Self::Link(link) => grant::create(tx, link),
            Self::Change(change) => grant::change::agree(tx, change),
        }
    }
}

/// What 許可する writes, in one transaction.
struct Writes {
    link: Written,
    notice: Queued,
    /// Whether the box for further notices was ticked.
    notices: bool,
    /// The new proofing session.
    session: Option<ProofingSession>,
    /// The digest of the proofing cookie that the browser sent.
    old: Option<Hash>,
    /// The version of the client's record.
    version: i64,
}

/// Writes it. Writes nothing of it and returns `false` if the account was locked meanwhile, the proofing session was
/// deleted, or another browser completed the request first (decision 9). The interaction ends then.
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
    let Some((link, _)) = i.at_consent() else { return Ok(false) };
    let request = link.request;
    if consume(tx, request, now)? == Consumed::Before {
        sql::end(tx, identity.crypto(), i, Ending::Expired(Expired::Elsewhere), now)?;
        return Ok(false);
    }
    sql::end_others(tx, identity.crypto(), request, &i.id, now)?;
    let Ok((done, proofed)) = i.clone().completed(writes.link.summary().grant.clone()) else { return Ok(false) };
    if !writes.link.write(tx)? {
        sql::end(tx, identity.crypto(), i, Ending::InvalidGrant, now)?;
        return Ok(false);
    }
    let i = done;
    hold(tx, &writes.notice, now)?;
    // Remembered checks do not clear wrong answers given since.
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
    let detail = json!({ "grant": writes.link.summary().grant, "notices": writes.notices });
    tx.note(Fact::of(FactKind::StepReached, "done"));
    sql::record(tx, &i, AuditAction::InteractionConsentAllowed, Some(proofed.account_index), detail, now)?;
    Ok(true)
}

/// The ending if the checks of this interaction no longer count: the account was locked after ⑤ by another person's
/// wrong guesses (R33), or the proofing session they came from was deleted.
fn outdated(
    identity: &IdentityService,
    tx: &mut Tx<'_, '_>,
    i: &Interaction,
    version: i64,
    now: Instant,
) -> store::Result<Option<Ending>> {
    let Some((link, proofed)) = i.at_consent() else { return Ok(None) };
    if service_switch::is_off(tx)? {
        return Ok(Some(Ending::Off));
    }
    if let Some(lock) = lockout::locked(tx, identity.crypto(), identity.policy(), proofed.account_index, now)? {
        return Ok(Some(Ending::Locked { before: true, until: lock.until }));
    }
    let Some(known) = proofed.remembered else { return Ok(None) };
    let of = ProofingSessionKey { cookie: known.cookie, client: link.client.clone(), version };
    Ok((!proofing_session::exists(tx, &of)?).then_some(Ending::Expired(Expired::Time)))
}
