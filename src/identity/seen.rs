//! What goes over the desk: who stands there, what they post, what they get to see.

use super::{AccountForm, CallState, CustomerForm, Interaction, Problem, Recalled};
use crate::clock::Instant;
use crate::id::{ClientId, InteractionId};
use crate::secret::{Hash, Secret};

/// A browser at one address of ours.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The way named in the address.
    pub id: InteractionId,
    /// SHA-256 of the cookie it shows.
    pub cookie: Hash,
    /// SHA-256 of the memory it shows, if any.
    pub memory: Option<Hash>,
    /// Its network address, for the brakes of domain G3.
    pub address: String,
}

/// A request that wants a customer.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The app.
    pub client: ClientId,
    /// The stored request.
    pub request: Hash,
    /// SHA-256 of the cookie the browser shows, if any.
    pub cookie: Option<Hash>,
    /// The browser's network address.
    pub address: String,
    /// The app's `ui_locales`.
    pub language: Option<String>,
    /// Checks passed before that this request may rest on.
    pub recalled: Option<Recalled>,
}
/// Where a request leads.
#[derive(Debug)]
pub struct Opened {
    /// The way.
    pub interaction: Interaction,
    /// A cookie to set; `None` when the browser resumed its own way.
    pub cookie: Option<Secret>,
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
}

/// What a browser gets to see.
#[derive(Debug)]
pub enum Seen {
    /// Not its own way, or none at all: nothing may be told.
    Foreign,
    /// Its own.
    Here(Box<View>),
}
/// Where a customer stands, and what to tell them.
#[derive(Debug)]
pub struct View {
    /// The way.
    pub interaction: Interaction,
    /// The step token for the page's forms.
    pub step: Secret,
    /// A rotated cookie to set.
    pub cookie: Option<Secret>,
    /// Whether the form was taken; `false` when its page was stale.
    pub taken: bool,
    /// What is wrong with the form; empty when it led on.
    pub problems: Vec<Problem>,
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
pub enum Taken {
    /// Not this browser's way.
    Foreign,
    /// A page of before: show the stage that is.
    Stale(Interaction),
    /// The form is taken, the token used.
    Now(Interaction),
}
