//! `prompt=none` for a customer who is remembered (decision 15): a code without a screen, where a live link covers all
//! that is asked; else the error that says what it would take (OpenID Connect Core §3.1.2.6).

use super::App;
use crate::authorize::sql::{Consumed, consume};
use crate::authorize::{Answer, Outcome, Request, at_once, oauth_answer};
use crate::client::Client;
use crate::clock::Instant;
use crate::consent;
use crate::grant::{Again, Grant, again, code::Binding, sql};
use crate::identity::{Desk, Recalled, lockout, memory};
use crate::keys::jose;
use crate::refusal::{Code, Refusal};
use crate::secret::Hash;
use crate::store::{self, Tx};

/// What comes of it.
pub enum Silent {
    /// The code, for the app; or that it could not be told, and nothing was recorded.
    Code(Result<Answer, jose::Error>),
    /// Why there is none; the request is used up.
    Refused(Refusal),
    /// The request had been completed before.
    Used,
}

const CONSENT: Refusal = Refusal::new(
    Code::ConsentRequired,
    "nothing the customer has agreed to covers the request, and prompt=none forbids to ask",
);

/// Answers a request that forbids every screen. `id`: where it is stored, if it was pushed.
///
/// # Errors
/// The store's.
pub async fn answer(
    app: &App,
    client: &Client,
    request: &Request,
    id: Option<Hash>,
    recalled: Option<&Recalled>,
    now: Instant,
) -> store::Result<Silent> {
    let Some(recalled) = recalled else { return refused(app, id, at_once(request).unwrap_or(CONSENT), now).await };
    let made = match covering(app, client, request, recalled, now).await? {
        Some(old) => made(app, request, recalled, &old, now),
        None => None,
    };
    let Some(made) = made else { return refused(app, id, CONSENT, now).await };
    let (desk, of, account) = (app.desk.clone(), recalled.of.clone(), recalled.proofed.account_index);
    let login = at_once(request).unwrap_or(CONSENT);
    // Made before anything is recorded, as at ⑥.
    let told = match oauth_answer(request, client, &Outcome::Code(made.code().clone()), app.voice(now)) {
        Ok(told) => told,
        Err(cause) => return Ok(Silent::Code(Err(cause))),
    };
    let work = move |tx: &mut Tx<'_, '_>| {
        if let Some(id) = id
            && consume(tx, id, now)? == Consumed::Before
        {
            return Ok(Silent::Used);
        }
        if !stands(tx, &desk, &of, account, now)? {
            return Ok(Silent::Refused(login.clone()));
        }
        Ok(if again(tx, &made, now)? { Silent::Code(Ok(told.clone())) } else { Silent::Refused(CONSENT) })
    };
    app.store.write(work).await
}

/// Whether the memory holds and the account is not locked.
fn stands(
    tx: &mut Tx<'_, '_>,
    desk: &Desk,
    of: &crate::identity::Holder,
    account: Hash,
    now: Instant,
) -> store::Result<bool> {
    Ok(memory::stands(tx, of)? && lockout::locked(tx, desk.seals(), desk.policy(), account, now)?.is_none())
}

async fn refused(app: &App, id: Option<Hash>, refusal: Refusal, now: Instant) -> store::Result<Silent> {
    let Some(id) = id else { return Ok(Silent::Refused(refusal)) };
    Ok(match app.store.write(move |tx| consume(tx, id, now)).await? {
        Consumed::First => Silent::Refused(refusal),
        Consumed::Before => Silent::Used,
    })
}

/// The link in use that covers the request, agreed to under the terms of today.
async fn covering(
    app: &App,
    client: &Client,
    request: &Request,
    recalled: &Recalled,
    now: Instant,
) -> store::Result<Option<Grant>> {
    let (client, account) = (client.id.clone(), recalled.proofed.account_index);
    let terms = app.config.institution.terms_version.clone();
    let work = move |tx: &mut Tx<'_, '_>| {
        let Some(grant) = sql::in_use(tx, &client, &account, now)? else { return Ok(None) };
        let agreed = consent::sql::terms_of(tx, &grant.consent)?;
        Ok((agreed.as_deref() == Some(terms.as_str())).then_some(grant))
    };
    let found = app.store.read(work).await?;
    Ok(found.filter(|g| consent::covers(&g.scope, &g.details, request, &recalled.proofed.verified).is_some()))
}

fn made(app: &App, request: &Request, recalled: &Recalled, old: &Grant, now: Instant) -> Option<Again> {
    let covered = consent::covers(&old.scope, &old.details, request, &recalled.proofed.verified)?;
    let lifetime = app.config.tokens.code_lifetime.get();
    Again::new(old, covered, &recalled.proofed, Binding::of(request), lifetime, &app.sealer, &*app.random, now).ok()
}
