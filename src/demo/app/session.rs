//! What the app remembers for one browser, under a cookie of its own; in memory and bounded.

use super::accounts::Snapshot;
use super::oauth::PreparedRequest;
use super::timeline::Timeline;
use crate::crypto::{Random, Secret, Sha256, random_text, same, sha256};
use crate::listener::{cookies, language};
use crate::pages::{AppNotice, Language};
use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// A browser sends the cookies of every port of a host to each of them: the name must not be the server's.
pub(super) const COOKIE: &str = "sample_app";
/// The most browsers remembered; the oldest fall out.
const MAX_SESSIONS: usize = 1000;
/// The most requests of one browser that may be on their way at once.
const MAX_PENDING: usize = 4;

/// Who asks.
pub(super) struct Visitor {
    /// The session's cookie, as sent.
    pub(super) cookie: Option<Secret>,
    /// The language of their pages.
    pub(super) language: Language,
}
impl Visitor {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let cookie = cookies(request, COOKIE).next().map(Secret::new);
        Self { cookie, language: language(request) }
    }
}

/// As which client a request was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The FAPI client.
    Creco,
    /// The plain one.
    Kakeibo,
}

/// A link that stands.
#[derive(Debug, Clone)]
pub(super) struct AccountLink {
    pub(super) token: Secret,
    pub(super) grant_id: Option<String>,
    pub(super) ends: DateTime<Utc>,
    /// What the API said last.
    pub(super) snapshot: Option<Snapshot>,
}

/// One browser.
#[derive(Debug, Default)]
pub(super) struct Session {
    pending: VecDeque<(Role, PreparedRequest)>,
    pub(super) link: Option<AccountLink>,
    pub(super) timeline: Timeline,
    /// What the next page says once.
    pub(super) flash: Option<AppNotice>,
    /// The claims of the plain client's last id_token.
    pub(super) claims: Option<Map<String, Value>>,
}

impl Session {
    /// Remembers a request.
    pub(super) fn wait_for(&mut self, role: Role, asked: PreparedRequest) {
        if self.pending.len() == MAX_PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back((role, asked));
    }
    /// The request this state belongs to; a state works once.
    pub(super) fn answered(&mut self, role: Role, state: &str) -> Option<PreparedRequest> {
        let wanted = |(r, a): &(Role, PreparedRequest)| *r == role && same(a.state.reveal(), state);
        let at = self.pending.iter().position(wanted)?;
        self.pending.remove(at).map(|(_, asked)| asked)
    }
}

#[derive(Default)]
struct Inner {
    by_cookie: HashMap<Sha256, Session>,
    order: VecDeque<Sha256>,
}

/// All browsers.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Inner>);

impl Sessions {
    /// A new browser: the value of its cookie.
    pub(super) fn open(&self, random: &dyn Random) -> Secret {
        let cookie = random_text(random);
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.order.len() == MAX_SESSIONS
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.by_cookie.remove(&oldest);
        }
        let name = sha256(cookie.reveal());
        inner.order.push_back(name);
        inner.by_cookie.insert(name, Session::default());
        cookie
    }
    /// Works on a browser's session; `None` for a cookie that is not ours.
    pub(super) fn with<T>(&self, cookie: Option<&Secret>, work: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.by_cookie.get_mut(&sha256(cookie?.reveal())).map(work)
    }
    /// Works on every browser's session.
    pub(super) fn each(&self, work: impl FnMut(&mut Session)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_cookie.values_mut().for_each(work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::tests::seeded;
    use actix_web::http::header;
    use actix_web::test::TestRequest;

    #[test]
    fn a_state_works_once_for_its_own_browser_and_client() {
        let random = seeded(3);
        let sessions = Sessions::default();
        let (mine, other) = (sessions.open(&random), sessions.open(&random));
        let asked = PreparedRequest::new(&random, "http://localhost:1/callback".into());
        let state = asked.state.reveal().to_owned();
        sessions.with(Some(&mine), |s| s.wait_for(Role::Creco, asked));
        let answered = |cookie: &Secret, role, state: &str| {
            sessions.with(Some(cookie), |s| s.answered(role, state).is_some()).unwrap_or_default()
        };
        assert!(!answered(&other, Role::Creco, &state), "another browser");
        assert!(!answered(&mine, Role::Kakeibo, &state), "another client");
        assert!(!answered(&mine, Role::Creco, ""), "no state");
        assert!(answered(&mine, Role::Creco, &state));
        assert!(!answered(&mine, Role::Creco, &state), "twice");
    }

    /// A browser sends the cookies of every port of a host to each of them.
    #[test]
    fn a_neighbours_cookie_hides_nothing() {
        let line = header::HeaderValue::from_bytes(b"\x83N=\x81[; sample_app=own; flag; sample_language=en").unwrap();
        let visitor = Visitor::of(&TestRequest::default().insert_header((header::COOKIE, line)).to_http_request());
        assert_eq!(visitor.cookie.as_ref().map(Secret::reveal), Some("own"));
        assert_eq!(visitor.language, Language::En);
    }

    #[test]
    fn browsers_and_requests_are_bounded() {
        let random = seeded(4);
        let sessions = Sessions::default();
        let first = sessions.open(&random);
        for _ in 0..MAX_SESSIONS {
            sessions.open(&random);
        }
        assert!(sessions.with(Some(&first), |_| ()).is_none());
        let cookie = sessions.open(&random);
        for _ in 0..10 {
            sessions.with(Some(&cookie), |s| s.wait_for(Role::Creco, PreparedRequest::new(&random, String::new())));
        }
        assert_eq!(sessions.with(Some(&cookie), |s| s.pending.len()), Some(MAX_PENDING));
    }
}
