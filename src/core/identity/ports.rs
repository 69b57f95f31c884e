//! The two ports of the checks: the core bank, which knows the customer, and the register that receives call reports.

use super::{BirthDate, Pin};
use crate::account::Account;
use crate::clock::Instant;
use crate::id::{AccountId, HolderId};
use crate::phone::Phone;
use futures_util::future::BoxFuture;

/// What an account is, as far as linking goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// It can be linked (R5).
    Eligible(Holding),
    /// It cannot: the reason is for the record; the customer reads R30 in every case (G2).
    Ineligible(Ineligible),
}
/// Why an account cannot be linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ineligible {
    /// No such account.
    Unknown,
    /// 解約
    Closed,
    /// 移管 (R86)
    Transferred,
    /// No cash card was issued.
    NoCard,
    /// Not an individual's.
    Corporate,
}
impl Ineligible {
    /// A word for the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Closed => "closed",
            Self::Transferred => "transferred",
            Self::NoCard => "no_card",
            Self::Corporate => "corporate",
        }
    }
}
/// An account that can be linked, as the core bank names it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Holding {
    /// The person.
    pub holder: HolderId,
    /// The account's opaque name towards resource servers (requirements.md#account-information).
    pub id: AccountId,
}

/// Why the core bank gave no answer. It never counts against the customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BankError {
    /// It failed, timed out or sent an unreadable answer: R36.
    #[error("the core bank gave no answer: {0}")]
    Failed(String),
    /// It says the service is not offered now, or the operator switched it off: R37.
    #[error("the core bank does not offer the service now")]
    NotOffered,
    /// It is closed: R34.
    #[error("the core bank is closed")]
    Closed,
    /// It has more to do than it can: R35.
    #[error("the core bank is busy")]
    Busy,
}

/// The core bank. Its adapters are in `renkei-server`. It is never asked about a name (G1), and a question about a
/// PIN must not change the counter of the cash machines (R81).
pub trait CoreBank: Send + Sync + 'static {
    /// ② Whether the account can be linked.
    fn lookup<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Lookup, BankError>>;
    /// ② Whether the account's holder was born on that day *and* `phone` is one of their registered numbers
    /// (G15). `false` for an account that does not exist.
    fn matches<'a>(
        &'a self,
        account: &'a Account,
        born: &'a BirthDate,
        phone: &'a Phone,
    ) -> BoxFuture<'a, Result<bool, BankError>>;
    /// ⑤ Whether `pin` is the cash card's.
    fn verify_pin<'a>(&'a self, account: &'a Account, pin: &'a Pin) -> BoxFuture<'a, Result<bool, BankError>>;
    /// ⑥ Every account of the person that can be linked.
    fn accounts<'a>(&'a self, holder: &'a HolderId) -> BoxFuture<'a, Result<Vec<(AccountId, Account)>, BankError>>;
}

/// A reported call, as the telephony driver read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingCall {
    /// The gateway's id of the call; the same id means the same call.
    pub call_id: String,
    /// The number called, where it is a Japanese one.
    pub called: Option<Phone>,
    /// The caller; `None` when withheld, unreadable or not to be trusted.
    pub caller: Caller,
    /// When the call came, by the gateway's signed timestamp.
    pub at: Instant,
}
/// Who called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A verified Japanese number.
    Known(Phone),
    /// The caller withheld it, or its source is not trusted: R53, G14.
    Withheld,
    /// Something else: a foreign or unreadable number.
    Other,
}

/// Where telephony drivers report calls. An error means that the call could not be recorded (503 to the gateway).
pub trait CallRegister: Send + Sync + 'static {
    /// Records a call that arrived at `now` and makes it visible to the check that waits for it. Does not return
    /// whether one did: a gateway must not learn it (docs/telephony.md).
    fn report(&self, call: IncomingCall, now: Instant) -> BoxFuture<'_, crate::store::Result<()>>;
}
