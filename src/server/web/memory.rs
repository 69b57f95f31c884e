//! Whether a request may rest on checks its customer passed minutes ago in the same browser (decision 15), and whether
//! the
//! customer is the one the app expects (OpenID Connect Core §3.1.2.1).

use super::{App, cookie, extract};
use crate::authorize::{self, Hint, Request};
use crate::client::Client;
use crate::clock::Instant;
use crate::grant::pairwise;
use crate::id::HolderId;
use crate::identity::{BrowserNetwork, Holder, Proofed, Recalled, Standing};
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
    let expected = request.hint.is_none_or(|hint| hint.names(&subject(app, client, &proofed.holder)));
    let expected = expected && demanded(app, client, request, &proofed.holder);
    // The configuration may have grown stricter since.
    let young = now < proofed.auth_time + lasting;
    if !expected || !young || !authorize::may_rest_on(request, proofed.auth_time, now) {
        return Ok(None);
    }
    if !app.desk.may_recall(BrowserNetwork::of(extract::caller(req, app)), now) {
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
    let hinted = match request.hint {
        None | Some(Hint::Unreadable) => true,
        Some(hint) => hint.names(&subject(app, client, holder)),
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
