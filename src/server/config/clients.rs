//! The rules of this installation for client records, and the settings of `linking`.

use super::{Config, Error, Mode, Server, load};
use crate::authorize::rules::catalogue;
use crate::client::AuthMethod;
use crate::client::metadata::Rules;
use crate::consent::Terms;
use crate::keys::jose::Alg;
use crate::linking::LinkingRules;
use crate::scope::Scope;
use crate::secret::Hash;
use std::time::Duration;

/// The text of the terms where `institution.terms_file` names none, which production refuses.
const SAMPLE_TERMS: &str = include_str!("../../../config/demo/terms.txt");

impl Config {
    /// See [`client_rules`].
    #[must_use]
    pub fn client_rules(&self) -> Rules {
        let rules = client_rules(self.server.mode, self.tokens.grant_lifetime.get());
        let more = &self.own_scopes();
        let scopes = rules.scopes.map(|scopes| scopes.and(more));
        Rules { methods: self.auth_methods(), scopes, signing: Some(self.keys.algs()), ..rules }
    }
    /// What a client may have for itself: the scopes of this server, and those of `tokens.client_scopes` for resource servers.
    #[must_use]
    pub fn own_scopes(&self) -> Scope {
        Scope::of_clients().and(&self.tokens.client_scopes)
    }
    /// The ways of client authentication this installation offers.
    #[must_use]
    pub fn auth_methods(&self) -> &'static [AuthMethod] {
        AuthMethod::offered(self.server.sees_certificates(), self.server.mtls_ca_file.is_some())
    }
}

impl Config {
    /// The settings of `linking`.
    ///
    /// # Errors
    /// The file of `institution.terms_file` cannot be read, or is empty.
    pub fn linking_rules(&self) -> Result<LinkingRules, Error> {
        Ok(LinkingRules {
            issuer: self.server.issuer.clone(),
            default_audience: self.tokens.default_audience.clone(),
            terms: self.terms()?,
            grant_lifetime: self.tokens.grant_lifetime.get(),
            open_grants: self.tokens.open_grants,
            warn_before: self.events.warn_before(),
            code_lifetime: self.tokens.code_lifetime.get(),
            proofing_memory: self.identity.proofing_memory.get(),
        })
    }

    /// The terms a customer agrees to: their version, and the SHA-256 of their text as the file has it.
    fn terms(&self) -> Result<Terms, Error> {
        let refused = |why: String| Error::Key { key: "institution.terms_file", why };
        let text = match &self.institution.terms_file {
            Some(file) => load::read_text(file).map_err(|cause| refused(cause.to_string()))?,
            None => SAMPLE_TERMS.to_owned(),
        };
        if text.trim().is_empty() {
            return Err(refused("is empty".into()));
        }
        Ok(Terms { version: self.institution.terms_version.clone(), hash: Hash::of(text) })
    }
}

impl Server {
    /// Whether clients can use a certificate (RFC 8705): on a listener of ours, or through a proxy in front of us.
    #[must_use]
    pub const fn sees_certificates(&self) -> bool {
        !self.mtls_listen.is_empty() || self.client_cert_header
    }
}

/// Allows all existing scopes and details, and grants up to `grant_lifetime`. Except in production, also http on
/// loopback and weak secrets. No authentication method with a client certificate.
#[must_use]
pub fn client_rules(mode: Mode, grant_lifetime: Duration) -> Rules {
    Rules {
        loopback_http: mode != Mode::Production,
        scopes: Some(catalogue()),
        grant_lifetime,
        detail_types: Some(vec!["account_information".into()]),
        methods: AuthMethod::offered(false, false),
        signing: Some(Alg::SIGNING.to_vec()),
        weak_secrets: mode != Mode::Production,
    }
}
