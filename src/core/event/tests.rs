use super::*;

/// What docs/events.md says: name, members and audience of each row of its table.
fn documented() -> Vec<(String, Vec<String>, Audience)> {
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let rows = include_str!("../../../docs/events.md").lines().filter(|l| l.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        assert_eq!(cells.len(), 7, "{row}");
        let hears = |cell: &str| match cell.trim() {
            "yes" => true,
            "–" => false,
            other => panic!("{row}: {other}"),
        };
        assert!(!cells[2].trim().is_empty(), "{row}: when?");
        let audience = Audience { app: hears(cells[4]), resource_server: hears(cells[5]) };
        (words(cells[1]).concat(), words(cells[3]), audience)
    })
    .collect()
}

#[test]
fn the_document_names_every_event_with_its_members_and_its_audience() {
    let ours: Vec<(String, Vec<String>, Audience)> = EventKind::ALL
        .into_iter()
        .map(|k| (k.as_str().to_owned(), k.members().iter().map(|m| (*m).to_owned()).collect(), k.audience()))
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

/// The statement that reads an app's events names their kinds; so does the one for a record.
#[test]
fn the_statements_read_the_kinds_of_their_audience() {
    for kind in EventKind::ALL {
        let named = format!("'{}'", kind.as_str());
        let listed = |sql: &str| sql.rsplit("kind in (").next().is_some_and(|list| list.contains(&named));
        assert_eq!(listed(position::OF_APP), kind.audience().app, "{named}");
        let of_record = kind.as_str().starts_with("client.") && kind.audience().resource_server;
        assert_eq!(listed(position::OF_RECORD), of_record, "{named}");
    }
}

#[test]
fn an_id_is_derived_and_begins_like_its_subjects() {
    let grant = "ahilAKmvX0aQ1b2c3d4e5f";
    let id = |subject, seq| event_id(subject, seq).unwrap().to_string();
    assert_eq!(id(grant, 1), id(grant, 1));
    assert_ne!(id(grant, 1), id(grant, 2));
    assert_eq!((&id(grant, 1)[..5], id(grant, 1).len()), (&grant[..5], 22));
    assert_eq!(id("kakeibo", 1).len(), 22);
    assert_ne!(&id("kakeibo", 1)[..5], "kakei", "a name is no id of ours");
}
