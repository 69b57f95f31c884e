//! The client credentials grant (RFC 6749 §4.4): which scope a client may have for itself.

use super::request::OxideRequest;
use super::{broken, scope_in, scope_out, token_code};
use crate::id::ClientId;
use crate::params::Params;
use crate::refusal::{self, Refusal};
use crate::scope::Scope;
use oxide_auth::code_grant::accesstoken::ErrorDescription;
use oxide_auth::code_grant::client_credentials::{ClientCredentials, Error, Input, Output};
use oxide_auth::primitives::grant::Extensions;
use oxide_auth::primitives::registrar::{BoundClient, ExactUrl, PreGrant};
use std::borrow::Cow;

/// Decides a `client_credentials` request of the token endpoint: the scope asked for within `most`, or all of `most`.
///
/// # Errors
/// `invalid_scope` for a scope that is empty or more than the client may have for itself; `unsupported_grant_type`.
pub fn credentials(params: &Params, client: &ClientId, most: &Scope) -> Result<Scope, Refusal> {
    let request = OxideRequest { params, client_id: client.as_str(), redirect_uri: None };
    let mut machine = ClientCredentials::new(&request);
    let mut output = machine.advance(Input::None);
    loop {
        output = match output {
            // Who the client is was decided before.
            Output::Authenticate { .. } => machine.advance(Input::Authenticated),
            Output::Binding { client_id } => {
                // Nobody is redirected, the type wants an address.
                let nowhere = ExactUrl::new("urn:renkei:none".into()).map_err(|_| broken())?;
                let bound_client = BoundClient {
                    client_id: Cow::Owned(client_id.to_owned()),
                    redirect_uri: Cow::Owned(nowhere.into()),
                };
                machine.advance(Input::Bound { bound_client })
            }
            Output::Extend => machine.advance(Input::Extended { extensions: Extensions::new() }),
            Output::Negotiate { bound_client, scope } => {
                let most = scope_in(most)?;
                let scope = scope.unwrap_or_else(|| most.clone());
                // An empty scope parses to a valid empty set (quirk 12) and would be within everything.
                if scope.iter().next().is_none() || !most.priviledged_to(&scope) {
                    return Err(invalid_scope());
                }
                let pre_grant = PreGrant {
                    client_id: bound_client.client_id.clone().into_owned(),
                    redirect_uri: bound_client.redirect_uri.clone().into_owned(),
                    scope,
                };
                machine.advance(Input::Negotiated { pre_grant })
            }
            // What the machine would issue is the decision; it is issued elsewhere, and for how long too.
            Output::Ok { pre_grant, .. } => return scope_out(&pre_grant.scope),
            Output::Err(error) => return Err(refused(*error)),
        }
    }
}

fn invalid_scope() -> Refusal {
    Refusal::new(refusal::ErrorCode::InvalidScope, "scope is not one this client may have without a customer")
}
fn refused(error: Error) -> Refusal {
    let kind = |mut d: ErrorDescription| d.description().kind();
    let kind = match error {
        Error::Invalid(description) | Error::Unauthorized(description, _) => kind(description),
        Error::Ignore | Error::Primitive(_) => return broken(),
    };
    match token_code(kind) {
        code @ refusal::ErrorCode::UnsupportedGrantType => Refusal::new(code, "this grant_type is not supported"),
        // The machine is shown nothing else it could dislike than a scope with a character it may not hold.
        _ => invalid_scope(),
    }
}
