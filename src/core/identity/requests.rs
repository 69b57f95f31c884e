//! Request and response types of [`IdentityService`](super::IdentityService).

use super::cookie::ShownCookie;
use super::network::BrowserNetwork;
use super::{AccountForm, CallState, CustomerForm, Interaction, Message, Recalled};
use crate::authorize::AuthorizationRequest;
use crate::clock::Instant;
use crate::id::{ClientId, InteractionId};
use crate::language::Language;
use crate::secret::{Hash, Secret};

/// A browser at one address of ours.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The interaction named in the address.
    pub id: InteractionId,
    /// SHA-256 of the cookie it shows for it.
    pub cookie: Hash,
    /// SHA-256 of the memory it shows, if any.
    pub proofing_cookie: Option<Hash>,
    /// Where it comes from, for the limits by network.
    pub network: BrowserNetwork,
}

/// A request that wants a customer.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// The app.
    pub client: ClientId,
    /// The stored request.
    pub request: Hash,
    /// The request itself, where it was not pushed and is stored together with its interaction.
    pub unpushed: Option<Box<AuthorizationRequest>>,
    /// The interaction cookies the browser shows.
    pub cookies: Vec<ShownCookie>,
    /// Where it comes from.
    pub network: BrowserNetwork,
    /// The app's `ui_locales`.
    pub language: Option<Language>,
    /// Checks passed before that this request may rest on.
    pub recalled: Option<Recalled>,
}
/// Where a request leads.
#[derive(Debug)]
pub enum StartResult {
    /// To an interaction.
    Begun {
        /// A new one.
        interaction: Box<Interaction>,
        /// Its cookie.
        cookie: Secret,
        /// The labels of cookies the browser need not keep.
        forget: Vec<String>,
    },
    /// Nowhere: this network has begun too many.
    TooManyOfNetwork {
        /// When it may again.
        until: Instant,
    },
    /// Nowhere: too many have begun in all.
    TooMany {
        /// When to try again.
        until: Instant,
    },
}

/// What a form said.
#[derive(Debug, Clone)]
pub enum Posted {
    /// ① 次へ
    Account(AccountForm),
    /// ② 次へ
    Customer(CustomerForm),
    /// ② 口座情報を入力し直す
    Back,
    /// ③ 電話番号の決定
    Phone,
    /// ④ 確定する
    Call,
    /// ⑤ 次へ
    Pin(Secret),
    /// 中止する
    Cancel,
    /// 最初からやり直す
    Restart,
    /// 連携元画面へ, on a form that holds R35, R36 or R37
    Return {
        /// What the page said that could not be written down: the store took nothing (R36).
        unwritten: Option<Message>,
    },
}

/// What a browser gets to see.
#[derive(Debug)]
pub enum ViewResult {
    /// Another browser's interaction, or none at all: the browser must not learn which.
    Foreign,
    /// Its own.
    Here(Box<View>),
}
/// The stage of an interaction, and what its page shows.
#[derive(Debug)]
pub struct View {
    /// The way.
    pub interaction: Interaction,
    /// The step token for the page's forms.
    pub step: Secret,
    /// The cookie to set: it was replaced just now, or the browser still shows the value of before.
    pub cookie: Option<Secret>,
    /// Whether the form was taken; `false` when its page was stale.
    pub accepted: bool,
    /// ④: what was heard.
    pub call: Option<CallView>,
    /// ①: the start of a closure that is near.
    pub closing: Option<Instant>,
}
/// What ④ knows of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallView {
    /// What was heard.
    pub state: CallState,
    /// Whole seconds until the window closes.
    pub seconds_left: u64,
}

/// What a posted step token was good for.
#[derive(Debug)]
pub enum StepCheck {
    /// Another browser's interaction.
    NotOwner,
    /// A page of before: show the stage that is.
    Stale(Interaction),
    /// The form is taken, the token used.
    Accepted(Interaction),
}
