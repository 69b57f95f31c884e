//! Which interaction this browser began last, and for which app: sealed in a cookie of the browser's own
//! (`__Host-renkei-last`), which outlives the interaction. So a page that is opened again a day later says that its time is
//! over and leads to the app, while any other browser learns nothing, not even whether there was such an interaction.

use super::{App, cookie};
use crate::clock::Instant;
use crate::id::{ClientId, InteractionId};
use crate::identity::Interaction;
use crate::identity::cookie::ROW_LIFE;
use crate::keys::seal::SealContext;
use crate::secret::{base64url, from_base64url};
use actix_web::{HttpRequest, HttpResponse};
use std::time::Duration;

/// How long the cookie lives.
const LIFE: Duration = Duration::from_hours(7 * 24);
/// The longest value that is read: a client's id is short.
const MOST: usize = 600;

fn seal_context(id: &InteractionId) -> SealContext<'_> {
    SealContext { table: "cookie", column: "last", row: id.as_str() }
}

/// Remembers the interaction.
pub(super) fn remember(answer: &mut HttpResponse, app: &App, i: &Interaction) {
    let client = i.purpose.client().map_or("", ClientId::as_str);
    let text = format!("{} {client}", i.started.millis());
    match app.sealer.seal(&*app.random, seal_context(&i.id), text.as_bytes()) {
        Ok(sealed) => cookie::set_last(answer, app, &base64url(sealed), LIFE),
        Err(cause) => tracing::error!(%cause, "a cookie could not be sealed"),
    }
}

/// What an interaction was for.
pub(super) enum Begun {
    /// A link to this app.
    Link(ClientId),
    /// The customer's own page.
    My,
}

/// What an interaction was for that this browser began last and that is kept no longer. `None` for one that another browser
/// began, or that is kept still.
pub(super) fn gone(req: &HttpRequest, app: &App, id: &str, now: Instant) -> Option<Begun> {
    let id = InteractionId::parse(id)?;
    let sealed = cookie::last_cookie(req, app).filter(|sealed| sealed.len() <= MOST)?;
    let plain = app.sealer.open(seal_context(&id), &from_base64url(sealed)?).ok()?;
    let (started, client) = std::str::from_utf8(&plain).ok()?.split_once(' ')?;
    let over = Instant::from_millis(started.parse().ok()?) + ROW_LIFE;
    if over > now {
        return None;
    }
    if client.is_empty() { Some(Begun::My) } else { ClientId::parse(client).map(Begun::Link) }
}
