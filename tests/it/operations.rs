//! docs/operations.md as an operator uses it: each command of the page runs as it stands there, on a real store with a real server, or the
//! page says why it does not. And each alert has a row.

use crate::support::ports;
use crate::support::profile::root;
use crate::support::town::{Engine, Said, Town, run, said};
use renkei_server::config::{Config, MailKind, MailTls};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A fenced block of a page.
#[derive(Debug)]
struct Block {
    language: String,
    text: String,
    /// The reason why no test runs it.
    not_run: Option<String>,
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(name)).unwrap()
}
fn blocks(page: &str) -> Vec<Block> {
    let (mut found, mut open, mut before): (Vec<Block>, Option<Block>, &str) = (Vec::new(), None, "");
    for line in page.lines() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => {
                let not_run = before.trim().strip_prefix("<!-- not run: ").and_then(|rest| rest.strip_suffix(" -->"));
                let not_run = not_run.map(str::to_owned);
                open = Some(Block { language: language.to_owned(), text: String::new(), not_run });
            }
            (Some(_), Some("")) => found.extend(open.take()),
            (Some(block), _) => block.text += &format!("{}\n", line.trim_start()),
            (None, None) => {}
        }
        before = line;
    }
    assert!(open.is_none(), "a block that does not end");
    found
}

/// How the blocks of each test begin, in the order in which it runs them.
const SECRETS: [&str; 1] = ["umask 077"];
const STAFF: [&str; 7] = [
    "renkei grant list",
    "renkei service off",
    "renkei consent show",
    "renkei --json lock list",
    "renkei notice list",
    "renkei --json config show",
    "renkei audit looks",
];
const DRILL: [&str; 9] = [
    "renkei db check",
    "renkei doctor",
    "renkei audit export --reason \"planning",
    "renkei audit verify",
    "mkdir -m 0700 drill\nexport RENKEI__SERVER__DATA_DIR=\"$PWD/drill\" RENKEI__SERVER__MASTER_KEY_FILE=\"$KEY\"\n",
    "export RENKEI__SERVER__DATA_DIR=\"$PWD/drill\" RENKEI__SERVER__MASTER_KEY_FILE=\"$KEY\"\nrenkei db check",
    "export RENKEI__SERVER__DATA_DIR=\"$PWD/drill\" RENKEI__SERVER__MASTER_KEY_FILE=\"$KEY\"\nrenkei grant list",
    "renkei db migrate",
    "rm -r drill",
];
const POSTGRES: [&str; 3] = [
    "psql",
    "pg_dump",
    "mkdir -m 0700 drill\nexport RENKEI__SERVER__DATA_DIR=\"$PWD/drill\" RENKEI__SERVER__MASTER_KEY_FILE=\"$KEY\" RENKEI__STORE__URL",
];

/// The blocks of one test, in its order.
fn of<const N: usize>(starts: [&str; N]) -> [String; N] {
    let all = blocks(&page("operations.md"));
    starts.map(|start| {
        let found: Vec<&Block> = all.iter().filter(|b| b.not_run.is_none() && b.text.starts_with(start)).collect();
        let [block] = found[..] else { panic!("{} blocks begin with {start:?}", found.len()) };
        block.text.clone()
    })
}

#[test]
fn every_command_is_run_or_says_why_not() {
    let all = blocks(&page("operations.md"));
    let run: Vec<&str> = SECRETS.iter().chain(&STAFF).chain(&DRILL).chain(&POSTGRES).copied().collect();
    for block in &all {
        assert!(["sh", "toml"].contains(&block.language.as_str()), "a block has no language: {}", block.text);
        let begun = run.iter().filter(|start| block.text.starts_with(**start)).count();
        let wanted = usize::from(block.language == "sh" && block.not_run.is_none());
        assert_eq!(begun, wanted, "{}", block.text);
    }
    let mut reasons = Vec::new();
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let text = std::fs::read_to_string(&path).unwrap();
            reasons.extend(blocks(&text).into_iter().filter_map(|block| block.not_run));
            assert_eq!(
                text.matches("<!-- not run").count(),
                text.matches("<!-- not run: ").count(),
                "{}",
                path.display()
            );
        }
    }
    assert!((1..=10).contains(&reasons.len()), "{reasons:#?}");
    assert!(reasons.iter().all(|reason| reason.len() > 20), "{reasons:#?}");
}

/// Runs blocks in a folder of their own, for one configuration.
struct Operator {
    folder: tempfile::TempDir,
    config: PathBuf,
    variables: Vec<(&'static str, String)>,
}
impl Operator {
    async fn of(w: &Town) -> Self {
        // The town writes its configuration whenever staff runs something.
        assert_eq!(w.staff(&["config", "show"]).await.status, 0);
        let home = w.data_dir().parent().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("copy of the master key");
        std::fs::copy(home.join("master.key"), &key).unwrap();
        let variables = vec![("KEY", key.display().to_string())];
        Self { folder, config: home.join("renkei.toml"), variables }
    }
    /// What a block says, however it ends.
    async fn says(&self, block: &str) -> Said {
        let shell =
            format!("renkei() {{ \"$RENKEI\" \"$@\"; }}\n{}", block.replace("--config FILE", "--config \"$CONFIG\""));
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &shell]).current_dir(self.folder.path());
        command.env("RENKEI", env!("CARGO_BIN_EXE_renkei")).env("CONFIG", &self.config);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        said(command).await
    }
    async fn runs(&self, block: &str) -> String {
        let said = self.says(block).await;
        assert_eq!(said.status, 0, "{block}\n{said:?}");
        said.out
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn secrets_are_made_for_their_owner_alone() {
    let [block] = of(SECRETS);
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &format!("umask 022\n{block}")]).current_dir(folder.path());
    assert_eq!(said(command).await.status, 0);
    for name in ["master.key", "hook.key"] {
        let file = folder.path().join(name);
        assert_eq!((mode(&file), std::fs::read(&file).unwrap().len()), (0o600, 43), "{name}");
    }
}

fn nobody_takes_mail(config: &mut Config) {
    config.mail.kind = MailKind::Smtp;
    (config.mail.host, config.mail.port, config.mail.tls) = ("127.0.0.1".into(), ports::free(1), MailTls::None);
}

#[test]
fn the_commands_of_staff_run_as_they_stand() {
    run(Engine::Sqlite, nobody_takes_mail, async |w: &Town| {
        let [telephone, service, consent, many, notices, digest, looks] = of(STAFF);
        let operator = Operator::of(w).await;
        let account = "115-ordinary-1100026";
        w.link(&w.kakeibo(), &mut w.browser()).await;
        let listed = w.staff(&["--json", "grant", "list", "--account", account]).await.json();
        let grant = &listed["grants"][0];
        let (id, reference) = (grant["grant_id"].as_str().unwrap(), grant["reference"].as_str().unwrap());

        let shown = operator.runs(&consent.replace("ABCD-1234", reference)).await;
        assert!(shown.contains(account), "{shown}");
        let lock = async || {
            for _ in 0..3 {
                w.guess_wrong(account).await;
            }
            assert_eq!(w.locks().await, [account]);
        };
        lock().await;
        operator.runs(&telephone.replace(" ID ", &format!(" {id} "))).await;
        assert_eq!(w.locks().await, Vec::<String>::new());
        assert_eq!(w.staff(&["--json", "grant", "show", id]).await.json()["state"], "revoked");
        lock().await;
        operator.runs(&many).await;
        assert_eq!(w.locks().await, Vec::<String>::new());

        operator.runs(&service).await;
        w.clock.advance(Duration::from_secs(60));
        w.until_mail_is_settled().await;
        let waiting = w.staff(&["--json", "notice", "list"]).await.json();
        let notice = waiting["notices"][0]["notice_id"].as_str().unwrap().to_owned();
        let said = operator.runs(&notices.replace(" ID ", &format!(" {notice} "))).await;
        assert!(said.contains("connection refused") && said.contains("will be sent now"), "{said}");
        let digest = operator.runs(&digest).await;
        assert!(digest.split_whitespace().next().is_some_and(|word| word.len() == 64), "{digest}");
        let said = operator.runs(&looks).await;
        assert!(said.contains("customer asks what is linked"), "{said}");
    });
}

#[test]
fn the_drill_restores_a_copy_beside_the_running_server() {
    run(
        Engine::Sqlite,
        |_| (),
        async |w: &Town| {
            let [state, doctor, planning, backup, restore, look, open, migrate, away] = of(DRILL);
            let operator = Operator::of(w).await;
            let tokens = w.link(&w.kakeibo(), &mut w.browser()).await;
            let said = operator.runs(&state).await;
            assert!(said.contains("applied") && !said.contains("pending"), "{said}");
            // 1 where a part is not well, as the page says; a town need not be.
            let said = operator.says(&doctor).await;
            assert!([0, 1].contains(&said.status) && !said.out.is_empty(), "{said:?}");
            assert_eq!(operator.runs(&planning).await.trim(), "1");
            let before = records(&operator.runs(&backup).await);
            assert_eq!(mode(&operator.path("copy.db")), 0o600);
            let said = operator.runs(&restore).await;
            assert!(said.contains("revoked") && !said.contains("revoked 0 tokens"), "{said}");
            assert_eq!(mode(&operator.path("drill")), 0o700);
            let after = records(&operator.runs(&look).await);
            assert!((before..before + 10).contains(&after), "{before} {after}");
            let said = operator.runs(&open).await;
            assert!(said.contains("kakeibo"), "{said}");
            let beside = migrate.replace("renkei db", "RENKEI__SERVER__DATA_DIR=\"$PWD/drill\" \"$RENKEI\" db");
            operator.runs(&beside).await;
            assert_ne!(operator.says(&migrate).await.status, 0, "not on the store that serves");
            assert_eq!(
                w.accounts_api().introspect(&tokens.access_token).await["active"],
                true,
                "the server was not touched"
            );
            operator.runs(&away).await;
            assert!(!operator.path("drill").exists() && !operator.path("copy.db").exists());

            // Another master key is noticed by the drill.
            operator
                .runs(
                    "renkei db backup copy.db --config FILE; tr 'A-Za-z' 'B-ZAb-za' <\"$KEY\" >other; chmod 600 other",
                )
                .await;
            let wrong = operator.says(&format!("KEY=$PWD/other\n{restore}")).await;
            assert_ne!(wrong.status, 0, "{wrong:?}");
        },
    );
}

#[test]
fn the_drill_of_postgresql_restores_another_database() {
    run(
        Engine::Postgres,
        |_| (),
        async |w: &Town| {
            let [size, dump, restore] = of(POSTGRES);
            let mut operator = Operator::of(w).await;
            let store = w.config().store.url.clone();
            let server = store.rsplit_once('/').unwrap().0.to_owned();
            for (name, url) in
                [("STORE", store), ("SERVER", format!("{server}/postgres")), ("DRILL", format!("{server}/drill"))]
            {
                operator.variables.push((name, url));
            }
            let tokens = w.link(&w.kakeibo(), &mut w.browser()).await;
            let said = operator.runs(&size).await;
            assert!(said.trim().ends_with("|1"), "{said}");
            operator.runs(&dump).await;
            let said = operator.runs(&restore).await;
            assert!(said.contains("revoked") && !said.contains("revoked 0 tokens") && records(&said) > 5, "{said}");
            assert_eq!(
                w.accounts_api().introspect(&tokens.access_token).await["active"],
                true,
                "the server was not touched"
            );
            operator.runs("dropdb --maintenance-db=\"$SERVER\" drill").await;
        },
    );
}

/// The number of records that `audit verify` says.
fn records(said: &str) -> u64 {
    let counted = said.split(" with it: ").nth(1).and_then(|rest| rest.split(' ').next());
    counted.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{said}"))
}

/// Each rule has a row that says what it means, what to look at and what to do; no row is of a rule that is gone.
#[test]
fn every_alert_has_a_row() {
    let rules = std::fs::read_to_string(root().join("config/monitoring/alerts.yml")).unwrap();
    let rules: BTreeSet<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let page = page("operations.md");
    let part = page.split("<a id=\"alerts\"></a>").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<Vec<&str>> =
        part.lines().filter(|line| line.starts_with("| `")).map(|row| row.split(" | ").collect()).collect();
    for row in &rows {
        assert_eq!(row.len(), 4, "{row:?}");
        assert!(row.iter().skip(1).all(|cell| cell.len() > 10), "{row:?}");
    }
    let named: BTreeSet<&str> = rows.iter().map(|row| row[0].trim_matches(['|', ' ', '`'])).collect();
    assert!(rules.len() > 10);
    assert_eq!((named.len(), &named), (rows.len(), &rules));
}
