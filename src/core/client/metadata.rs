//! Parses client metadata (RFC 7591 §2, requirements.md#client-record). Every error names the member.

mod events;
mod members;
mod mutual;
mod names;
mod out;

pub use names::{is_institutional, is_open, known_members, unknown_members};
pub use out::document;

use super::profile::{AuthMethod, ClientKeys, Downstream, GrantType, Profile, Provider, Status};
use super::{Client, PROOFING_MEMORY, rate, redirect};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::keys::Jwk;
use crate::keys::jose::Alg;
use crate::refusal::{ErrorCode, Refusal};
use crate::scope::{CUSTOMERS, Scope};
use members::{Members, invalid};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

const DAY: u64 = 86_400;

/// What this server accepts in a client record.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Plain http on loopback: the demo and test mode.
    pub loopback_http: bool,
    /// The existing scopes; `None` accepts any, because a stored record is not checked again.
    pub scopes: Option<Scope>,
    /// The longest lifetime of a grant.
    pub grant_lifetime: Duration,
    /// The existing `authorization_details` types; `None` accepts any.
    pub detail_types: Option<Vec<String>>,
    /// The client authentication methods on offer.
    pub methods: &'static [AuthMethod],
    /// The algorithms that we sign with; `None` accepts any.
    pub signing: Option<Vec<Alg>>,
    /// Whether a secret given by hand may be weak: the demo and test mode.
    pub weak_secrets: bool,
}
impl Rules {
    /// Limits for a record that was accepted when it was stored.
    pub(super) const STORED: Self = Self {
        loopback_http: true,
        scopes: None,
        grant_lifetime: Duration::from_secs(u32::MAX as u64),
        detail_types: None,
        methods: AuthMethod::ALL,
        signing: None,
        weak_secrets: true,
    };
    /// Those of `algs` that we sign with.
    fn signing(&self, algs: &[Alg]) -> Vec<Alg> {
        algs.iter().copied().filter(|alg| self.signing.as_ref().is_none_or(|list| list.contains(alg))).collect()
    }
}

/// Members that change what we send. They must not be ignored: we would send in plain text, or unbound, what the
/// client believes to be protected.
pub(super) const UNSUPPORTED: &[&str] = &[
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
    "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc",
    "request_object_encryption_alg",
    "request_object_encryption_enc",
    "authorization_encrypted_response_alg",
    "authorization_encrypted_response_enc",
    "introspection_encrypted_response_alg",
    "introspection_encrypted_response_enc",
];

/// The `client_id` in a record.
///
/// # Errors
/// `invalid_client_metadata` if it is no valid id.
pub fn client_id(document: &Value) -> Result<Option<ClientId>, Refusal> {
    match document.get("client_id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) => ClientId::parse(s)
            .map(Some)
            .ok_or_else(|| invalid("client_id", "is not 1 to 128 characters of A-Z a-z 0-9 - . _ ~ :")),
        Some(_) => Err(invalid("client_id", "is not text")),
    }
}

/// Parses a client record. Unknown members are ignored (RFC 7591 §2); [`unknown_members`] lists them for records that
/// are written by hand. The secret is not read here.
///
/// # Errors
/// `invalid_redirect_uri` or `invalid_client_metadata`, naming the member.
pub fn parse(document: &Value, id: ClientId, rules: &Rules, now: Instant) -> Result<Client, Refusal> {
    let map = document.as_object().ok_or_else(|| invalid("the record", "is not a JSON object"))?;
    let m = Members(map);
    if let Some(name) = UNSUPPORTED.iter().find(|n| map.get(**n).is_some_and(|v| !v.is_null())) {
        return Err(invalid(name, "is not supported"));
    }
    let profile = m.word("profile", Profile::parse)?.unwrap_or(Profile::Fapi2);
    events::institution(&m, profile)?;
    let auth_method = mutual::auth_method(&m, profile, rules)?;
    let (dpop_bound, certificate_bound) = mutual::bound(&m, profile, rules)?;
    let grant_types = grant_types(&m, profile)?;
    // Only clients with the code flow need the members about customers and browsers.
    let code = grant_types.contains(&GrantType::AuthorizationCode);
    response_types(&m, code)?;
    if m.text("subject_type")?.is_some_and(|t| t != "pairwise") {
        return Err(invalid("subject_type", "must be pairwise"));
    }
    let signs = profile == Profile::Fapi2MessageSigning;
    let require_signed_request = demanded(&m, "require_signed_request_object", false, signs)?;
    let grant_lifetime = m.duration("grant_lifetime", 60, rules.grant_lifetime)?;
    let ours = rules.signing(profile.algs());
    let usual = if profile.is_fapi() { Alg::Es256 } else { Alg::Rs256 };
    let id_token_alg = match m.alg("id_token_signed_response_alg", &ours)? {
        Some(alg) => alg,
        None if ours.contains(&usual) => usual,
        None => *ours.first().ok_or_else(|| invalid("profile", "needs PS256, ES256 or EdDSA in keys.algorithms"))?,
    };
    Ok(Client {
        id,
        profile,
        status: m.word("status", Status::parse)?.unwrap_or(Status::Active),
        name: m.owned("client_name")?.ok_or_else(|| invalid("client_name", "is missing"))?,
        names: names(&m)?,
        client_uri: m.uri("client_uri", rules)?,
        logo_uri: m.uri("logo_uri", rules)?,
        policy_uri: m.uri("policy_uri", rules)?,
        tos_uri: m.uri("tos_uri", rules)?,
        contacts: owned(m.list("contacts")?),
        software_id: m.owned("software_id")?,
        software_version: m.owned("software_version")?,
        provider: provider(map, rules)?,
        redirect_uris: redirect_uris(&m, code, rules)?,
        scope: scope(&m, code, grant_types.contains(&GrantType::RefreshToken), rules)?,
        auth_method,
        tls_subject: mutual::subject(&m, auth_method)?,
        auth_alg: m.alg("token_endpoint_auth_signing_alg", profile.algs())?,
        keys: keys(map, &m, auth_method, require_signed_request, rules)?,
        secret: None,
        require_pkce: demanded(&m, "require_pkce", true, profile.is_fapi())?,
        require_par: demanded(&m, "require_pushed_authorization_requests", false, profile.is_fapi())?,
        dpop_bound,
        certificate_bound,
        require_signed_request,
        request_object_alg: m.alg("request_object_signing_alg", profile.algs())?,
        // Where the server does not sign with the usual one (JARM §3), the record says which it is instead.
        authorization_response_alg: m
            .alg("authorization_signed_response_alg", &ours)?
            .or_else(|| (!ours.contains(&usual)).then_some(id_token_alg)),
        id_token_alg,
        userinfo_alg: m.alg("userinfo_signed_response_alg", &ours)?,
        introspection_alg: m.alg("introspection_signed_response_alg", &ours)?,
        default_max_age: default_max_age(map)?,
        require_auth_time: m.flag("require_auth_time")?.unwrap_or(false),
        authorization_details_types: detail_types(&m, rules)?,
        access_token_lifetime: m
            .duration("access_token_lifetime", 60, Rules::STORED.grant_lifetime)?
            .unwrap_or(Duration::from_secs(30 * DAY)),
        grant_lifetime: grant_lifetime.unwrap_or(Duration::from_secs(30 * DAY).min(rules.grant_lifetime)),
        proofing_memory: m.duration("proofing_memory", 60, PROOFING_MEMORY)?,
        refresh_tokens: grant_types.contains(&GrantType::RefreshToken),
        grant_types,
        resources: resources(&m, profile == Profile::ResourceServer)?,
        allow_networks: m.networks("allow_networks")?,
        pushed_requests: m.count("pushed_requests", rate::MOST)?,
        answers_per_second: m.count("answers_per_second", rate::MOST)?,
        answers_burst: m.count("answers_burst", rate::MOST)?,
        events: events::read(map, rules)?,
        created_at: now,
        updated_at: now,
        version: now.millis(),
    })
}

fn owned(list: Option<Vec<&str>>) -> Vec<String> {
    list.unwrap_or_default().into_iter().map(str::to_owned).collect()
}

/// A boolean that a profile may force to true.
fn demanded(m: &Members<'_>, name: &str, default: bool, forced: bool) -> Result<bool, Refusal> {
    match m.flag(name)? {
        Some(false) if forced => Err(invalid(name, "must be true for this profile")),
        given => Ok(given.unwrap_or(default || forced)),
    }
}

fn names(m: &Members<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut names = BTreeMap::new();
    for member in m.0.keys() {
        if let Some(tag) = member.strip_prefix("client_name#") {
            let fits = (1..=35).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let name =
                m.owned(member)?.filter(|_| fits).ok_or_else(|| invalid(member, "is not a language tag (BCP 47)"))?;
            names.insert(tag.to_owned(), name);
        }
    }
    Ok(names)
}

fn provider(map: &Map<String, Value>, rules: &Rules) -> Result<Provider, Refusal> {
    let Some(value) = map.get("provider").filter(|v| !v.is_null()) else { return Ok(Provider::default()) };
    let p = Members(value.as_object().ok_or_else(|| invalid("provider", "is not an object"))?);
    let inside = |r: Refusal| Refusal::naming(r.code, &format!("provider.{}", r.description));
    Ok(Provider {
        name: p.owned("name").map_err(inside)?,
        registration_number: p.owned("registration_number").map_err(inside)?,
        contact: p.owned("contact").map_err(inside)?,
        terms_uri: p.uri("terms_uri", rules).map_err(inside)?,
        disclosure_uri: p.uri("disclosure_uri", rules).map_err(inside)?,
        downstream: downstream(&p).map_err(inside)?,
    })
}

/// The most companies that receive data from one provider.
const DOWNSTREAM: usize = 20;

/// `provider.downstream`: a list of `{"name", "purpose"}`, both needed.
fn downstream(p: &Members<'_>) -> Result<Vec<Downstream>, Refusal> {
    let Some(value) = p.0.get("downstream").filter(|v| !v.is_null()) else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or_else(|| invalid("downstream", "is not a list"))?;
    if list.len() > DOWNSTREAM {
        return Err(invalid("downstream", &format!("names more than {DOWNSTREAM} companies")));
    }
    let one = |value: &Value| {
        let one = Members(value.as_object().ok_or_else(|| invalid("downstream", "holds something that is no object"))?);
        let inside = |r: Refusal| Refusal::naming(r.code, &format!("downstream.{}", r.description));
        let need = |name: &str| {
            let text = one.owned(name).map_err(inside)?;
            text.ok_or_else(|| invalid(&format!("downstream.{name}"), "is missing"))
        };
        Ok(Downstream { name: need("name")?, purpose: need("purpose")? })
    };
    list.iter().map(one).collect()
}

fn grant_types(m: &Members<'_>, profile: Profile) -> Result<Vec<GrantType>, Refusal> {
    let app = profile.is_app();
    let mut types = Vec::new();
    for word in m.list("grant_types")?.unwrap_or(if app { vec!["authorization_code"] } else { vec![] }) {
        let unknown = || invalid("grant_types", "holds a grant type this server does not know");
        let grant_type = GrantType::parse(word).ok_or_else(unknown)?;
        if !app && grant_type != GrantType::ClientCredentials {
            return Err(invalid("grant_types", "only an app gets tokens from customers"));
        }
        if !types.contains(&grant_type) {
            types.push(grant_type);
        }
    }
    let listed = types.contains(&GrantType::RefreshToken);
    match m.flag("refresh_tokens")? {
        Some(true) if !app => return Err(invalid("refresh_tokens", "only an app has them")),
        Some(true) if !listed => types.push(GrantType::RefreshToken),
        Some(false) if listed => return Err(invalid("refresh_tokens", "contradicts grant_types")),
        _ => {}
    }
    Ok(types)
}

fn response_types(m: &Members<'_>, code: bool) -> Result<(), Refusal> {
    match m.list("response_types")? {
        Some(list) if code && list != ["code"] => Err(invalid("response_types", "must be code")),
        Some(list) if !code && !list.is_empty() => {
            Err(invalid("response_types", "must be empty without the authorization_code grant"))
        }
        _ => Ok(()),
    }
}

fn redirect_uris(m: &Members<'_>, code: bool, rules: &Rules) -> Result<Vec<String>, Refusal> {
    let bad = |why: &str| Refusal::naming(ErrorCode::InvalidRedirectUri, &format!("redirect_uris: {why}"));
    let list = m.list("redirect_uris").map_err(|r| Refusal { code: ErrorCode::InvalidRedirectUri, ..r })?;
    let list = list.unwrap_or_default();
    if code == list.is_empty() {
        return Err(bad(if code { "is missing or empty" } else { "is for the authorization_code grant alone" }));
    }
    for (i, uri) in list.iter().enumerate() {
        redirect::acceptable(uri, rules.loopback_http)
            .map_err(|why| Refusal::naming(ErrorCode::InvalidRedirectUri, &format!("redirect_uris[{i}]: {why}")))?;
        if list[..i].contains(uri) {
            return Err(Refusal::naming(ErrorCode::InvalidRedirectUri, &format!("redirect_uris[{i}]: is repeated")));
        }
    }
    Ok(owned(Some(list)))
}

fn scope(m: &Members<'_>, code: bool, refresh: bool, rules: &Rules) -> Result<Scope, Refusal> {
    let given = m.text("scope")?.map(|s| Scope::parse(s).ok_or_else(|| invalid("scope", "is not a list of scopes")));
    match (given.transpose()?, &rules.scopes) {
        (Some(scope), Some(known)) if !scope.within(known) => {
            Err(invalid("scope", "holds a scope this server does not know"))
        }
        (Some(scope), _) => Ok(scope),
        // The record must name the scopes a client may have for itself.
        (None, Some(known)) if code => Ok(known.only(|s| CUSTOMERS.contains(&s) && (refresh || s != "offline_access"))),
        (None, _) => Ok(Scope::default()),
    }
}

fn keys(
    map: &Map<String, Value>,
    m: &Members<'_>,
    method: AuthMethod,
    signs: bool,
    rules: &Rules,
) -> Result<ClientKeys, Refusal> {
    let inline = map.get("jwks").filter(|v| !v.is_null());
    let keys = match (inline, m.uri("jwks_uri", rules)?) {
        (Some(_), Some(_)) => return Err(invalid("jwks_uri", "and jwks must not both be given")), // RFC 7591 §2
        (Some(set), None) => ClientKeys::Inline(Jwk::parse_set(set).map_err(|e| invalid("jwks", &e.to_string()))?),
        (None, Some(uri)) => ClientKeys::Remote(uri),
        (None, None) => ClientKeys::None,
    };
    mutual::keys(keys, method, signs)
}

fn default_max_age(map: &Map<String, Value>) -> Result<Option<u64>, Refusal> {
    match map.get("default_max_age").filter(|v| !v.is_null()) {
        None => Ok(None),
        Some(v) => v.as_u64().map(Some).ok_or_else(|| invalid("default_max_age", "is not a number of seconds")),
    }
}

fn detail_types(m: &Members<'_>, rules: &Rules) -> Result<Vec<String>, Refusal> {
    let types = owned(m.list("authorization_details_types")?);
    if let Some(known) = &rules.detail_types
        && types.iter().any(|t| !known.contains(t))
    {
        return Err(invalid("authorization_details_types", "holds a type this server does not know"));
    }
    Ok(types)
}

fn resources(m: &Members<'_>, needed: bool) -> Result<Vec<String>, Refusal> {
    let resources = owned(m.list("resources")?);
    for resource in &resources {
        // RFC 8707 §2: an absolute URI without a fragment. A plain name is an audience no client can ask for; only
        // `tokens.default_audience` gives it.
        // `Url` alone would accept a space, but an audience list is separated by spaces.
        let plain = resource.len() <= 2000 && resource.bytes().all(|b| b.is_ascii_graphic());
        let uri = plain && Url::parse(resource).is_ok_and(|u| u.fragment().is_none());
        if !uri && ClientId::parse(resource).is_none() {
            return Err(invalid("resources", "holds something that is neither an absolute URI nor a plain name"));
        }
    }
    if needed && resources.is_empty() {
        return Err(invalid("resources", "is missing: a resource server introspects tokens of its own audience only"));
    }
    Ok(resources)
}
