//! A request of ours in the shape the machines read: parameters already parsed strictly, the client already known.

use crate::params::Params;
use oxide_auth::code_grant::{accesstoken, authorization, refresh};
use std::borrow::Cow;

/// Parameters and who sent them.
pub(super) struct OxideRequest<'a> {
    /// As they came, each at most once ([`Params`]): the library would drop a repeated one silently (quirk 6).
    pub(super) params: &'a Params,
    /// The client, authenticated or loaded beforehand.
    pub(super) client_id: &'a str,
    /// The redirect_uri the machine is to compare. At the token endpoint this is the stored one, after our own exact
    /// comparison, because the machine compares normalised URLs and insists on one (quirk 2c).
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
    /// None: a second source of the client's name is "duplicate" to the machine, even where both agree (quirk 2b).
    fn client_id(&self) -> Option<Cow<'_, str>> {
        None
    }
    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        self.redirect_uri.map(Cow::Borrowed)
    }
    fn grant_type(&self) -> Option<Cow<'_, str>> {
        self.param("grant_type")
    }
    /// The client's secret was judged in `client`; the machine has no business with it.
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
    /// Some: with it the machine itself compares the token's client with the authenticated one; without, it takes the
    /// road of public clients.
    fn authorization(&self) -> Option<(Cow<'_, str>, Cow<'_, [u8]>)> {
        Some((Cow::Borrowed(self.client_id), Cow::Borrowed(b"")))
    }
    fn extension(&self, name: &str) -> Option<Cow<'_, str>> {
        self.param(name)
    }
}
