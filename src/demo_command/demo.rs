//! `renkei demo`

use super::run::{self, Options};
use renkei_core::clock::SystemClock;
use renkei_core::random::SystemRandom;
use renkei_server::cli::block_on;
use renkei_server::cli::out::{Failure, Out};
use renkei_server::cli::serve::stop_signal;
use renkei_server::config::LogFormat;
use renkei_server::logs::logs;
use std::path::PathBuf;
use std::sync::Arc;

/// Run everything on this machine, with invented customers: server, sample app, account API, phone and mailbox.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoCommand {
    /// The port of the server. The app, the API and the simulator use the next three ports.
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..=65532))]
    port: u16,
    /// Keep the data in this folder. Without it, the data is deleted at the end.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Service hours: always open, or the usual hours of a 信用組合 (seed).
    #[arg(long, value_enum, default_value = "always")]
    hours: Hours,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Hours {
    Always,
    Seed,
}

impl DemoCommand {
    /// Runs the command until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    /// What kept it from starting.
    pub(crate) fn run(self, out: &Out) -> Result<(), Failure> {
        logs("warn", LogFormat::Text, None);
        let options = Options { port: self.port, data: self.data, always_open: self.hours == Hours::Always };
        block_on(async {
            let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
            // Heard from the start, so that an early Ctrl-C leaves no folder behind.
            let mut stop = std::pin::pin!(stop_signal());
            let demo = tokio::select! {
                _ = &mut stop => return Ok(()),
                demo = run::start(&options, clock, random) => demo.map_err(Failure::refused)?,
            };
            let [server, app, api, simulator] = demo.addresses();
            let machine = serde_json::json!({
                "ready": server, "app": app, "api": api, "simulator": simulator, "operator": demo.operator(),
                "data": demo.folder(),
            });
            out.say(&machine, || {
                welcome(demo.addresses(), demo.operator(), &demo.folder().display().to_string(), self.port)
            });
            stop.await;
            demo.stop().await;
            Ok(())
        })
    }
}

fn welcome([server, app, api, simulator]: [&str; 4], operator: &str, data: &str, port: u16) -> String {
    format!(
        "\
Renkei デモ（すべてこのパソコンの中だけで動きます / everything runs on this machine only）

  サンプルアプリ   sample app            {app}
  電話とメール     phone and mailbox     {simulator}
  認可サーバー     authorization server  {server}
  口座情報API      account API           {api}
  運用             operator              {operator}/metrics  {operator}/readyz

見本のお客様 / sample customer
  店番 115　科目 普通預金　口座番号 1100026
  カナ氏名 データ　タロウ　生年月日 1985年4月12日
  電話番号 09012343333　暗証番号 4071

つぎにすること / what to do next
  1. {app} を開き、「口座を連携する」を押します。
     Open the app and press the button to link an account.
  2. 画面にそって見本のお客様の情報を入力します。
     Enter the sample customer's details as the screens ask for them.
  3. 画面④に番号が出たら、{simulator} からその番号へ電話をかけ、
     画面④に戻って「確定する」を押します。
     When screen 4 shows a number, call it from the simulator, then go back and confirm.
  4. 暗証番号を入力し、許可すると、アプリに残高が表示されます。完了のメールは
     {simulator} に届きます。
     Enter the PIN and allow: the app shows the balance, the mail is in the simulator.
  5. アプリで「連携を解除」を押すか、{server}/my で停止すると、できごとがアプリと
     {api} に届きます。
     End the link in the app, or at {server}/my: the event comes to the app and to the account API.
  6. {simulator} では、銀行からの報告（移管・解約など）を送り、デモの時計を1日ずつ
     進めることもできます。
     The simulator also sends the bank's reports and moves the demo's clock forward by a day.

終了は Ctrl-C / stop with Ctrl-C　　データ / data: {data}
ready http://localhost:{port}"
    )
}
