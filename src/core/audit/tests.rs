use super::chain::{ChainRow, root};
use super::{Actor, Cursor};
use crate::clock::Instant;
use crate::id::ClientId;

const PLAIN: ChainRow<'static> = ChainRow {
    worker: "w",
    n: 1,
    at: Instant::from_millis(1),
    actor: "system",
    action: "a.b",
    client: None,
    interaction: None,
    grant: None,
    account: None,
    detail: "{}",
};

#[test]
fn every_column_and_the_record_before_are_in_the_hash() {
    let others = [
        ChainRow { worker: "v", ..PLAIN },
        ChainRow { n: 2, ..PLAIN },
        ChainRow { at: Instant::from_millis(2), ..PLAIN },
        ChainRow { actor: "customer", ..PLAIN },
        ChainRow { action: "a.c", ..PLAIN },
        ChainRow { client: Some(""), ..PLAIN },
        ChainRow { client: Some("c"), ..PLAIN },
        ChainRow { interaction: Some("c"), ..PLAIN },
        ChainRow { grant: Some("c"), ..PLAIN },
        ChainRow { account: Some(b"c"), ..PLAIN },
        ChainRow { detail: "{} ", ..PLAIN },
        // Moving bytes from one column to the next changes the hash.
        ChainRow { actor: "systema", action: ".b", ..PLAIN },
    ];
    let mut seen = vec![PLAIN.hash(&root())];
    for other in others {
        let hash = other.hash(&root());
        assert!(!seen.contains(&hash));
        seen.push(hash);
    }
    assert_ne!(PLAIN.hash(&root()), PLAIN.hash(&seen[1]));
}

#[test]
fn actors_are_written_so_that_none_can_pass_for_another() {
    let client = ClientId::parse("system").map(Actor::Client);
    let written = [client, Some(Actor::System), Some(Actor::Customer), Some(Actor::Staff("customer".into()))];
    let written: Vec<_> = written.into_iter().flatten().map(|a| a.written()).collect();
    assert_eq!(written, ["client:system", "system", "customer", "staff:customer"]);
}

#[test]
fn a_cursor_is_one_word() {
    for text in ["1700000000000.12.pg-3", "0.1.a.b"] {
        assert_eq!(Cursor::parse(text).map(|c| c.written()).as_deref(), Some(text));
    }
    for junk in ["", "1", "1.2", "x.2.w", "1.x.w"] {
        assert_eq!(Cursor::parse(junk), None, "{junk:?}");
    }
}
