//! A full disk: whatever ends a right is still done, everything else is put off, nothing is lost and nothing is a 500.

use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::http::{Answer, Http};
use crate::support::own_pg::OwnPg;
use crate::support::served::{Left, ServedGrant, links};
use crate::support::small_disk::{SmallDisk, fill, free};
use crate::support::town::{Engine, Town, run};
use futures_util::{StreamExt as _, stream};
use renkei_core::clock::{Clock as _, SystemClock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The three who end a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    App,
    Staff,
    Bank,
}
/// How the end of one link was answered.
#[derive(Debug, PartialEq, Eq)]
enum EndAnswer {
    Done,
    Later,
}

/// One client asks as often as it likes.
fn unlimited(config: &mut renkei_server::config::Config) {
    config.limits.pushed_requests = 100_000;
    (config.limits.answers_per_second, config.limits.answers_burst) = (100_000, 100_000);
}

/// Of twenty links the app ends nine, the bank ten and staff one: a command takes longer than a request.
fn by(n: usize) -> By {
    match n % 20 {
        0 => By::Staff,
        1..10 => By::App,
        _ => By::Bank,
    }
}
async fn end(left: &Left, app: &App, http: &Http, n: usize, link: &ServedGrant) -> EndAnswer {
    let answer = match by(n) {
        By::App => app.revoke(&link.token).await,
        By::Bank => left.bank_closes(http, &link.account).await.unwrap(),
        By::Staff => {
            let said = left.staff(&["grant", "revoke", &link.grant, "--reason", "the customer asked"]).await;
            return match said.status {
                0 => EndAnswer::Done,
                _ => {
                    assert!(said.err.contains("unavailable"), "{said:?}");
                    EndAnswer::Later
                }
            };
        }
    };
    match answer.status {
        200 | 204 => EndAnswer::Done,
        _ => later(&answer),
    }
}
#[track_caller]
fn later(answer: &Answer) -> EndAnswer {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{}", answer.body);
    EndAnswer::Later
}
/// How many are still alive of those that were answered as done.
async fn alive<'a>(app: &App, ended: impl Iterator<Item = &'a ServedGrant>) -> Vec<String> {
    let asked = stream::iter(ended).map(async |link| (app.introspect(&link.token).await["active"] == true, link));
    let seen: Vec<_> = asked.buffer_unordered(16).collect().await;
    seen.into_iter().filter(|(alive, _)| *alive).map(|(_, link)| link.account.clone()).collect()
}
async fn until_degraded(http: &Http, degraded: bool) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let ready = http.get("/readyz").await.expect(200);
        if (ready.json()["degraded"] == "endings only") == degraded {
            return;
        }
        assert!(Instant::now() < end, "degraded is never {degraded}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
/// Everything that begins something is put off before it waits for anything.
async fn beginnings_are_put_off(app: &App, browser: &mut Browser) {
    let (_, fields) = app.request("openid accounts");
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let began = Instant::now();
    later(&app.post("/oauth/par", &fields, false).await);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    goes_back_to_its_screen(browser).await;
}
async fn goes_back_to_its_screen(browser: &mut Browser) {
    let typed = [("branch", "115"), ("account_number", "1100026")];
    assert_eq!(browser.submit("next", &typed).await.status, 303);
    browser.press("next", &typed).await;
    assert_eq!((browser.screen(), browser.status()), ("account", 200));
    assert!(browser.summary().contains("調整のため連絡ができなくなりました"), "R36: {}", browser.page().text());
    assert!(browser.page().form_with("next").unwrap().fields.contains(&("account_number".into(), "1100026".into())));
}

#[test]
fn sqlite_does_what_ends_a_right_in_the_room_it_kept() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let disk = SmallDisk::new("96m");
        let w = Town::start(Engine::Sqlite, unlimited).await;
        w.clock.set(SystemClock.now());
        let all = links(&w, 0, 1_200).await;
        let (first, second) = all.split_at(1_000);
        let app = w.kakeibo();
        let left = w.leave().await.moved_to(&disk);
        let (http, app) = (left.http(), app.at(left.http()));

        filled_in_mid_batch(&left, &http, &app, first, &disk).await;
        filled_further_and_further(&left, &http, &app, second, &disk).await;
        left.is_whole().await;
    });
}

/// Another process fills the disk to the last byte and stops there: every end is answered as done.
async fn filled_in_mid_batch(left: &Left, http: &Http, app: &App, links: &[ServedGrant], disk: &SmallDisk) {
    let (ballast, filler) = (disk.path("data/renkei.ballast"), disk.path("filler"));
    let served = left.start();
    let mut browser = Browser::new(http.clone(), "198.51.100.7");
    browser.open(&app.ask_directly("openid accounts").url).await;
    assert!(ballast.exists());
    let done = AtomicUsize::new(0);
    let ends = stream::iter(links.iter().enumerate()).map(async |(n, link)| {
        if done.fetch_add(1, Ordering::SeqCst) == 200 {
            let filler = filler.clone();
            tokio::task::spawn_blocking(move || fill(&filler)).await.unwrap();
        }
        (end(left, app, http, n, link).await, n, link)
    });
    let told: Vec<_> = ends.buffer_unordered(24).collect().await;
    let later: Vec<_> = told.iter().filter(|(told, ..)| *told != EndAnswer::Done).map(|(_, n, _)| by(*n)).collect();
    assert_eq!(later, [], "each of the thousand is done");
    // The next thing that begins finds the disk full, if nothing has before.
    let (_, fields) = app.request("openid accounts");
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    for _ in 0..2_000 {
        if app.post("/oauth/par", &fields, false).await.status != 201 {
            break;
        }
    }
    until_degraded(http, true).await;
    assert!(!ballast.exists(), "its room was given away");
    beginnings_are_put_off(app, &mut browser).await;
    // Killed, and started again while the disk is as full as before.
    served.kill();
    let served = left.start();
    until_degraded(http, true).await;
    assert_eq!(alive(app, links.iter()).await, Vec::<String>::new());
    std::fs::remove_file(&filler).unwrap();
    until_degraded(http, false).await;
    assert!(ballast.exists(), "it is there again");
    browser.account("115-1100026").await;
    assert_eq!(browser.screen(), "customer", "what was put off goes on: {}", browser.page().text());
    served.kill();
}

/// It goes on filling, so that the room that was kept goes too: every answer is a success, 503, or leads back to its screen.
async fn filled_further_and_further(left: &Left, http: &Http, app: &App, links: &[ServedGrant], disk: &SmallDisk) {
    let filler = disk.path("filler");
    let served = left.start();
    let mut browser = Browser::new(http.clone(), "198.51.100.8");
    browser.open(&app.ask_directly("openid accounts").url).await;
    let (stop, full) = (Arc::new(AtomicBool::new(false)), filler.clone());
    let stopped = stop.clone();
    let filling = std::thread::spawn(move || {
        while !stopped.load(Ordering::SeqCst) {
            fill(&full);
        }
    });
    let ends = stream::iter(links.iter().enumerate()).map(async |(n, link)| {
        let told = end(left, app, http, n, link).await;
        let (_, fields) = app.request("openid accounts");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let pushed = app.post("/oauth/par", &fields, false).await;
        if pushed.status != 201 {
            later(&pushed);
        }
        (told, link)
    });
    let told: Vec<_> = ends.buffer_unordered(24).collect().await;
    until_degraded(http, true).await;
    beginnings_are_put_off(app, &mut browser).await;
    stop.store(true, Ordering::SeqCst);
    filling.join().unwrap();
    served.kill();
    std::fs::remove_file(&filler).unwrap();
    let served = left.start();
    until_degraded(http, false).await;
    let done = || told.iter().filter(|(told, _)| *told == EndAnswer::Done).map(|(_, link)| *link);
    assert_eq!(alive(app, done()).await, Vec::<String>::new(), "what was answered as done is done");
    // What was put off is done when it is asked for again.
    for (n, (told, link)) in told.iter().enumerate() {
        if *told == EndAnswer::Later {
            assert_eq!(end(left, app, http, n, link).await, EndAnswer::Done);
        }
    }
    assert_eq!(alive(app, links.iter()).await, Vec::<String>::new());
    served.kill();
}

/// On PostgreSQL the disk is the database's: who begins something reads 503 or R36, and it goes on by itself.
#[test]
fn postgresql_without_room_is_503_and_goes_on_when_there_is_room() {
    let own = OwnPg::on_a_small_disk("48m");
    let filler = own.on_small_disk("filler");
    run(
        Engine::Postgres,
        |config| {
            unlimited(config);
            config.store.url = own.url();
        },
        async |w| {
            let app = w.kakeibo();
            let all = links(w, 0, 40).await;
            let mut browser = w.browser();
            browser.open(&app.ask_directly("openid accounts").url).await;
            fill(&filler);
            assert_eq!(free(&filler), 0);
            let end = Instant::now() + Duration::from_secs(30);
            loop {
                let (_, fields) = app.request("openid accounts");
                let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
                let pushed = app.post("/oauth/par", &fields, false).await;
                match pushed.status {
                    201 => assert!(Instant::now() < end, "it is never full"),
                    _ => {
                        later(&pushed);
                        break;
                    }
                }
            }
            until_degraded(&w.http, true).await;
            beginnings_are_put_off(&app, &mut browser).await;
            let mut done = Vec::new();
            for link in &all {
                let revoked = app.revoke(&link.token).await;
                if revoked.status == 200 {
                    done.push(link);
                } else {
                    later(&revoked);
                }
            }
            assert_eq!(alive(&app, done.into_iter()).await, Vec::<String>::new());
            std::fs::remove_file(&filler).unwrap();
            let end = Instant::now() + Duration::from_secs(20);
            while browser.account("115-1100026").await.screen() != "customer" {
                assert!(Instant::now() < end, "it stays full: {}", browser.page().text());
            }
            until_degraded(&w.http, false).await;
            for link in &all {
                app.revoke(&link.token).await.expect(200);
            }
            assert_eq!(alive(&app, all.iter()).await, Vec::<String>::new());
        },
    );
}
