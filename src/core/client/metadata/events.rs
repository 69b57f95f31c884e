//! The member `events`: where a client's pushed events may go, and how many streams it may have (docs/events.md).

use super::{Members, Profile, Rules, Value, invalid, members};
use crate::client::ClientEvents;
use crate::refusal::Refusal;
use serde_json::{Map, json};

/// The most endpoints in one record.
const MOST_ENDPOINTS: usize = 8;
/// The most streams of one client.
const MOST_STREAMS: u32 = 16;

pub(super) fn read(map: &Map<String, Value>, rules: &Rules) -> Result<ClientEvents, Refusal> {
    let Some(value) = map.get("events").filter(|v| !v.is_null()) else { return Ok(ClientEvents::default()) };
    let m = Members(value.as_object().ok_or_else(|| invalid("events", "is not an object"))?);
    let inside = |r: Refusal| Refusal::naming(r.code, &format!("events.{}", r.description));
    if m.0.keys().any(|name| name != "endpoints" && name != "streams") {
        return Err(invalid("events", "holds a member other than endpoints and streams"));
    }
    let endpoints = super::owned(m.list("endpoints").map_err(inside)?);
    if endpoints.len() > MOST_ENDPOINTS {
        return Err(invalid("events.endpoints", &format!("names more than {MOST_ENDPOINTS} endpoints")));
    }
    for endpoint in &endpoints {
        members::web_uri(endpoint, rules).map_err(|why| invalid("events.endpoints", why))?;
        if endpoint.contains(['?', '#']) {
            return Err(invalid("events.endpoints", "holds a query or a fragment"));
        }
    }
    let streams = m.count("streams", MOST_STREAMS).map_err(inside)?.unwrap_or(ClientEvents::default().streams);
    Ok(ClientEvents { endpoints, streams })
}

/// The member as it is shown; nothing where the record has none.
pub(super) fn member(events: &ClientEvents) -> Option<Value> {
    (*events != ClientEvents::default()).then(|| json!({"endpoints": events.endpoints, "streams": events.streams}))
}

/// The institution's own receiver reads events and does nothing else.
pub(super) fn institution(m: &Members<'_>, profile: Profile) -> Result<(), Refusal> {
    if profile != Profile::Institution {
        return Ok(());
    }
    for name in ["resources", "authorization_details_types"] {
        if m.list(name)?.is_some_and(|list| !list.is_empty()) {
            return Err(invalid(name, "must be empty for the profile institution"));
        }
    }
    Ok(())
}
