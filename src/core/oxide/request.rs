//! Our request in the form the state machines read: parameters already parsed strictly, the client already known.

use crate::params::Params;
use oxide_auth::code_grant::{accesstoken, authorization, refresh};
use std::borrow::Cow;

/// The parameters and their client.
pub(super) struct OxideRequest<'a> {
    /// As received, each at most once ([`Params`]): the library would silently drop a repeated one (quirk 6).
    pub(super) params: &'a Params,
    /// The client, authenticated or loaded beforehand.
    pub(super) client_id: &'a str,
    /// The redirect_uri for the machine to compare. At the token endpoint this is the stored one, after our own exact
    /// comparison, because the machine compares normalised URLs and requires one (quirk 2c).
    pub(super) redirect_uri: Option<&'a str>,
}
impl<'a> OxideRequest<'a> {
    fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        self.params.get(name).map(Cow::Borrowed)
    }
}

impl authorization::Request for OxideRequest<'_> {
    fn valid(&self) -> bool {
        true
    }
    fn client_id(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.client_id))
    }
    fn scope(&self) -> Option<Cow<'_, str>> {
        self.param("scope")
    }
    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        self.redirect_uri.map(Cow::Borrowed)
    }
    fn state(&self) -> Option<Cow<'_, str>> {
        self.param("state")
    }
    fn response_type(&self) -> Option<Cow<'_, str>> {
        self.param("response_type")
    }
    fn extension(&self, name: &str) -> Option<Cow<'_, str>> {
        self.param(name)
    }
}

impl accesstoken::Request for OxideRequest<'_> {
    fn valid(&self) -> bool {
        true
    }
    fn code(&self) -> Option<Cow<'_, str>> {
        self.param("code")
    }
    fn authorization(&self) -> accesstoken::Authorization<'_> {
        accesstoken::Authorization::Username(Cow::Borrowed(self.client_id))
    }
    /// None: the machine calls a second client_id "duplicate", even if both are equal (quirk 2b).
    fn client_id(&self) -> Option<Cow<'_, str>> {
        None
    }
    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        self.redirect_uri.map(Cow::Borrowed)
    }
    fn grant_type(&self) -> Option<Cow<'_, str>> {
        self.param("grant_type")
    }
    /// `client` has checked the client's secret; the machine must not get it.
    fn extension(&self, name: &str) -> Option<Cow<'_, str>> {
        if name == "client_secret" { None } else { self.param(name) }
    }
}

impl refresh::Request for OxideRequest<'_> {
    fn valid(&self) -> bool {
        true
    }
    fn refresh_token(&self) -> Option<Cow<'_, str>> {
        self.param("refresh_token")
    }
    fn scope(&self) -> Option<Cow<'_, str>> {
        self.param("scope")
    }
    fn grant_type(&self) -> Option<Cow<'_, str>> {
        self.param("grant_type")
    }
    /// Some: then the machine itself compares the token's client with the authenticated one. Without it, the machine
    /// treats the client as public.
    fn authorization(&self) -> Option<(Cow<'_, str>, Cow<'_, [u8]>)> {
        Some((Cow::Borrowed(self.client_id), Cow::Borrowed(b"")))
    }
    fn extension(&self, name: &str) -> Option<Cow<'_, str>> {
        self.param(name)
    }
}
