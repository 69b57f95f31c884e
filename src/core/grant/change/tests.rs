use super::*;
use crate::authorize::Permission;
use crate::grant::By;
use crate::id::ClientId;
use proptest::prelude::*;

fn account(n: u8) -> AccountId {
    AccountId::parse(&format!("a{n}")).unwrap()
}
fn details(accounts: &[u8], permissions: &[Permission]) -> Details {
    Details {
        accounts: accounts.iter().map(|n| account(*n)).collect(),
        permissions: permissions.to_vec(),
        ..Details::default()
    }
}
fn grant(accounts: &[u8], permissions: &[Permission]) -> Grant {
    let at = Instant::from_secs(1_000_000);
    Grant {
        id: GrantId::parse("g-1").unwrap(),
        consent: ConsentId::parse("c-1").unwrap(),
        client: ClientId::parse("creco").unwrap(),
        sub: "sub".into(),
        account_index: Hash::of("1"),
        account: vec![1],
        reference: "ABCD-1234".into(),
        scope: Scope::of(permissions.iter().map(|p| p.scope())),
        details: details(accounts, permissions),
        acr: "acr".into(),
        amr: vec!["pin".into()],
        auth_time: at,
        created_at: at,
        expires_at: at + Duration::from_secs(1000),
        state: GrantState::Active { since: at },
        seq: 3,
    }
}
fn change(action: ChangeAction, known: &[u8], accounts: &[u8], permissions: &[Permission]) -> GrantChange {
    let at = Instant::from_secs(1_000_100);
    GrantChange {
        consent: ConsentId::parse("c-2").unwrap(),
        grant: GrantId::parse("g-1").unwrap(),
        action,
        scope: Scope::of(permissions.iter().map(|p| p.scope())),
        details: details(accounts, permissions),
        known: known.iter().map(|n| account(*n)).collect(),
        account_index: Hash::of("2"),
        account: vec![2],
        account_id: account(2),
        reference: "EFGH-5678".into(),
        acr: "acr".into(),
        amr: vec!["pin".into()],
        auth_time: at,
        aud: Vec::new(),
        created_at: at,
        expires_at: at + Duration::from_secs(2000),
        warn_at: None,
        applied_at: None,
    }
}
const NOW: Instant = Instant::from_secs(1_000_200);
use Permission::{Balances, Transactions};

#[test]
fn a_merge_adds_and_a_replacement_replaces() {
    let now = grant(&[1, 3], &[Balances]);
    let merged =
        change(ChangeAction::Merge, &[1, 3], &[1, 2, 3], &[Balances, Transactions]).applied_to(&now, NOW).unwrap();
    assert_eq!(merged.details, details(&[1, 2, 3], &[Balances, Transactions]));
    assert_eq!(merged.scope.to_string(), "accounts transactions");
    let replaced = change(ChangeAction::Replace, &[1, 3], &[2], &[Transactions]).applied_to(&now, NOW).unwrap();
    assert_eq!(
        (&replaced.details, replaced.scope.to_string().as_str()),
        (&details(&[2], &[Transactions]), "transactions")
    );
    for after in [merged, replaced] {
        assert_eq!((&after.id, after.created_at, after.seq), (&now.id, now.created_at, now.seq), "it is the same link");
        assert_eq!((after.account_index, after.reference.as_str()), (Hash::of("2"), "EFGH-5678"), "verified last");
        assert_eq!(after.expires_at, Instant::from_secs(1_002_100), "a new period");
    }
}

#[test]
fn an_account_that_was_stopped_in_between_does_not_come_back() {
    let narrowed = grant(&[1], &[Balances]);
    for action in [ChangeAction::Merge, ChangeAction::Replace] {
        let after = change(action, &[1, 3], &[1, 2, 3], &[Balances]).applied_to(&narrowed, NOW).unwrap();
        assert_eq!(after.details.accounts, [account(1), account(2)], "{action:?}");
    }
    let nothing = change(ChangeAction::Replace, &[1, 3], &[3], &[Balances]).applied_to(&narrowed, NOW);
    assert_eq!(nothing, None, "no account is left");
}

#[test]
fn a_link_that_is_over_is_not_changed() {
    let at = Instant::from_secs(1_000_150);
    let change = change(ChangeAction::Merge, &[1], &[1, 2], &[Balances]);
    for state in [
        GrantState::Pending,
        GrantState::Revoked { at, by: By::Customer },
        GrantState::Expired { at },
        GrantState::Replaced { at, by: GrantId::parse("g-2").unwrap() },
    ] {
        assert_eq!(change.applied_to(&Grant { state, ..grant(&[1], &[Balances]) }, NOW), None);
    }
    let over = grant(&[1], &[Balances]);
    assert_eq!(change.applied_to(&over, over.expires_at), None, "its time is over, swept or not");
}

proptest! {
    /// Whatever was stopped in between: nothing is covered that was neither covered just before nor newly agreed.
    #[test]
    fn reach_never_grows_beyond_what_stands_and_what_was_newly_agreed(
        merge: bool,
        known in prop::collection::btree_set(0u8..6, 1..6),
        stopped in prop::collection::btree_set(0u8..6, 0..6),
        chosen in prop::collection::btree_set(0u8..6, 1..6),
        transactions: bool,
    ) {
        let known: Vec<u8> = known.into_iter().collect();
        let existing: Vec<u8> = known.iter().copied().filter(|n| !stopped.contains(n)).collect();
        let permissions: &[Permission] = if transactions { &[Balances, Transactions] } else { &[Balances] };
        let action = if merge { ChangeAction::Merge } else { ChangeAction::Replace };
        let mut agreed: Vec<u8> = chosen.iter().copied().collect();
        if merge {
            agreed.extend(known.iter().copied().filter(|n| !chosen.contains(n)));
        }
        let before = grant(&existing, &[Balances]);
        if let Some(after) = change(action, &known, &agreed, permissions).applied_to(&before, NOW) {
            for id in &after.details.accounts {
                let newly = chosen.iter().any(|n| account(*n) == *id && !known.contains(n));
                prop_assert!(newly || before.details.accounts.contains(id), "{id} came back");
            }
            if merge {
                prop_assert!(before.details.accounts.iter().all(|id| after.details.accounts.contains(id)));
            }
        }
    }
}
