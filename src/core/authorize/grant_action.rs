//! What a request wants done with the links its app has already (Grant Management for OAuth 2.0 §5): `grant_management_action`
//! and `grant_id`.

use super::Details;
use crate::clock::Instant;
use crate::id::GrantId;
use crate::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use crate::scope::Scope;

/// A grant that is unknown, another client's or over. All three get this answer, so that nobody learns which grants exist.
pub const INVALID_GRANT_ID: Refusal =
    Refusal::new(ErrorCode::InvalidGrantId, "grant_id is not a grant of this client that can be changed");

/// How an app asks to change a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAction {
    /// What the link covers stays, and more is added.
    Merge,
    /// The link covers what is agreed now and nothing else.
    Replace,
}
impl ChangeAction {
    /// The value of `grant_management_action`, and the stored one.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Replace => "replace",
        }
    }
    /// The action with this value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Merge, Self::Replace].into_iter().find(|action| action.as_str() == text)
    }
    /// What the link is to cover: with a merge, what it covers and what is chosen now; with a replacement, what is chosen now.
    /// This is what ⑥ shows and the consent record keeps. The changed link is agreed to at `at` and ends at `until`: of the days it
    /// covers, only those within reach then are merged.
    #[must_use]
    pub fn agreed(
        self,
        existing: (&Scope, &Details),
        chosen: (&Scope, &Details),
        (at, until): (Instant, Instant),
    ) -> (Scope, Details) {
        match self {
            Self::Merge => {
                let (own, asked) = (existing.1, chosen.1);
                let held = own.within_reach(at, until).unwrap_or_else(|| {
                    // None of its days is left. Those of the request take their place, but nothing widens a link that asks for none.
                    let (from, to) =
                        if asked.permissions.is_empty() { (own.from, own.to) } else { (asked.from, asked.to) };
                    Details { from, to, ..own.clone() }
                });
                (existing.0.and(chosen.0), held.union(asked))
            }
            Self::Replace => (chosen.0.clone(), chosen.1.clone()),
        }
    }
}

/// What a request asks for. Without it, the app's link for the account is replaced when the new one is redeemed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantAction {
    /// A further link beside the app's others.
    Create,
    /// The change of a link.
    Change(ChangeAction, GrantId),
}
impl GrantAction {
    /// Every value of `grant_management_action`, as metadata lists them.
    pub const ALL: [&str; 3] = ["create", "merge", "replace"];

    /// Reads the two parameters.
    ///
    /// # Errors
    /// `invalid_request` for an unknown action, an action without the grant it needs, or a grant without an action that needs it.
    pub fn parse(params: &Params) -> Result<Option<Self>, Refusal> {
        const UNKNOWN: Refusal = Refusal::invalid_request("grant_management_action must be create, merge or replace");
        let id = params.get("grant_id");
        let Some(action) = params.get("grant_management_action") else {
            return match id {
                None => Ok(None),
                Some(_) => Err(Refusal::invalid_request("grant_id needs grant_management_action merge or replace")),
            };
        };
        if action == "create" {
            return match id {
                None => Ok(Some(Self::Create)),
                Some(_) => Err(Refusal::invalid_request("grant_management_action create takes no grant_id")),
            };
        }
        let action = ChangeAction::parse(action).ok_or(UNKNOWN)?;
        let id = id.ok_or(Refusal::invalid_request("this grant_management_action needs a grant_id"))?;
        Ok(Some(Self::Change(action, GrantId::parse(id).ok_or(INVALID_GRANT_ID)?)))
    }

    /// The grant to change.
    #[must_use]
    pub const fn grant(&self) -> Option<&GrantId> {
        match self {
            Self::Create => None,
            Self::Change(_, id) => Some(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of the two parameters.
    #[test]
    fn an_action_and_its_grant_come_together() {
        let change = |action| Some(GrantAction::Change(action, GrantId::parse("g-1").unwrap()));
        for (action, id, want) in [
            (None, None, Ok(None)),
            (None, Some("g-1"), Err("invalid_request")),
            (Some("create"), None, Ok(Some(GrantAction::Create))),
            (Some("create"), Some("g-1"), Err("invalid_request")),
            (Some("merge"), None, Err("invalid_request")),
            (Some("merge"), Some("g-1"), Ok(change(ChangeAction::Merge))),
            (Some("merge"), Some("no grant id"), Err("invalid_grant_id")),
            (Some("replace"), None, Err("invalid_request")),
            (Some("replace"), Some("g-1"), Ok(change(ChangeAction::Replace))),
            (Some("update"), Some("g-1"), Err("invalid_request")),
            (Some(""), None, Ok(None)),
        ] {
            let mut params = Params::default();
            for (name, value) in [("grant_management_action", action), ("grant_id", id)] {
                if let Some(value) = value {
                    params.push(name, value).unwrap();
                }
            }
            let read = GrantAction::parse(&params);
            assert_eq!(read.map_err(|refusal| refusal.code.as_str()), want, "{action:?} {id:?}");
        }
    }

    /// The days of a link that are older than 90 days are not agreed to anew by a merge.
    #[test]
    fn a_merge_takes_only_the_days_within_reach() {
        let day = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
        let at = Instant::from_secs(1_795_000_000); // 2026-11-18 in Japan
        let until = at + std::time::Duration::from_hours(30 * 24);
        assert_eq!(at.jst_date(), day("2026-11-18"));
        let first = Some(day("2026-08-20"));
        let days = |from: Option<&str>, to: Option<&str>| Details {
            accounts: vec![crate::id::AccountId::parse("a-1").unwrap()],
            permissions: super::super::Permission::ALL.to_vec(),
            from: from.map(day),
            to: to.map(day),
            ..Details::default()
        };
        let scope = Scope::parse("accounts transactions").unwrap();
        let merged =
            |own: &Details, asked: &Details| ChangeAction::Merge.agreed((&scope, own), (&scope, asked), (at, until)).1;
        let asked = days(Some("2026-11-01"), Some("2026-11-10"));
        for (own, asked, want) in [
            (days(Some("2026-01-01"), Some("2026-11-05")), &asked, (first, Some(day("2026-11-10")))),
            (days(Some("2026-10-01"), Some("2026-11-05")), &asked, (Some(day("2026-10-01")), Some(day("2026-11-10")))),
            // None of its days is left.
            (days(Some("2026-01-01"), Some("2026-02-01")), &asked, (Some(day("2026-11-01")), Some(day("2026-11-10")))),
            (days(None, None), &asked, (None, None)),
            (days(Some("2026-01-01"), Some("2026-02-01")), &days(None, None), (None, None)),
            (days(Some("2026-01-01"), None), &asked, (first, Some(day("2026-12-18")))),
            // A request for no account opens no day.
            (
                days(Some("2026-01-01"), Some("2026-02-01")),
                &Details::default(),
                (Some(day("2026-01-01")), Some(day("2026-02-01"))),
            ),
        ] {
            let got = merged(&own, asked);
            assert_eq!((got.from, got.to), want, "{own:?} {asked:?}");
        }
        let own = days(Some("2026-01-01"), Some("2026-11-05"));
        let replaced = ChangeAction::Replace.agreed((&scope, &own), (&scope, &asked), (at, until)).1;
        assert_eq!(replaced, asked);
    }
}
