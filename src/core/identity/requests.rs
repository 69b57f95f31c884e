//! Request and response types of [`IdentityService`](super::IdentityService).

use super::cookie::ShownCookie;
use super::network::BrowserNetwork;
use super::{AccountForm, CallState, CustomerForm, Interaction, Message, Purpose, PurposeKind, Recalled};
use crate::authorize::AuthorizationRequest;
use crate::clock::Instant;
use crate::id::InteractionId;
use crate::language::Language;
use crate::secret::{Hash, Secret};
use crate::store::{Error, Result};
use tracing::Instrument as _;

/// A browser at the address of an interaction.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The interaction named in the address.
    pub id: InteractionId,
    /// Whose addresses it came to. An interaction of another kind does not exist there.
    pub kind: PurposeKind,
    /// SHA-256 of the interaction cookie it sent.
    pub cookie: Hash,
    /// SHA-256 of the proofing-session cookie it sent, if any.
    pub proofing_cookie: Option<Hash>,
    /// Its network, for the limits by network.
    pub network: BrowserNetwork,
}

/// The start of an interaction: an authorization request that needs a customer, or the customer's own page.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// What it is for.
    pub purpose: Purpose,
    /// The request itself, if it was not pushed: then it is stored together with its interaction.
    pub unpushed: Option<Box<AuthorizationRequest>>,
    /// The interaction cookies the browser sent.
    pub cookies: Vec<ShownCookie>,
    /// The browser's network.
    pub network: BrowserNetwork,
    /// The app's `ui_locales`.
    pub language: Option<Language>,
    /// Remembered checks that this request may use.
    pub recalled: Option<Recalled>,
}
/// The result of starting an interaction.
#[derive(Debug)]
pub enum StartResult {
    /// An interaction began.
    Begun {
        /// A new one.
        interaction: Box<Interaction>,
        /// Its cookie.
        cookie: Secret,
        /// The labels of cookies the browser can delete.
        forget: Vec<String>,
    },
    /// None began: this network has started too many.
    TooManyOfNetwork {
        /// When it may try again.
        until: Instant,
    },
    /// None began: there are too many in all.
    TooMany {
        /// When to try again.
        until: Instant,
    },
}

/// A posted form.
#[derive(Debug, Clone)]
pub enum Posted {
    /// ① 次へ
    Account(AccountForm),
    /// ② 次へ
    Customer(CustomerForm),
    /// ② 口座情報を入力し直す, ③ お名前を入力し直す
    Back,
    /// ③ 電話番号の決定
    Phone,
    /// ④ 確定する
    Call,
    /// ⑤ 次へ
    Pin(Secret),
    /// 中止する
    Cancel,
    /// 終了する, and 終了する on a page that ends the customer's own page
    Finish,
    /// 手続きを続ける on the customer's own page
    Extend,
    /// 最初からやり直す
    Restart,
    /// 連携元画面へ, on a form that shows R35, R36 or R37
    Return {
        /// The message on the page if it could not be stored, because the store took no writes (R36).
        unwritten: Option<Message>,
    },
}

/// What a browser may see.
#[derive(Debug)]
pub enum ViewResult {
    /// Another browser's interaction, or none at all: the browser must not learn which.
    Foreign,
    /// It is this browser's.
    Here(Box<View>),
}
/// The stage of an interaction, and what its page shows.
#[derive(Debug)]
pub struct View {
    /// The interaction.
    pub interaction: Interaction,
    /// The step token for the page's forms.
    pub step: Secret,
    /// The cookie to set: it was just replaced, or the browser still shows the previous value.
    pub cookie: Option<Secret>,
    /// Whether the form was accepted; `false` if its page was stale.
    pub accepted: bool,
    /// ④: the state of the call.
    pub call: Option<CallView>,
    /// ①: the start of a closure that begins soon.
    pub closing: Option<Instant>,
    /// Whether it ended because the service was switched off, and the service is on again.
    pub reopened: bool,
    /// ⑤: the warning, if a wrong PIN would lock the account.
    pub last_try: Option<Message>,
}
/// The state of the call at ④.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallView {
    /// What was reported.
    pub state: CallState,
    /// Whole seconds until a call no longer counts.
    pub seconds_left: u64,
    /// Whole seconds until 確定する no longer counts.
    pub confirm_left: u64,
    /// Whether the page asks if the call comes from the registered telephone: no call has come for a while.
    pub asks: bool,
}

/// The result of checking a posted step token.
#[derive(Debug)]
pub enum StepCheck {
    /// Another browser's interaction.
    NotOwner,
    /// The page was stale: show the current stage.
    Stale(Interaction),
    /// The form is accepted and the token used up.
    Accepted(Interaction),
}

/// Runs the check in its own task. If the client disconnects, actix drops the handler and the reserved attempt would
/// never be released: a bad connection, or a stranger who disconnects three times, would lock the account for the
/// day.
pub(super) async fn to_the_end(guess: impl Future<Output = Result<ViewResult>> + Send + 'static) -> Result<ViewResult> {
    let carried = tokio::spawn(guess.in_current_span()).await;
    carried.unwrap_or_else(|cause| Err(Error::Engine(format!("a check did not come to its end: {cause}"))))
}
