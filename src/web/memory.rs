//! Whether a request may rest on checks its customer passed minutes ago in the same browser (protocol A4), and the
//! `id_token_hint` that says whom the app expects (OpenID Connect Core §3.1.2.1).

use super::{App, cookie};
use crate::authorize::{self, Request};
use crate::client::Client;
use crate::clock::Instant;
use crate::grant::pairwise;
use crate::id::HolderId;
use crate::identity::{Holder, Proofed, Recalled, Standing};
use crate::keys::jose::{self, Alg};
use crate::store;
use actix_web::HttpRequest;
use std::time::Duration;

/// How long this app's customers are remembered: only where both the institution's configuration and the client's record
/// say so, and never longer than either.
#[must_use]
pub fn lasting(app: &App, client: &Client) -> Option<Duration> {
    let most = app.config.identity.proofing_memory.get();
    client.proofing_memory.map(|own| own.min(most)).filter(|lasting| !lasting.is_zero())
}

/// The checks the request may rest on. The core bank is asked what has become of the account; without a clear answer
/// they are passed anew.
///
/// # Errors
/// The store's.
pub async fn recalled(
    req: &HttpRequest,
    app: &App,
    client: &Client,
    request: &Request,
    now: Instant,
) -> store::Result<Option<Recalled>> {
    let (Some(lasting), Some(memory)) = (lasting(app, client), cookie::memory_shown(req, app)) else { return Ok(None) };
    let of = Holder { memory, client: client.id.clone(), version: client.version };
    let Some(proofed) = app.desk.recall(&of, now).await? else { return Ok(None) };
    let expected = match hint(app, client, request) {
        Hint::None => true,
        Hint::Unreadable => false,
        Hint::Sub(sub) => sub == subject(app, client, &proofed.holder),
    };
    let expected = expected && demanded(app, client, request, &proofed.holder);
    // The configuration may have grown stricter since.
    let young = now < proofed.auth_time + lasting;
    if !expected || !young || !authorize::may_rest_on(request, proofed.auth_time, now) {
        return Ok(None);
    }
    Ok(match app.desk.standing(&proofed, now).await {
        Standing::Good(accounts) => Some(Recalled { of, proofed: Proofed { accounts, ..proofed } }),
        Standing::Over(_) | Standing::Unknown(_) => None,
    })
}

/// Whether the person who passed the checks is the one the app expects, if it said so: nobody else may be answered
/// for. A hint that is none of ours expects nobody in particular.
#[must_use]
pub fn expected(app: &App, client: &Client, request: &Request, holder: &HolderId) -> bool {
    let hinted = match hint(app, client, request) {
        Hint::None | Hint::Unreadable => true,
        Hint::Sub(sub) => sub == subject(app, client, holder),
    };
    hinted && demanded(app, client, request, holder)
}

/// The same of a `sub` that `claims` demands (OpenID Connect Core §5.5.1).
fn demanded(app: &App, client: &Client, request: &Request, holder: &HolderId) -> bool {
    request.claims.sub.is_none() || request.claims.allow_subject(&subject(app, client, holder))
}

fn subject(app: &App, client: &Client, holder: &HolderId) -> String {
    pairwise(&app.sealer, client.id.as_str(), holder)
}

/// What an `id_token_hint` says.
enum Hint {
    /// There is none.
    None,
    /// It is no id_token we made for this client.
    Unreadable,
    /// Its subject.
    Sub(String),
}

/// Reads the hint: our signature, our name, this client's. Its time does not matter (OpenID Connect Core §3.1.2.1).
fn hint(app: &App, client: &Client, request: &Request) -> Hint {
    let Some(text) = &request.id_token_hint else { return Hint::None };
    let Ok(token) = jose::verify(text, &app.keys.public(), &Alg::ALL) else { return Hint::Unreadable };
    let ours = token.claims.text("iss") == Some(app.issuer()) && token.claims.text("aud") == Some(client.id.as_str());
    match token.claims.text("sub").filter(|_| ours) {
        Some(sub) => Hint::Sub(sub.to_owned()),
        None => Hint::Unreadable,
    }
}
