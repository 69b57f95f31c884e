//! A link from its first click to its end, seen from the app.

use super::accounts::{self, Stale};
use super::idtoken;
use super::session::{AccountLink, Role};
use super::timeline::What;
use super::trouble::{Trouble, known_code};
use super::view::refused;
use super::{App, oauth};
use crate::crypto::Secret;
use crate::jose::FAPI;
use crate::pages::{AppNotice, Language};
use crate::time::from_secs;
use std::collections::HashMap;

/// What the app asks for.
pub(super) const SCOPE: &str = "openid accounts transactions";

/// Why a callback leads nowhere, as far as the customer may know.
#[derive(Debug)]
pub(super) enum Failed {
    /// Nobody in this browser asked for it: a stale page, or somebody else's answer (RFC 6749 §10.12).
    NotAsked,
    /// Something went wrong on the way.
    Trouble(Trouble),
}
/// What a new look at the accounts found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// The link stands, or there is none.
    Current,
    /// The link is over.
    Ended {
        /// Its time had run out.
        expired: bool,
    },
}
impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl App {
    /// Asks the server for a link; gives the address the browser goes to.
    pub(super) async fn begin(&self, cookie: &Secret, language: Language) -> Result<String, Trouble> {
        let (asked, url) = self.oauth.ask(SCOPE, language).await?;
        self.sessions.with(Some(cookie), |s| s.wait_for(Role::Creco, asked));
        Ok(url)
    }

    /// Takes the server's answer (RFC 6749 §4.1.2): checks it, redeems the code, keeps the token.
    pub(super) async fn finish(&self, cookie: Option<&Secret>, query: &HashMap<String, String>) -> Result<(), Failed> {
        let (asked, code) = self.answer(Role::Creco, cookie, query)?;
        let seen = self.parts.clock.now();
        let tokens = self.oauth.redeem(&asked, &code).await?;
        let metadata = self.oauth.provider.metadata(seen).await?;
        let keys = self.oauth.provider.keys(&metadata).await?;
        let now = self.parts.clock.now();
        let id_token = tokens.id_token.as_deref().ok_or(Trouble::Broken("no id_token"))?;
        let names = (metadata.issuer.as_str(), self.settings.client_id.as_str());
        idtoken::check(id_token, &keys, &FAPI, names, &asked, now)?;
        let ends = tokens.grant_expires_at.ok_or(Trouble::Broken("no grant_expires_at"))?;
        let link = AccountLink {
            token: tokens.access_token,
            grant_id: tokens.grant_id,
            ends: from_secs(ends),
            snapshot: None,
        };
        self.sessions.with(cookie, |s| {
            s.timeline.saw(What::ConsentGranted, None, seen);
            if let Some(old) = s.link.as_ref().filter(|old| old.grant_id != link.grant_id) {
                s.timeline.saw(What::GrantReplaced, old.grant_id.as_ref(), now);
            }
            s.timeline.saw(What::GrantCreated, link.grant_id.as_ref(), now);
            s.timeline.saw(What::TokenIssued, None, now);
            s.link = Some(link);
            s.flash = Some(AppNotice::Linked);
        });
        Ok(())
    }

    /// The code of an answer that is ours: state first, then the issuer (RFC 9207 §2.4), then the error.
    pub(super) fn answer(
        &self,
        role: Role,
        cookie: Option<&Secret>,
        query: &HashMap<String, String>,
    ) -> Result<(oauth::PreparedRequest, String), Failed> {
        let state = query.get("state").map_or("", String::as_str);
        let asked = self.sessions.with(cookie, |s| s.answered(role, state)).flatten().ok_or(Failed::NotAsked)?;
        if query.get("iss") != Some(&self.settings.issuer) {
            return Err(Trouble::Broken("iss").into());
        }
        if let Some(error) = query.get("error") {
            if role == Role::Creco {
                let what = match refused(error) {
                    AppNotice::Refused => What::NotLinked,
                    AppNotice::Unavailable => What::Unavailable,
                    _ => What::LinkFailed,
                };
                self.sessions.with(cookie, |s| s.timeline.saw(what, None, self.parts.clock.now()));
            }
            return Err(Trouble::Refused(known_code(error).to_owned()).into());
        }
        let code = query.get("code").filter(|code| !code.is_empty()).ok_or(Trouble::Broken("no code"))?.to_owned();
        Ok((asked, code))
    }

    /// Reads the linked accounts anew. What the API said last stays when it does not answer; a dead token ends the link.
    pub(super) async fn refresh(&self, cookie: &Secret) -> Result<Read, Trouble> {
        let link = self.sessions.with(Some(cookie), |s| s.link.clone()).flatten();
        let Some(link) = link else { return Ok(Read::Current) };
        let read = accounts::fetch_all(&self.oauth, &self.settings.api, &link.token, self.parts.clock.now()).await;
        // Another tab may have linked anew meanwhile: only the link that was asked about is touched.
        self.sessions
            .with(Some(cookie), |s| match (&mut s.link, read) {
                (Some(current), read) if current.token == link.token => match read {
                    Ok(snapshot) => {
                        current.snapshot = Some(snapshot);
                        Ok(Read::Current)
                    }
                    Err(Stale::Ended) => {
                        let now = self.parts.clock.now();
                        let expired = now >= current.ends;
                        let (what, at) =
                            if expired { (What::GrantExpired, current.ends) } else { (What::GrantRevoked, now) };
                        s.timeline.saw(what, current.grant_id.as_ref(), at);
                        s.link = None;
                        Ok(Read::Ended { expired })
                    }
                    Err(Stale::Later(trouble)) => Err(trouble),
                },
                _ => Ok(Read::Current),
            })
            .unwrap_or(Ok(Read::Current))
    }

    /// Gives the token back.
    pub(super) async fn end(&self, cookie: &Secret) -> Result<(), Trouble> {
        let link = self.sessions.with(Some(cookie), |s| s.link.clone()).flatten();
        let Some(link) = link else { return Ok(()) };
        self.oauth.revoke(&link.token).await?;
        let now = self.parts.clock.now();
        self.sessions.with(Some(cookie), |s| {
            // The event may have come before the answer, and have ended the link already.
            if s.link.as_ref().is_none_or(|current| current.token == link.token) {
                s.timeline.saw(What::GrantRevoked, link.grant_id.as_ref(), now);
                s.link = None;
                s.flash = Some(AppNotice::Revoked);
            }
        });
        Ok(())
    }
}
