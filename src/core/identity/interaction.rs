//! The interaction of one customer with the screens: the state machine of requirements.md#states.
//!
//! A stage holds exactly the data known at that point. A transition consumes the stage it starts from, so no stage
//! can be reached without the earlier ones. `sql.rs` stores interactions; no other module creates them.

use super::call::Calling;
use super::ending::{Ending, Expired};
use super::message::FormErrors;
use super::policy::IdentityPolicy;
use super::{AnsweredRequest, Declared, Email, Holding, Owner, Purpose, Remembered, personal};
use crate::account::Account;
use crate::clock::Instant;
use crate::id::{AccountId, GrantId, HolderId, InteractionId};
use crate::kana::Kana;
use crate::language::Language;
use crate::phone::Phone;
use crate::secret::Hash;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long an interaction may take at most, unless configured otherwise (G28).
pub const ABSOLUTE: Duration = Duration::from_secs(30 * 60);
/// The longest time without a step, unless configured otherwise (G28).
pub const IDLE: Duration = Duration::from_secs(15 * 60);
/// The longest duration of an interaction that has not passed ②, whatever is configured: strangers can start any
/// number.
pub const UNFINISHED: Duration = Duration::from_secs(30 * 60);

/// The `amr` of the checks (RFC 8176): what the customer knows and the telephone they hold.
pub const AMR: [&str; 3] = ["kba", "tel", "pin"];

/// The interaction of one customer with the screens ① to ⑤, and ⑥ or the customer's own page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interaction {
    /// Its id in the address; useless without the browser's cookie.
    pub id: InteractionId,
    /// What it is for.
    pub purpose: Purpose,
    /// When it began.
    pub started: Instant,
    /// When the customer last did something.
    pub touched: Instant,
    /// How many forms were accepted; the one valid step token is derived from it.
    pub step: i64,
    /// R30 answers so far (G3).
    pub refused_accounts: i64,
    /// How often its time has begun anew.
    pub renewals: i64,
    /// The language the customer chose on a page.
    pub language: Option<Language>,
    /// The errors of the form posted last; empty if the form led on.
    pub errors: FormErrors,
    /// Whether ② was passed.
    pub passed_customer: bool,
    /// Whether it occupies one of the slots of `identity.concurrent`.
    pub occupies_slot: bool,
    /// Whether the audit record contains it: from ② on.
    pub recorded: bool,
    /// Whether it ended in the current transaction. Not stored.
    pub ended_now: bool,
    /// Its stage.
    pub stage: Stage,
}

/// The stage of an interaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// S1, ①: enter the account. Holds the earlier entry if the customer came back to correct it (G33).
    Account {
        /// The earlier entry.
        typed: Option<Account>,
    },
    /// S2, ②: enter the customer's data.
    Customer {
        /// From ①.
        account: Account,
    },
    /// S3, ③: the number is shown, masked.
    Phone(Box<Matched>),
    /// S4, ④: waiting for the call.
    Call {
        /// From ②.
        matched: Box<Matched>,
        /// The number to call and until when.
        calling: Calling,
    },
    /// S5, ⑤: enter the PIN.
    Pin {
        /// From ②.
        matched: Box<Matched>,
        /// When the call was made.
        called_at: Instant,
    },
    /// S6, ⑥: all checks are passed. Only an interaction that links gets here.
    Consent(Box<Proofed>),
    /// 連携サービスの確認・停止: all checks are passed. Only an interaction for this page gets here.
    Links(Box<Owner>),
    /// The customer agreed and was sent to the app.
    Done {
        /// The resulting grant.
        grant: GrantId,
    },
    /// It ended without consent.
    Ended(Ending),
}

/// What ② established.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// The account.
    pub account: Account,
    /// The account and its holder as the core bank names them.
    pub holding: Holding,
    /// What the customer typed at ②.
    pub personal: Declared,
}

/// What the customer typed at ② for a link. It is stored sealed and never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Personal {
    /// The name; only recorded, never compared (G1).
    #[serde(with = "personal::kana")]
    pub name: Kana,
    /// The registered telephone number, by which the call is recognized.
    #[serde(with = "personal::phone")]
    pub phone: Phone,
    /// Where the completion notice goes.
    pub email: Email,
}
impl std::fmt::Debug for Personal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Personal(…)")
    }
}

/// What all five checks established: consent needs no other data about the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proofed {
    /// The person.
    pub holder: HolderId,
    /// The account that was verified.
    pub account: Account,
    /// Its keyed index: `Sealer::index("account", …)`.
    #[serde(with = "personal::hash")]
    pub account_index: Hash,
    /// All accounts of the person that can be linked, including the verified one.
    pub accounts: Vec<(AccountId, Account)>,
    /// The opaque id of the verified account.
    pub verified: AccountId,
    /// When the last check was passed.
    pub auth_time: Instant,
    /// RFC 8176 names of the checks.
    pub amr: Vec<String>,
    /// The remembered proofing, if this interaction did not pass the checks itself.
    #[serde(default)]
    pub remembered: Option<Remembered>,
    /// Name, phone and mail address.
    pub personal: Personal,
}

/// A transition that the stage does not have: the page is stale, or the code is wrong. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the interaction is at another stage")]
pub struct Misstep;

impl Interaction {
    /// A new interaction, at ①.
    #[must_use]
    pub fn new(id: InteractionId, purpose: Purpose, now: Instant) -> Self {
        Self {
            id,
            purpose,
            started: now,
            touched: now,
            step: 0,
            refused_accounts: 0,
            renewals: 0,
            language: None,
            errors: FormErrors::default(),
            passed_customer: false,
            occupies_slot: false,
            recorded: false,
            ended_now: false,
            stage: Stage::Account { typed: None },
        }
    }
    /// S1 → S2.
    ///
    /// # Errors
    /// [`Misstep`] from any other stage; so for every transition below.
    pub fn entered(self, account: Account) -> Result<Self, Misstep> {
        match self.stage {
            Stage::Account { .. } => Ok(Self { stage: Stage::Customer { account }, ..self }),
            _ => Err(Misstep),
        }
    }
    /// S2 → S1, to correct the account (G33); S3 → S2, to correct the name.
    pub fn back(self) -> Result<Self, Misstep> {
        match self.stage {
            Stage::Customer { account } => Ok(Self { stage: Stage::Account { typed: Some(account) }, ..self }),
            Stage::Phone(matched) => {
                let stage = Stage::Customer { account: matched.account };
                Ok(Self { stage, occupies_slot: false, ..self })
            }
            _ => Err(Misstep),
        }
    }
    /// S2 → S3: the core bank confirmed this customer.
    pub fn matched(self, holding: Holding, personal: Declared) -> Result<Self, Misstep> {
        match (self.stage, &personal, &self.purpose) {
            (Stage::Customer { account }, Declared::Link(_), Purpose::Link(_))
            | (Stage::Customer { account }, Declared::My { .. }, Purpose::My) => {
                let stage = Stage::Phone(Box::new(Matched { account, holding, personal }));
                Ok(Self { stage, passed_customer: true, recorded: true, ..self })
            }
            _ => Err(Misstep),
        }
    }
    /// S3 → S4, or S4 → S4 with another number if the institution allows another attempt (G12).
    pub fn calling(self, calling: Calling) -> Result<Self, Misstep> {
        match self.stage {
            Stage::Phone(matched) | Stage::Call { matched, .. } => {
                Ok(Self { stage: Stage::Call { matched, calling }, ..self })
            }
            _ => Err(Misstep),
        }
    }
    /// S4 → S5: call and 確定する were both in time.
    ///
    /// # Errors
    /// [`Misstep`]; also if the call or 確定する was too late. This is checked here as well, whoever the caller is.
    pub fn called(self, called_at: Instant, now: Instant) -> Result<Self, Misstep> {
        match self.stage {
            Stage::Call { matched, calling } if called_at <= calling.call_until && now <= calling.confirm_until => {
                Ok(Self { stage: Stage::Pin { matched, called_at }, ..self })
            }
            _ => Err(Misstep),
        }
    }
    /// S5 → S6: the PIN was right. For the customer's own page see [`Interaction::reached_links`].
    pub fn proofed(
        self,
        account_index: Hash,
        accounts: Vec<(AccountId, Account)>,
        now: Instant,
    ) -> Result<Self, Misstep> {
        let (Stage::Pin { matched, .. }, Purpose::Link(_)) = (self.stage, &self.purpose) else { return Err(Misstep) };
        let Matched { account, holding, personal: Declared::Link(personal) } = *matched else { return Err(Misstep) };
        let proofed = Proofed {
            holder: holding.holder,
            account,
            account_index,
            accounts,
            verified: holding.id,
            auth_time: now,
            amr: AMR.map(str::to_owned).to_vec(),
            remembered: None,
            personal,
        };
        Ok(Self { stage: Stage::Consent(Box::new(proofed)), ..self })
    }
    /// S6 → done: the same transaction records the consent.
    pub fn completed(self, grant: GrantId) -> Result<(Self, Proofed), Misstep> {
        match (self.stage, &self.purpose) {
            (Stage::Consent(proofed), Purpose::Link(_)) => {
                let done = Stage::Done { grant };
                Ok((Self { stage: done, occupies_slot: false, errors: FormErrors::default(), ..self }, *proofed))
            }
            _ => Err(Misstep),
        }
    }
    /// The app and its request, for a customer at ⑥: what 許可する answers.
    #[must_use]
    pub const fn at_consent(&self) -> Option<(&AnsweredRequest, &Proofed)> {
        match (&self.purpose, &self.stage) {
            (Purpose::Link(link), Stage::Consent(proofed)) => Some((link, proofed)),
            _ => None,
        }
    }
    /// Any live stage → its end. What the customer typed is dropped with the stage.
    ///
    /// # Errors
    /// [`Misstep`] when it has ended already.
    pub fn ended(self, ending: Ending) -> Result<Self, Misstep> {
        match self.stage {
            Stage::Done { .. } | Stage::Ended(_) => Err(Misstep),
            _ => Ok(Self {
                stage: Stage::Ended(ending),
                occupies_slot: false,
                errors: FormErrors::default(),
                ended_now: true,
                ..self
            }),
        }
    }
    /// How it ends when its customer cancels here.
    #[must_use]
    pub const fn cancelled(&self) -> Ending {
        match &self.stage {
            Stage::Consent(proofed) => Ending::Denied { account: proofed.account_index },
            _ => Ending::Cancelled,
        }
    }
    /// Whether an interaction that ended by time ended because nothing was done, and not because its whole time was over.
    #[must_use]
    pub fn ended_idle(&self, policy: &IdentityPolicy) -> bool {
        self.idle_until(policy) < self.ends_at(policy)
    }
    /// When its time is over, whatever the customer does.
    #[must_use]
    pub fn ends_at(&self, policy: &IdentityPolicy) -> Instant {
        if let Stage::Links(owner) = &self.stage {
            return owner.whole_until(self.started);
        }
        self.started + self.longest(policy)
    }
    /// How long ① to ⑥ may take.
    #[must_use]
    pub fn longest(&self, policy: &IdentityPolicy) -> Duration {
        if self.passed_customer { policy.absolute } else { policy.absolute.min(UNFINISHED) }
    }
    /// When its time is over if the customer does nothing more.
    #[must_use]
    pub fn idle_until(&self, policy: &IdentityPolicy) -> Instant {
        match &self.stage {
            Stage::Links(owner) => owner.idle_until(self.touched),
            _ => self.touched + policy.idle,
        }
    }
    /// The ending that time alone has caused (G28, R57), if any.
    #[must_use]
    pub fn due(&self, policy: &IdentityPolicy, now: Instant) -> Option<Ending> {
        match &self.stage {
            Stage::Done { .. } | Stage::Ended(_) => None,
            _ if now >= self.ends_at(policy) || now >= self.idle_until(policy) => Some(Ending::Expired(Expired::Time)),
            Stage::Call { calling, .. } if now > calling.confirm_until && calling.attempt >= policy.call_attempts => {
                Some(Ending::Expired(Expired::Call))
            }
            _ => None,
        }
    }
    /// The account, once ① was passed.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        match &self.stage {
            Stage::Customer { account } => Some(account),
            Stage::Phone(matched) | Stage::Call { matched, .. } | Stage::Pin { matched, .. } => Some(&matched.account),
            Stage::Consent(proofed) => Some(&proofed.account),
            Stage::Links(owner) => Some(&owner.account),
            Stage::Account { .. } | Stage::Done { .. } | Stage::Ended(_) => None,
        }
    }
    /// Whether it goes on.
    #[must_use]
    pub fn live(&self) -> bool {
        !matches!(self.stage, Stage::Done { .. } | Stage::Ended(_))
    }
}
impl Stage {
    /// The screen's name: the last part of its address (requirements.md#forms).
    #[must_use]
    pub const fn screen(&self) -> &'static str {
        match self {
            Self::Account { .. } => "account",
            Self::Customer { .. } => "customer",
            Self::Phone(_) => "phone",
            Self::Call { .. } => "call",
            Self::Pin { .. } => "pin",
            Self::Consent(_) => "consent",
            Self::Links(_) => "links",
            Self::Done { .. } => "done",
            Self::Ended(ending) => ending.screen(),
        }
    }
}
