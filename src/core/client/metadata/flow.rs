//! The members about the flow: grant types, response types, redirect URIs, scopes, details, resources.

use super::members::{Members, Mistakes, invalid, listed, shown};
use super::{Rules, owned};
use crate::client::profile::{GrantType, Profile};
use crate::client::redirect;
use crate::id::ClientId;
use crate::refusal::{ErrorCode, Refusal};
use crate::scope::{CUSTOMERS, Scope};
use url::Url;

pub(super) fn grant_types(m: &Members<'_>, profile: Profile, wrong: &Mistakes) -> Vec<GrantType> {
    let app = profile.is_app();
    let usual = if app { vec!["authorization_code"] } else { vec![] };
    let given = wrong.or(m.list("grant_types"), None);
    let mut types = Vec::new();
    for word in given.unwrap_or_else(|| usual.clone()) {
        match GrantType::parse(word) {
            None => wrong.add(invalid(
                "grant_types",
                &format!("has {}; allowed are {}", shown(word), listed(GrantType::ALL.iter().map(|g| g.as_str()))),
            )),
            Some(grant_type) if !app && grant_type != GrantType::ClientCredentials => {
                let why = format!("has {}, but only an app gets tokens from customers", shown(word));
                wrong.add(invalid("grant_types", &why));
            }
            Some(grant_type) if types.contains(&grant_type) => {}
            Some(grant_type) => types.push(grant_type),
        }
    }
    if types.is_empty() {
        // Where all that was given is wrong, the members about the code flow are not wrong as well.
        types.extend(usual.into_iter().filter_map(GrantType::parse).filter(|_| m.has_entries("grant_types")));
    }
    let listed = types.contains(&GrantType::RefreshToken);
    match wrong.or(m.flag("refresh_tokens"), None) {
        Some(true) if !app => wrong.add(invalid("refresh_tokens", "only an app has them")),
        Some(true) if !listed => types.push(GrantType::RefreshToken),
        Some(false) if listed => wrong.add(invalid("refresh_tokens", "contradicts grant_types")),
        _ => {}
    }
    types
}

pub(super) fn response_types(m: &Members<'_>, code: bool) -> Result<(), Refusal> {
    match m.list("response_types")? {
        Some(list) if code && list != ["code"] => {
            let given: Vec<String> = list.iter().map(|text| shown(text)).collect();
            Err(invalid("response_types", &format!("must be code, and is {}", given.join(", "))))
        }
        Some(list) if !code && !list.is_empty() => {
            Err(invalid("response_types", "must be empty without the authorization_code grant"))
        }
        _ => Ok(()),
    }
}

/// Each wrong address is named.
pub(super) fn redirect_uris(m: &Members<'_>, code: bool, rules: &Rules, wrong: &Mistakes) -> Vec<String> {
    let bad = |at: &str, why: &str| {
        wrong.add(Refusal::naming(ErrorCode::InvalidRedirectUri, &format!("redirect_uris{at}: {why}")));
    };
    let list = m.list("redirect_uris").map_err(|r| Refusal { code: ErrorCode::InvalidRedirectUri, ..r });
    let Some(list) = wrong.may(list) else { return Vec::new() };
    let list = list.unwrap_or_default();
    if code == list.is_empty() {
        bad("", if code { "is missing or empty" } else { "is for the authorization_code grant alone" });
    }
    for (i, uri) in list.iter().enumerate().filter(|_| code) {
        let at = format!("[{i}]");
        if let Err(why) = redirect::acceptable(uri, rules.loopback_http) {
            // A password in it is not repeated.
            bad(&at, &if uri.contains('@') { why.to_owned() } else { format!("{why}: {}", shown(uri)) });
        } else if list[..i].contains(uri) {
            bad(&at, &format!("is repeated: {}", shown(uri)));
        }
    }
    owned(Some(list))
}

pub(super) fn scope(m: &Members<'_>, code: bool, refresh: bool, rules: &Rules) -> Result<Scope, Refusal> {
    let given = m
        .text("scope")?
        .map(|s| Scope::parse(s).ok_or_else(|| invalid("scope", &format!("{} is not a list of scopes", shown(s)))));
    match (given.transpose()?, &rules.scopes) {
        (Some(scope), Some(known)) if !scope.within(known) => {
            let unknown: Vec<String> = scope.iter().filter(|token| !known.has(token)).map(shown).collect();
            let why = format!(
                "has {}, which this server does not know; known are {}",
                unknown.join(", "),
                listed(known.iter())
            );
            Err(invalid("scope", &why))
        }
        (Some(scope), _) => Ok(scope),
        // The record must name the scopes a client may have for itself.
        (None, Some(known)) if code => Ok(known.only(|s| CUSTOMERS.contains(&s) && (refresh || s != "offline_access"))),
        (None, _) => Ok(Scope::default()),
    }
}

pub(super) fn detail_types(m: &Members<'_>, rules: &Rules) -> Result<Vec<String>, Refusal> {
    let types = owned(m.list("authorization_details_types")?);
    if let Some(known) = &rules.detail_types
        && let Some(unknown) = types.iter().find(|t| !known.contains(t))
    {
        let why = format!(
            "has {}, which this server does not know; known is {}",
            shown(unknown),
            listed(known.iter().map(String::as_str))
        );
        return Err(invalid("authorization_details_types", &why));
    }
    Ok(types)
}

pub(super) fn resources(m: &Members<'_>, needed: bool) -> Result<Vec<String>, Refusal> {
    let resources = owned(m.list("resources")?);
    for resource in &resources {
        // RFC 8707 §2: an absolute URI without a fragment. A plain name is an audience no client can ask for; only
        // `tokens.default_audience` gives it.
        // `Url` alone would accept a space, but an audience list is separated by spaces.
        let plain = resource.len() <= 2000 && resource.bytes().all(|b| b.is_ascii_graphic());
        let uri = plain && Url::parse(resource).is_ok_and(|u| u.fragment().is_none());
        if !uri && ClientId::parse(resource).is_none() {
            let why = format!("has {}, which is neither an absolute URI nor a plain name", shown(resource));
            return Err(invalid("resources", &why));
        }
    }
    if needed && resources.is_empty() {
        return Err(invalid("resources", "is missing: a resource server introspects tokens of its own audience only"));
    }
    Ok(resources)
}
