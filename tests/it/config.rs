//! `config/default.toml` is the reference: it and the typed configuration are compared key by key.

use renkei_server::config::Config;
use std::collections::BTreeSet;
use std::fs;
use toml::{Table, Value};

fn text(name: &str) -> String {
    fs::read_to_string(format!("{}/config/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}
fn read(table: &Table) -> Result<Table, String> {
    let config = table.clone().try_into::<Config>().map_err(|e| e.message().to_owned())?;
    Ok(Table::try_from(&config).unwrap())
}
fn section<'a>(table: &'a Table, name: &str) -> &'a Table {
    table[name].as_table().unwrap()
}

#[test]
fn the_reference_names_every_key_and_no_other() {
    let text = text("default.toml");
    let file: Table = toml::from_str(&text).unwrap();
    read(&file).unwrap();
    let known = fields_of(&file, None);
    assert_eq!(known, file.keys().cloned().collect::<BTreeSet<_>>(), "sections");
    for name in &known {
        let body = text.split(&format!("\n[{name}]\n")).nth(1).unwrap().split("\n[").next().unwrap();
        let written: BTreeSet<String> = body
            .lines()
            .filter_map(|l| l.trim_start_matches("# ").split_once(" = "))
            .map(|(k, _)| k.to_owned())
            .filter(|k| k.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            .collect();
        assert_eq!(fields_of(&file, Some(name)), written, "[{name}]");
    }
}

#[test]
fn the_reference_tells_the_true_defaults() {
    let text = text("default.toml");
    let file: Table = toml::from_str(&text).unwrap();
    let whole = read(&file).unwrap();
    for (name, keys) in &file {
        for key in keys.as_table().unwrap().keys() {
            let mut without = file.clone();
            without[name].as_table_mut().unwrap().remove(key);
            let line = text.split(&format!("\n[{name}]\n")).nth(1).unwrap();
            // The comment above the key, all its lines.
            let above = line.split(&format!("\n{key} = ")).next().unwrap();
            let above: Vec<&str> = above.lines().rev().take_while(|l| l.starts_with("# ")).collect();
            let before = above.join("\n");
            match read(&without) {
                Ok(left) => {
                    assert_eq!(
                        section(&left, name).get(key),
                        section(&whole, name).get(key),
                        "default of {name}.{key}"
                    );
                    assert!(!before.contains("required:"), "{name}.{key} has a default");
                }
                Err(why) => assert!(before.contains("required:"), "{name}.{key}: {why}"),
            }
        }
    }
}

#[test]
fn the_example_for_production_is_fit_for_production() {
    let config: Config = toml::from_str(&text("production.example.toml")).unwrap();
    config.check().unwrap();
    assert_eq!(config.server.mode, renkei_server::config::Mode::Production);
}

/// The suite's script waits 240 s for one module, and one module waits until a request is too old.
#[test]
fn a_request_of_the_conformance_profile_is_too_old_in_time() {
    let config: Config = toml::from_str(&text("conformance/renkei.toml")).unwrap();
    config.check().unwrap();
    assert!(config.tokens.request_lifetime.get().as_secs() <= 60);
}

/// The names serde knows, told by its refusal of one it does not.
fn fields_of(file: &Table, section: Option<&str>) -> BTreeSet<String> {
    let mut table = file.clone();
    let test_store = match section {
        Some(name) => table[name].as_table_mut().unwrap(),
        None => &mut table,
    };
    test_store.insert("no_such_key".into(), Value::Integer(1));
    let why = read(&table).unwrap_err();
    assert!(why.starts_with("unknown field `no_such_key`"), "{why}");
    why.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}
