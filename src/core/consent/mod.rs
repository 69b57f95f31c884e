//! Step 3, consent: what screen ⑥ shows, what the customer agrees to, and the record of it.
//!
//! Owns the offer ([`Offer`]), the check of 許可する ([`allow`]: the ticked box of R72, and only accounts that were
//! offered), and the append-only consent record of 個人情報保護法 27/29条 (requirements.md#consent-record): who received which
//! data of whom, under which sentences, proved by which factors. Does not own the grant (`grant`) or the page.
//!
//! # What is stored, and how long
//! A record is never changed. It contains the account as a keyed index for look-ups, and account, name, network address and
//! the values in the page's sentences sealed. The sentences themselves stand once for all who read them ([`ConsentWords`]). The mail address is *not* in it: only the notice has it, and it is erased there
//! (requirements.md#purpose). Records are deleted [`RETENTION`] after the last possible moment of their permission.

pub mod show;
pub mod sql;
#[cfg(test)]
mod tests;
mod words;

pub use crate::authorize::{ChangeAction, DetailType, Details, Permission};
pub use show::{AgreedWords, ConsentKey, SealedConsent};
pub use words::{ConsentWords, PagePeriod, Ticks, filled, page_digest};

use crate::account::Account;
use crate::authorize::AuthorizationRequest;
use crate::clock::Instant;
use crate::id::{AccountId, ClientId, ConsentId, HolderId, InteractionId};
use crate::identity::{Proofed, reference};
use crate::keys::seal::{Broken, SealContext, Sealer};
use crate::language::Language;
use crate::random::Random;
use crate::scope::Scope;
use crate::secret::{Hash, Secret};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// How long a permission lasts unless the institution or the client's record says less: 30 times 24 hours (G22).
pub const PERIOD: Duration = Duration::from_hours(30 * 24);

/// The `acr` of ① to ⑤ (OpenID Connect Core §2): knowledge of the birth date and the card's PIN, possession of the
/// registered telephone line. The only value.
pub const ACR: &str = "urn:renkei:acr:line-and-pin";

/// How long consent records are stored after the last possible moment of the permission, by default
/// (requirements.md#retention: at least three years, bank practice seven).
pub const RETENTION: Duration = DAY.saturating_mul(7 * 365 + 2);

/// The shortest [`RETENTION`] an institution may configure.
pub const RETENTION_LEAST: Duration = DAY.saturating_mul(3 * 365 + 1);

/// The terms (API利用規定) a customer agreed to. After a change the customer is asked again (requirements.md#terms).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The institution's name for this edition.
    pub version: String,
    /// SHA-256 of its text.
    pub hash: Hash,
}

/// What ⑥ asks the customer to allow.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The requesting app.
    pub client: ClientId,
    /// What it may do.
    pub scope: Scope,
    /// The accounts that can be shared, by the core bank's ids.
    pub accounts: Vec<AccountId>,
    /// The account that was verified at ② and ⑤.
    pub verified: AccountId,
    /// Whether the customer chooses among `accounts` (the request had `account_information`). Otherwise all of them are
    /// shared.
    pub choose: bool,
    /// The limits of the request's detail: permissions and dates; `None` for a request by scope alone.
    pub limits: Option<Details>,
    /// What the link covers that the request asks to change.
    pub existing: Option<ExistingLink>,
    /// The longest 認可期間.
    pub period: Duration,
    /// When the page was shown, and the end that stood on it.
    pub page: PagePeriod,
    /// The terms next to the checkbox.
    pub terms: Terms,
    /// The words of the page.
    pub words: ConsentWords,
    /// The page's language.
    pub language: Language,
}

/// What a link covers that a request asks to change, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingLink {
    /// How.
    pub action: ChangeAction,
    /// Its scope.
    pub scope: Scope,
    /// Its accounts and limits.
    pub details: Details,
}
impl ExistingLink {
    /// Whether something is shared even if the customer chooses no further account.
    fn suffices(&self) -> bool {
        self.action == ChangeAction::Merge && !self.details.accounts.is_empty()
    }
}

impl Offer {
    /// Whether there is nothing that could be shared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && !self.existing.as_ref().is_some_and(ExistingLink::suffices)
    }
}

/// The customer's input on ⑥.
#[derive(Debug, Clone, Default)]
pub struct ConsentChoice {
    /// Whether 「当信用組合のAPI利用規定を確認し、同意します。」 was ticked.
    pub agree: bool,
    /// The chosen accounts, if the request lets the customer choose.
    pub accounts: Vec<AccountId>,
    /// Whether the box for further notices was ticked.
    pub notices: bool,
}

/// The customer who agreed, as proved by ① to ⑤.
#[derive(Debug, Clone)]
pub struct Customer {
    /// The interaction.
    pub interaction: InteractionId,
    /// The core bank's id of the person.
    pub holder: HolderId,
    /// The verified account.
    pub account: Account,
    /// Its keyed index.
    pub account_index: Hash,
    /// When the PIN was accepted.
    pub auth_time: Instant,
    /// The class of the authentication.
    pub acr: String,
    /// The factors used (values of RFC 8176).
    pub amr: Vec<String>,
    /// The kana name entered at ②: recorded, never compared (R84).
    pub name: Secret,
    /// Network address and user agent in one line.
    pub remote: Secret,
}

impl Customer {
    /// The customer who passed ① to ⑤. `remote` is the address and user agent that submitted ⑥.
    #[must_use]
    pub fn of(proofed: &Proofed, interaction: InteractionId, remote: Secret) -> Self {
        Self {
            interaction,
            holder: proofed.holder.clone(),
            account: proofed.account.clone(),
            account_index: proofed.account_index,
            auth_time: proofed.auth_time,
            acr: ACR.to_owned(),
            amr: proofed.amr.clone(),
            name: Secret::new(proofed.personal.name.as_str()),
            remote,
        }
    }
}

/// A consent that was given; it never changes.
#[derive(Debug, Clone)]
pub struct GivenConsent {
    /// Who agreed.
    pub customer: Customer,
    /// The requesting app.
    pub client: ClientId,
    /// What it may do.
    pub scope: Scope,
    /// The accounts and limits.
    pub details: Details,
    /// When.
    pub at: Instant,
    /// When the permission ends: the minute that stood on the page.
    pub expires_at: Instant,
    /// The terms agreed to.
    pub terms: Terms,
    /// The words of the page.
    pub words: ConsentWords,
    /// The page's language.
    pub language: Language,
}

/// Why 許可する was refused: the page is shown again with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The box was not ticked (G17: 「API利用規定をご確認のうえ、同意のチェックを入れて下さい。」).
    Agreement,
    /// No account was chosen, or one that was not offered.
    Account,
    /// Both, so that both errors are shown at once.
    Both,
}

/// The accounts ⑥ can offer: those of the request (named, or all) that are the customer's. Nobody learns whether the
/// other named accounts exist. A request by scope alone covers the verified account only (decision 10); one for
/// `openid` alone shares no account, see [`Details::granted`].
#[must_use]
pub fn offered(proofed: &Proofed, asked: Option<&Details>) -> Vec<AccountId> {
    let Some(asked) = asked else { return vec![proofed.verified.clone()] };
    let wanted = |id: &&AccountId| asked.accounts.is_empty() || asked.accounts.contains(id);
    proofed.accounts.iter().map(|(id, _)| id).filter(wanted).cloned().collect()
}

/// The part of an earlier consent that satisfies a request without asking again. All the request wants must be in the
/// consent, including days and permissions; otherwise `None`. A request by scope alone is about the verified account,
/// one for `openid` alone about none (decision 10). If the customer may choose, their earlier choice counts.
#[must_use]
pub fn covers(
    scope: &Scope,
    details: &Details,
    request: &AuthorizationRequest,
    verified: &AccountId,
) -> Option<(Scope, Details)> {
    if !request.scope.within(scope) {
        return None;
    }
    let by_scope = || Details::granted(&request.scope, vec![verified.clone()], None);
    let asked = request.authorization_details.clone().unwrap_or_else(by_scope);
    let own = details.within(&request.scope);
    let unlimited = |asked: Option<_>, own: Option<_>| asked.is_none() && own.is_some();
    if unlimited(asked.from, own.from) || unlimited(asked.to, own.to) {
        return None;
    }
    Some((request.scope.clone(), own.narrowed(&asked).ok()?))
}

/// Decides whether 許可する is accepted (R72). A pure function: the server-side check of the checkbox.
///
/// # Errors
/// [`Missing`]: what the customer still has to do.
pub fn allow(offer: &Offer, choice: &ConsentChoice, customer: Customer, now: Instant) -> Result<GivenConsent, Missing> {
    let forged = choice.accounts.iter().any(|a| !offer.accounts.contains(a));
    let shared = |a: &&AccountId| !offer.choose || (!forged && choice.accounts.contains(a));
    let accounts: Vec<AccountId> = offer.accounts.iter().filter(shared).cloned().collect();
    let enough = !accounts.is_empty() || (!forged && offer.existing.as_ref().is_some_and(ExistingLink::suffices));
    match (choice.agree, enough) {
        (true, true) => {}
        (false, true) => return Err(Missing::Agreement),
        (true, false) => return Err(Missing::Account),
        (false, false) => return Err(Missing::Both),
    }
    let chosen = Details::granted(&offer.scope, accounts, offer.limits.as_ref());
    let (scope, details) = match &offer.existing {
        None => (offer.scope.clone(), chosen),
        Some(ExistingLink { action, scope, details }) => {
            action.agreed((scope, details), (&offer.scope, &chosen), (offer.page.at, offer.page.until))
        }
    };
    let ticked = |name: &str, value: &str| match name {
        "account" => choice.accounts.iter().any(|id| id.as_str() == value),
        "notices" => choice.notices,
        _ => choice.agree,
    };
    Ok(GivenConsent {
        customer,
        client: offer.client.clone(),
        scope,
        details,
        at: now,
        expires_at: offer.page.until.min((now + offer.period.min(PERIOD)).floor_minute()),
        terms: offer.terms.clone(),
        words: offer.words.clone().with_ticks(ticked),
        language: offer.language,
    })
}

/// A consent record, sealed and ready to be stored. It is made before the transaction, so that the transaction uses no
/// randomness and can be retried.
#[derive(Debug, Clone)]
pub struct ConsentRecord {
    pub(crate) id: ConsentId,
    pub(crate) granted: bool,
    pub(crate) client: ClientId,
    pub(crate) interaction: InteractionId,
    pub(crate) account_index: Hash,
    pub(crate) account: Vec<u8>,
    pub(crate) name: Vec<u8>,
    pub(crate) remote: Vec<u8>,
    pub(crate) scope: Scope,
    pub(crate) details: Details,
    pub(crate) terms: Terms,
    /// The words of the page: the sentences, and the values sealed.
    pub(crate) words: ConsentWords,
    pub(crate) values: Vec<u8>,
    /// 受付番号
    pub(crate) reference: String,
    pub(crate) language: Language,
    pub(crate) acr: String,
    pub(crate) amr: Vec<String>,
    pub(crate) auth_time: Instant,
    pub(crate) at: Instant,
    /// The last moment the permission could be in force; retention starts here.
    pub(crate) until: Instant,
}

impl ConsentRecord {
    /// The record of a consent that was given.
    ///
    /// # Errors
    /// [`Broken`] when sealing fails.
    pub fn granted(agreed: &GivenConsent, sealer: &Sealer, random: &dyn Random) -> Result<Self, Broken> {
        let id = ConsentId::new(agreed.at, random);
        let seal = |column, plain: &str| {
            let place = SealContext { table: "consents", column, row: id.as_str() };
            sealer.seal(random, place, plain.as_bytes())
        };
        let c = &agreed.customer;
        Ok(Self {
            account: seal("account", &c.account.to_string())?,
            name: seal("name", c.name.reveal())?,
            remote: seal("remote", c.remote.reveal())?,
            values: seal("words", &agreed.words.values())?,
            reference: reference(sealer, &c.interaction),
            id,
            granted: true,
            client: agreed.client.clone(),
            interaction: c.interaction.clone(),
            account_index: c.account_index,
            scope: agreed.scope.clone(),
            details: agreed.details.clone(),
            terms: agreed.terms.clone(),
            words: agreed.words.clone(),
            language: agreed.language,
            acr: c.acr.clone(),
            amr: c.amr.clone(),
            auth_time: c.auth_time,
            at: agreed.at,
            until: agreed.expires_at,
        })
    }

    /// The record of 拒否する: what was requested, and that it was refused.
    ///
    /// # Errors
    /// [`Broken`] when sealing fails.
    pub fn denied(
        offer: &Offer,
        customer: Customer,
        now: Instant,
        sealer: &Sealer,
        random: &dyn Random,
    ) -> Result<Self, Broken> {
        let asked = GivenConsent {
            customer,
            client: offer.client.clone(),
            scope: offer.scope.clone(),
            details: Details::granted(&offer.scope, offer.accounts.clone(), offer.limits.as_ref()),
            at: now,
            expires_at: now,
            terms: offer.terms.clone(),
            words: offer.words.clone(),
            language: offer.language,
        };
        Ok(Self { granted: false, ..Self::granted(&asked, sealer, random)? })
    }

    /// The record's id.
    #[must_use]
    pub fn id(&self) -> &ConsentId {
        &self.id
    }
}

pub use sql::deny;
