//! The parameter `claims` (OpenID Connect Core §5.5), as far as it has an effect here.
//!
//! An id_token always contains `auth_time`, `acr` and `amr`, userinfo always `sub`, and there are no other claims (no
//! name, no address: R84). So a request for a claim adds nothing. Two demands have an effect: that the answer is
//! about one customer (`sub`), and one kind of authentication (essential `acr`). §5.5 says to ignore everything else;
//! an essential claim that is missing is no error (§5.5.1).

use crate::refusal::Refusal;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest text that is read, in bytes.
const MAX_TEXT: usize = 8 * 1024;
/// The deepest nesting: `{"id_token":{"acr":{"values":["…"]}}}` has four levels.
const MAX_DEPTH: usize = 8;
/// The most `values` of one claim.
const MAX_VALUES: usize = 16;
/// The longest `sub` (OpenID Connect Core §2); our `acr` is shorter.
const MAX_VALUE: usize = 255;

/// What the parameter `claims` demands of the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Demands {
    /// The answer must be about a customer with one of these subjects (§5.5.1, §3.1.2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<Vec<String>>,
    /// The authentication must be one of these (§5.5.1.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Vec<String>>,
}

/// How one claim is requested (§5.5.1). Unknown members are ignored.
#[derive(Default, Deserialize)]
struct ClaimRequest {
    #[serde(default)]
    essential: bool,
    value: Option<Value>,
    values: Option<Vec<Value>>,
}
impl ClaimRequest {
    /// The accepted values; `None` if any value will do.
    fn wanted(self) -> Result<Option<Vec<String>>, Refusal> {
        let list = match (self.value, self.values) {
            (None, None) => return Ok(None),
            (Some(value), None) => vec![value],
            (None, Some(values)) => values,
            (Some(_), Some(_)) => return Err(BAD),
        };
        if list.is_empty() || list.len() > MAX_VALUES {
            return Err(BAD);
        }
        let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
        // No claim of ours is longer, so a longer value can never match.
        let kept = texts.ok_or(BAD)?.into_iter().filter(|text| text.len() <= MAX_VALUE);
        Ok(Some(kept.map(str::to_owned).collect()))
    }
}

const BAD: Refusal = Refusal::invalid_request("claims is not what OpenID Connect Core 5.5 describes");

impl Demands {
    /// Reads the parameter.
    ///
    /// # Errors
    /// `invalid_request` if it is no JSON object, too long or too deep, or requests `sub` or `acr` ambiguously.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_TEXT || depth(text) > MAX_DEPTH {
            return Err(Refusal::invalid_request("claims is too long or nested too deeply"));
        }
        let all: Map<String, Value> = serde_json::from_str(text).map_err(|_| BAD)?;
        let mut demands = Self::default();
        for place in ["id_token", "userinfo"] {
            let Some(sub) = asked(&all, place, "sub")?.map(ClaimRequest::wanted).transpose()?.flatten() else {
                continue;
            };
            // Both are about the same customer.
            demands.sub = Some(match demands.sub {
                None => sub,
                Some(before) => before.into_iter().filter(|s| sub.contains(s)).collect(),
            });
        }
        if let Some(acr) = asked(&all, "id_token", "acr")?.filter(|asked| asked.essential) {
            demands.acr = acr.wanted()?;
        }
        Ok(demands)
    }

    /// Whether the answer may be about this customer.
    #[must_use]
    pub fn allow_subject(&self, sub: &str) -> bool {
        self.sub.as_ref().is_none_or(|wanted| wanted.iter().any(|s| s == sub))
    }
    /// Whether this `acr` satisfies the demand.
    #[must_use]
    pub fn allow_acr(&self, acr: &str) -> bool {
        self.acr.as_ref().is_none_or(|wanted| wanted.iter().any(|a| a == acr))
    }
}

/// How a claim is requested in one member; `None` if it is not, or without conditions (`null`).
fn asked(all: &Map<String, Value>, place: &str, claim: &str) -> Result<Option<ClaimRequest>, Refusal> {
    let claims = match all.get(place) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(claims)) => claims,
        Some(_) => return Err(BAD),
    };
    match claims.get(claim) {
        None | Some(Value::Null) => Ok(None),
        Some(how @ Value::Object(_)) => ClaimRequest::deserialize(how).map(Some).map_err(|_| BAD),
        Some(_) => Err(BAD),
    }
}

/// How deeply brackets nest, counting those within texts too: an upper bound without parsing.
fn depth(text: &str) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for b in text.bytes() {
        match b {
            b'{' | b'[' => now += 1,
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
        most = most.max(now);
    }
    most
}
