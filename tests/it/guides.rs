//! docs/apps.md and docs/resource-servers.md as their reader uses them: each command runs as it stands there, against a demo, with the
//! variables that the document tells to set. And the tables of the client record are those of the program.

use crate::demo_link::Person;
use crate::support::browser::Customer;
use crate::support::demo::Demo;
use crate::support::profile::root;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

fn document(name: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(name)).unwrap()
}
/// The fenced blocks in this language.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    document.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

struct Reader<'a> {
    demo: &'a Demo,
    folder: &'a Path,
    variables: BTreeMap<&'static str, String>,
}
impl Reader<'_> {
    /// What a block prints. The demo of a test has other ports, and `renkei` is the program of this test.
    fn run(&self, shell: &str) -> String {
        let mut shell = shell.to_owned();
        for (port, url) in [(8080, self.demo.issuer()), (8082, self.demo.api())] {
            shell = shell.replace(&format!("http://localhost:{port}"), &url);
        }
        shell = shell
            .replace("renkei ", concat!(env!("CARGO_BIN_EXE_renkei"), " "))
            .replace("curl ", "curl -sS --noproxy '*' ");
        let mut command = Command::new("bash");
        command.args(["-euc", &shell]).current_dir(self.folder).envs(&self.variables);
        let done = command.output().unwrap();
        assert!(done.status.success(), "{shell}\n{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }
    fn json(&self, shell: &str) -> Value {
        let said = self.run(shell);
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{shell}{said}"))
    }
    fn set(&mut self, name: &'static str, value: &Value) {
        self.variables.insert(name, value.as_str().unwrap_or_else(|| panic!("{name}: {value}")).to_owned());
    }
}

#[tokio::test]
async fn an_app_goes_from_its_record_to_the_end_by_the_guide() {
    let (guide, other) = (document("apps.md"), document("resource-servers.md"));
    let (shell, asks) = (blocks(&guide, "sh"), blocks(&other, "sh"));
    let [start, import, verifier, challenge, push, open, exchange, read, refresh, end] = &shell[..] else {
        panic!("another number of blocks: {shell:#?}")
    };
    let [introspect] = &asks[..] else { panic!("{asks:#?}") };
    for name in ["$SECRET", "$VERIFIER", "$CHALLENGE", "$REQUEST_URI", "$CODE", "$TOKEN", "$REFRESH"] {
        assert!(guide.contains(&format!("`{name}`")), "nothing says what {name} is");
    }
    assert!(other.contains("`$TOKEN`"));

    let folder = tempfile::tempdir().unwrap();
    assert_eq!(start.trim(), "renkei demo --data demo");
    let demo = Demo::start(&["--data", folder.path().join("demo").to_str().unwrap()]);
    let mut reader = Reader { demo: &demo, folder: folder.path(), variables: BTreeMap::new() };
    let record = blocks(&guide, "json").into_iter().find(|b| b.contains("client_id")).unwrap();
    std::fs::write(folder.path().join("my-app.json"), &record).unwrap();
    let said = reader.run(import);
    let secret = said.split_once("client_secret").unwrap_or_else(|| panic!("{said}")).1;
    let secret = secret.trim_start_matches([':', '=', ' ', '"']).split_whitespace().next().unwrap().trim_matches('"');
    reader.set("SECRET", &json!(secret));
    reader.set("VERIFIER", &reader.run(verifier).into());
    reader.set("CHALLENGE", &reader.run(challenge).into());
    reader.set("REQUEST_URI", &reader.json(push)["request_uri"]);

    let mut person = Person::at(&demo);
    person.bank.open(&reader.run(open)).await;
    person.bank.account("115-1100026").await;
    person.bank.customer(&Customer::taro()).await;
    person.prove().await;
    person.bank.allow().await;
    let back = url::Url::parse(&person.bank.url).unwrap();
    let told = |name: &str| back.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap();
    assert_eq!((told("state").as_str(), told("iss")), ("af0ifjsldkj", demo.issuer()));
    reader.set("CODE", &told("code").into());

    let answer = reader.json(exchange);
    let table = guide.split("<a id=\"answer\">").nth(1).unwrap().split("<a id=").next().unwrap();
    let named: BTreeSet<&str> = names(table).into_iter().collect();
    let members: BTreeSet<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(named, members, "the table has the members of the answer");
    reader.set("TOKEN", &answer["access_token"]);
    reader.set("REFRESH", &answer["refresh_token"]);
    let [accounts, subject] = &read.lines().map(|line| reader.json(line)).collect::<Vec<_>>()[..] else {
        panic!("{read}")
    };
    assert_eq!(accounts["accounts"].as_array().map(Vec::len), Some(1), "{accounts}");
    assert!(subject["sub"].is_string(), "{subject}");
    let seen = reader.json(introspect);
    assert_eq!((&seen["active"], &seen["sub"]), (&json!(true), &subject["sub"]));
    let again = reader.json(refresh);
    assert_eq!(again["refresh_token"], answer["refresh_token"], "the same again");
    assert_ne!(again["access_token"], answer["access_token"]);
    assert_eq!(reader.json(end), json!({}));
    assert_eq!(reader.json(introspect), json!({"active": false}));
    let over = reader.json(refresh);
    assert_eq!((&over["error"], &over["renkei_error"]), (&json!("invalid_grant"), &json!("client")));
}

/// The words in backquotes in the first column of the rows.
fn names(table: &str) -> Vec<&str> {
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect()
}

/// Every member of a client record stands in one row, in the table of who may set it.
#[test]
fn the_tables_of_the_record_are_complete() {
    let guide = document("apps.md");
    let part = guide.split("<a id=\"record\">").nth(1).unwrap().split("<a id=").next().unwrap();
    let (open, institution) = part.split_once("| member of the institution |").unwrap();
    let (open, institution) = (names(open), names(institution));
    let all: Vec<&str> = open.iter().chain(&institution).copied().collect();
    let once: BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(once.len(), all.len(), "a member stands twice");
    let known: BTreeSet<&str> = renkei_core::client::metadata::known_members().collect();
    let written: BTreeSet<&str> = once.into_iter().filter(|name| *name != "client_name#en").collect();
    assert_eq!(written, known);
    for name in open {
        assert!(renkei_core::client::metadata::is_open(name), "{name} is the institution's");
    }
    for name in institution {
        assert!(!renkei_core::client::metadata::is_open(name), "{name} is the app's own");
    }
}
