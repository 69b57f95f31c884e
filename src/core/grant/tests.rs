use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum GrantMove {
    Activate,
    End(Reason),
}

fn moves() -> impl Strategy<Value = Vec<GrantMove>> {
    let reason = prop_oneof![
        Just(Reason::Client),
        Just(Reason::Customer),
        Just(Reason::Institution { note: "telephone".into() }),
        Just(Reason::Account),
        Just(Reason::Replay),
        Just(Reason::Replaced { by: GrantId::parse("g-2").unwrap() }),
        Just(Reason::Expired),
    ];
    prop::collection::vec(prop_oneof![Just(GrantMove::Activate), reason.prop_map(GrantMove::End)], 0..8)
}

proptest! {
    /// Whatever comes in whatever order: active once, ended once, and an end is for good.
    #[test]
    fn a_grant_lives_once(story in moves()) {
        let (mut state, mut activated, mut ended) = (GrantState::Pending, 0, 0);
        for (i, m) in story.into_iter().enumerate() {
            let now = Instant::from_secs(i64::try_from(i).unwrap());
            let before = state.clone();
            let moved = match &m {
                GrantMove::Activate => state.clone().activate(now),
                GrantMove::End(reason) => state.clone().end(reason, now),
            };
            if let Ok(next) = moved {
                prop_assert!(before.is_open(), "an ended grant moved");
                match m {
                    GrantMove::Activate => activated += 1,
                    GrantMove::End(_) => {
                        ended += 1;
                        prop_assert_eq!(next.ended_at(), Some(now));
                    }
                }
                state = next;
            }
        }
        prop_assert!(activated <= 1 && ended <= 1);
        prop_assert_eq!(state.is_open(), ended == 0);
    }
}

/// The names are in docs/events.md and in the stored columns.
#[test]
fn each_end_has_its_state_and_its_names() {
    let (at, other) = (Instant::from_secs(7), GrantId::parse("g-2").unwrap());
    let revoked = |by| (GrantState::Revoked { at, by }, "revoked", Some(by));
    for (reason, name, (state, stored, by)) in [
        (Reason::Client, "client", revoked(By::Client)),
        (Reason::Customer, "customer", revoked(By::Customer)),
        (Reason::Institution { note: "telephone".into() }, "institution", revoked(By::Institution)),
        (Reason::Account, "account", revoked(By::Account)),
        (Reason::Replay, "replay", revoked(By::Replay)),
        (
            Reason::Replaced { by: other.clone() },
            "replaced",
            (GrantState::Replaced { at, by: other }, "replaced", None),
        ),
        (Reason::Expired, "expired", (GrantState::Expired { at }, "expired", None)),
    ] {
        assert_eq!(GrantState::Pending.end(&reason, at), Ok(state.clone()), "{name}");
        assert_eq!((reason.as_str(), state.as_str(), state.ended_at()), (name, stored, Some(at)));
        assert_eq!((By::parse(name), by.map(By::as_str)), (by, by.map(|_| name)));
    }
    let active = GrantState::Active { since: at };
    assert_eq!(GrantState::Pending.activate(at), Ok(active.clone()));
    assert_eq!((GrantState::Pending.as_str(), active.as_str()), ("pending", "active"));
    assert_eq!((GrantState::Pending.ended_at(), active.ended_at()), (None, None));
    assert_eq!(By::parse("nobody"), None);
}

#[test]
fn subjects_are_pairwise_and_stable() {
    let sealer = Sealer::new("k1", &[1; 32]).unwrap();
    let holder = |id: &str| HolderId::parse(id).unwrap();
    let creco = pairwise(&sealer, "creco", &holder("h-1"));
    assert_eq!(creco, pairwise(&sealer, "creco", &holder("h-1")), "the same over re-linking");
    assert_ne!(creco, pairwise(&sealer, "kakeibo", &holder("h-1")), "another client, another sub");
    assert_ne!(creco, pairwise(&sealer, "creco", &holder("h-2")), "another holder, another sub");
    assert_ne!(pairwise(&sealer, "a:b", &holder("c")), pairwise(&sealer, "a", &holder("b:c")), "no two pairs meet");
    assert_eq!(creco.len(), 43);
}
