use super::*;

/// The table of docs/events.md: name and members of each row.
fn documented() -> Vec<(String, Vec<String>)> {
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let rows = include_str!("../../../docs/events.md").lines().filter(|l| l.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        assert_eq!(cells.len(), 5, "{row}");
        assert!(!cells[2].trim().is_empty(), "{row}: when?");
        (words(cells[1]).concat(), words(cells[3]))
    })
    .collect()
}

#[test]
fn the_document_names_every_event_with_its_members() {
    let ours: Vec<(String, Vec<String>)> = EventKind::ALL
        .into_iter()
        .map(|k| (k.as_str().to_owned(), k.members().iter().map(|m| (*m).to_owned()).collect()))
        .collect();
    assert_eq!(documented(), ours);
}

#[test]
fn names_are_read_back() {
    for kind in EventKind::ALL {
        assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
    }
    assert_eq!(EventKind::parse("grant.unknown"), None);
}
