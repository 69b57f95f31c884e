//! The same app as a plain OpenID Connect client: a secret over HTTP Basic, PKCE, and an id_token to look at.

use super::App;
use super::flow::{Failed, SCOPE};
use super::idtoken;
use super::oauth::{PreparedRequest, Tokens, borrowed};
use super::session::Role;
use super::trouble::{Trouble, expect};
use crate::crypto::Secret;
use crate::pages::Language;
use crate::wire::{basic, send, with_query};
use jsonwebtoken::Algorithm;
use std::collections::HashMap;

impl App {
    /// The address of a request that travels in the open (OpenID Connect Core §3.1.2.1).
    pub(super) async fn kakeibo_begin(&self, cookie: &Secret, language: Language) -> Result<String, Trouble> {
        let metadata = self.oauth.provider.metadata(self.parts.clock.now()).await?;
        let asked = PreparedRequest::new(self.parts.random.as_ref(), format!("{}/kakeibo/callback", self.origin));
        let form = asked.form(&self.settings.kakeibo_id, SCOPE, language);
        let url = with_query(&metadata.authorization_endpoint, borrowed(&form));
        self.sessions.with(Some(cookie), |s| s.wait_for(Role::Kakeibo, asked));
        Ok(url)
    }

    /// Redeems the code and keeps the verified claims.
    pub(super) async fn kakeibo_finish(
        &self,
        cookie: Option<&Secret>,
        query: &HashMap<String, String>,
    ) -> Result<(), Failed> {
        let (asked, code) = self.answer(Role::Kakeibo, cookie, query)?;
        let now = self.parts.clock.now();
        let metadata = self.oauth.provider.metadata(now).await?;
        let form = asked.redemption(&code);
        let credentials = basic(&self.settings.kakeibo_id, &self.settings.kakeibo_secret);
        let request = self.parts.http.post(&metadata.token_endpoint).form(&form).header("authorization", credentials);
        let answer = expect(send(request).await.map_err(Trouble::from)?, 200)?;
        let tokens: Tokens = serde_json::from_value(answer).map_err(|_| Trouble::Broken("tokens"))?;
        let id_token = tokens.id_token.as_deref().ok_or(Trouble::Broken("no id_token"))?;
        let keys = self.oauth.provider.keys(&metadata).await?;
        let names = (metadata.issuer.as_str(), self.settings.kakeibo_id.as_str());
        // OpenID Connect Core §3.1.3.7: RS256 unless the client registered another.
        let claims = idtoken::check(id_token, &keys, &[Algorithm::RS256], names, &asked, self.parts.clock.now())?;
        self.sessions.with(cookie, |s| s.claims = Some(claims));
        Ok(())
    }
}
