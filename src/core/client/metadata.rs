//! Parses client metadata (RFC 7591 §2, requirements.md#client-record). Every error names the member.

mod events;
mod flow;
mod members;
mod mutual;
mod names;
mod out;

pub use names::{is_institutional, is_open, known_members, unknown_members};
pub use out::document;

use super::profile::{AuthMethod, ClientEvents, ClientKeys, Downstream, GrantType, Profile, Provider, Status};
use super::{Client, PROOFING_MEMORY, rate};
use crate::clock::Instant;
use crate::id::ClientId;
use crate::keys::Jwk;
use crate::keys::jose::Alg;
use crate::refusal::Refusal;
use crate::scope::Scope;
use members::{Members, Mistakes, invalid};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

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
/// `invalid_redirect_uri` or `invalid_client_metadata`, naming the first wrong member.
pub fn parse(document: &Value, id: ClientId, rules: &Rules, now: Instant) -> Result<Client, Refusal> {
    let (client, mistakes) = read(document, id, rules, now)?;
    mistakes.into_iter().next().map_or(Ok(client), Err)
}

/// As [`parse`], for somebody who wants to correct everything at once: the client as far as its record can be read, and everything
/// that is wrong, in the order of the checks. What depends on a wrong member is checked as if that member had its default.
///
/// # Errors
/// The record is no JSON object.
pub fn read(document: &Value, id: ClientId, rules: &Rules, now: Instant) -> Result<(Client, Vec<Refusal>), Refusal> {
    let map = document.as_object().ok_or_else(|| invalid("the record", "is not a JSON object"))?;
    let (m, wrong) = (Members(map), Mistakes::default());
    for name in UNSUPPORTED.iter().filter(|name| map.get(**name).is_some_and(|v| !v.is_null())) {
        wrong.add(invalid(name, "is not supported"));
    }
    let profile = wrong.or(m.word("profile", Profile::ALL, Profile::as_str), None).unwrap_or(Profile::Fapi2);
    wrong.or(events::institution(&m, profile), ());
    let method = wrong.may(mutual::auth_method(&m, profile, rules));
    // A method that is wrong asks for no keys.
    let auth_method = method.unwrap_or(AuthMethod::ClientSecretBasic);
    let (dpop_bound, certificate_bound) = wrong.or(mutual::bound(&m, profile, rules), (profile.is_fapi(), false));
    let grant_types = flow::grant_types(&m, profile, &wrong);
    // Only clients with the code flow need the members about customers and browsers.
    let code = grant_types.contains(&GrantType::AuthorizationCode);
    wrong.or(flow::response_types(&m, code), ());
    if wrong.or(m.text("subject_type"), None).is_some_and(|t| t != "pairwise") {
        wrong.add(invalid("subject_type", "must be pairwise"));
    }
    let signs = profile == Profile::Fapi2MessageSigning;
    let require_signed_request = wrong.or(demanded(&m, "require_signed_request_object", false, signs), signs);
    let grant_lifetime = wrong.or(m.duration("grant_lifetime", 60, rules.grant_lifetime), None);
    let ours = rules.signing(profile.algs());
    let usual = if profile.is_fapi() { Alg::Es256 } else { Alg::Rs256 };
    let id_token_alg = match (wrong.or(m.alg("id_token_signed_response_alg", &ours), None), ours.first()) {
        (Some(alg), _) => alg,
        (None, _) if ours.contains(&usual) => usual,
        (None, Some(first)) => *first,
        (None, None) => {
            wrong.add(invalid("profile", "needs PS256, ES256 or EdDSA in keys.algorithms"));
            usual
        }
    };
    let alg = |name: &str, allowed: &[Alg]| wrong.or(m.alg(name, allowed), None);
    let owned_text = |name: &str| wrong.or(m.owned(name), None);
    let uri = |name: &str| wrong.or(m.uri(name, rules), None);
    let count = |name: &str| wrong.or(m.count(name, rate::MOST), None);
    let refresh = grant_types.contains(&GrantType::RefreshToken);
    let name = wrong.or(
        m.owned("client_name").and_then(|name| name.ok_or_else(|| invalid("client_name", "is missing"))),
        String::new(),
    );
    let client = Client {
        id,
        profile,
        status: wrong.or(m.word("status", Status::ALL, Status::as_str), None).unwrap_or(Status::Active),
        name,
        names: wrong.or(names(&m), BTreeMap::new()),
        client_uri: uri("client_uri"),
        logo_uri: uri("logo_uri"),
        policy_uri: uri("policy_uri"),
        tos_uri: uri("tos_uri"),
        contacts: owned(wrong.or(m.list("contacts"), None)),
        software_id: owned_text("software_id"),
        software_version: owned_text("software_version"),
        provider: wrong.or(provider(map, rules), Provider::default()),
        redirect_uris: flow::redirect_uris(&m, code, rules, &wrong),
        scope: wrong.or(flow::scope(&m, code, refresh, rules), Scope::default()),
        auth_method,
        tls_subject: wrong.or(mutual::subject(&m, auth_method), None),
        auth_alg: alg("token_endpoint_auth_signing_alg", profile.algs()),
        keys: wrong.or(keys(map, &m, auth_method, require_signed_request, rules), ClientKeys::None),
        secret: None,
        former_secret: None,
        require_pkce: wrong.or(demanded(&m, "require_pkce", true, profile.is_fapi()), true),
        require_par: wrong.or(demanded(&m, "require_pushed_authorization_requests", false, profile.is_fapi()), true),
        dpop_bound,
        certificate_bound,
        require_signed_request,
        request_object_alg: alg("request_object_signing_alg", profile.algs()),
        // Where the server does not sign with the usual one (JARM §3), the record says which it is instead.
        authorization_response_alg: alg("authorization_signed_response_alg", &ours)
            .or_else(|| (!ours.contains(&usual)).then_some(id_token_alg)),
        id_token_alg,
        userinfo_alg: alg("userinfo_signed_response_alg", &ours),
        introspection_alg: alg("introspection_signed_response_alg", &ours),
        default_max_age: wrong.or(default_max_age(map), None),
        require_auth_time: wrong.or(m.flag("require_auth_time"), None).unwrap_or(false),
        authorization_details_types: wrong.or(flow::detail_types(&m, rules), Vec::new()),
        access_token_lifetime: wrong
            .or(m.duration("access_token_lifetime", 60, Rules::STORED.grant_lifetime), None)
            .unwrap_or(Duration::from_secs(30 * DAY)),
        grant_lifetime: grant_lifetime.unwrap_or(Duration::from_secs(30 * DAY).min(rules.grant_lifetime)),
        proofing_memory: wrong.or(m.duration("proofing_memory", 60, PROOFING_MEMORY), None),
        refresh_tokens: refresh,
        grant_types,
        resources: wrong.or(flow::resources(&m, profile == Profile::ResourceServer), Vec::new()),
        allow_networks: wrong.or(m.networks("allow_networks"), Vec::new()),
        pushed_requests: count("pushed_requests"),
        answers_per_second: count("answers_per_second"),
        answers_burst: count("answers_burst"),
        events: wrong.or(events::read(map, rules), ClientEvents::default()),
        created_at: now,
        updated_at: now,
        version: now.millis(),
    };
    Ok((client, wrong.all()))
}

/// What an import wants beside [`read`] (requirements.md#client-record): a record must be of one piece, and in production an app must
/// be one of a registered provider.
#[must_use]
pub fn import_mistakes(document: &Value, client: &Client, in_production: bool) -> Vec<Refusal> {
    let mut wrong = Vec::new();
    let asks = client.scope.has("offline_access");
    // A record without a scope has the one that fits its grant types.
    if document.get("scope").is_some_and(|scope| !scope.is_null()) && client.is_app() && asks != client.refresh_tokens {
        wrong.push(if asks {
            invalid(
                "scope",
                "has offline_access, but grant_types has no refresh_token: add it there, or leave offline_access out",
            )
        } else {
            invalid(
                "grant_types",
                "has refresh_token, but scope has no offline_access: add it there, or leave refresh_token out",
            )
        });
    }
    if in_production {
        wrong.extend(provider_mistakes(client));
    }
    wrong
}

/// What the record of an app lacks in production: its customers read at ⑥ who gets their data, by the name and the number under which
/// the provider is registered. An import and an approval refuse a record without them.
#[must_use]
pub fn provider_mistakes(client: &Client) -> Vec<Refusal> {
    let provider = &client.provider;
    let members = [
        ("provider.name", provider.name.is_some()),
        ("provider.registration_number", provider.registration_number.is_some()),
    ];
    let missing = members.into_iter().filter(|(_, given)| client.is_app() && !given);
    missing.map(|(member, _)| invalid(member, "is missing: in production an app has a registered provider")).collect()
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
