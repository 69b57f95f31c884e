//! What is so while a page is shown: read from the store, the hours and what the actors did, not from the page.

use crate::support::browser::Browser;
use crate::support::town::Town;
use renkei_core::clock::Instant;
use renkei_core::identity::service_hours::Service;
use renkei_core::store::Tx;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the app's request says; of the own page nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct AppRequest {
    /// `merge`, `replace` or nothing.
    pub action: Option<&'static str>,
    /// With `max_age`: the app wants the identity confirmed.
    pub confirm: bool,
    /// With `authorization_details`: the customer chooses accounts.
    pub choose: bool,
}

/// What the actors did that no table keeps.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Actor {
    /// What the app asked.
    pub asked: AppRequest,
    /// When the own page was opened before this visit.
    pub visit: Option<Instant>,
    /// What the customer stopped with the form posted last.
    pub deed: Option<&'static str>,
}

/// A link of the sample customer.
#[derive(Debug, Clone)]
pub(super) struct GrantFacts {
    pub client: String,
    pub open: bool,
    pub created: Instant,
    pub until: Instant,
    pub ended: Option<Instant>,
    /// A word of `by`, or `replaced`, `expired`.
    pub by: String,
    pub accounts: usize,
    /// `grant.updated` by somebody else than the app.
    pub narrowed: bool,
    /// `grant.updated` by the app, which got more accounts.
    pub widened: bool,
    /// `grant.updated` by the app, which got the same once more.
    pub renewed: bool,
    /// Whether a resource server asked about it.
    pub used: bool,
    /// Whether its notices have an address.
    pub notices: bool,
    pub reference: String,
}

/// Everything that a sentence may state.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    /// 連携サービスの確認・停止
    pub my: bool,
    screen: String,
    pub asked: AppRequest,
    pub closing: Option<Instant>,
    /// Until when the service is closed.
    pub closed: Option<Instant>,
    /// The sample customer's account is locked, until then or until staff release it.
    pub lock: Option<Option<Instant>>,
    pub links: Vec<GrantFacts>,
    /// Of the interaction: `waiting`, `seen`, `withheld`, `over`, or nothing.
    pub call: &'static str,
    /// What the record says of the interaction, in its order: the action, and its `why`, `result` or nothing.
    pub records: Vec<(String, String)>,
    /// What the form posted last did: `one`, `account`, `notices`, `all`, `before`; or the button that ended it.
    deed: Option<&'static str>,
    /// When the own page was opened before this visit.
    pub visit: Option<Instant>,
    /// Which receipt is shown, by its link's reference.
    pub receipt: Option<String>,
    pub now: Instant,
    /// Whether the interaction goes on.
    pub live: bool,
    started: Option<Instant>,
    /// When the customer last did something.
    touched: Option<Instant>,
    /// Wrong answers about the account today.
    pub failures: i64,
    /// When the interaction was given its number.
    number_at: Option<Instant>,
    /// What is configured, by name.
    configured: Vec<(&'static str, String)>,
    call_until: Option<Instant>,
}

fn moment(at: Instant) -> String {
    at.jst().format("%Y年%-m月%-d日 %-H時%M分").to_string()
}
fn minute(at: Instant) -> String {
    at.jst().format("%-H時%M分").to_string()
}
fn day(at: Instant) -> String {
    let jst = at.jst();
    let weekday = ["日", "月", "火", "水", "木", "金", "土"][jst.format("%w").to_string().parse::<usize>().unwrap()];
    jst.format(&format!("%Y年%-m月%-d日（{weekday}）")).to_string()
}

impl Scene {
    pub(super) async fn read(w: &Town, browser: &Browser, actor: &Actor) -> Self {
        let Actor { asked, visit, deed } = *actor;
        let url = browser.url.trim_start_matches(browser.issuer()).split('?').next().unwrap().to_owned();
        let parts: Vec<&str> = url.trim_start_matches('/').split('/').collect();
        let interaction = parts.get(1).copied().unwrap_or_default().to_owned();
        let receipt = (parts.get(2) == Some(&"receipt")).then(|| parts[3].to_owned());
        let screen = if receipt.is_some() { "receipt" } else { browser.screen() }.to_owned();
        let (now, hours) = (w.now(), w.config().hours.in_force().unwrap());
        let world = w.world();
        let (account, id) = (world.index("115-ordinary-1100026"), interaction.clone());
        let (links, lock, call, records, receipt, way) = world
            .write(move |tx| {
                let links = links(tx, now)?;
                let receipt = receipt.as_ref().map(|id| reference(tx, id)).transpose()?;
                let lock = "select locked_until, held from lockouts where account = ?1 and locked_at is not null";
                let lock = tx.row(lock, &[account.into()])?;
                let lock = lock.map(|row| Ok::<_, renkei_core::store::Error>((row.opt_instant(0)?, row.int(1)?)));
                let lock = lock.transpose()?.filter(|(until, _)| until.is_none_or(|until| until > now));
                let lock = lock.map(|(until, held)| until.filter(|_| held == 0));
                let row =
                    tx.row("select live, started, touched from interactions where id = ?1", &[id.as_str().into()])?;
                let way = row.map(|row| {
                    Ok::<_, renkei_core::store::Error>((row.int(0)? == 1, row.instant(1)?, row.instant(2)?))
                });
                let sql = "select failures from lockouts where account = ?1";
                let failures = tx.row(sql, &[account.into()])?.map_or(Ok(0), |row| row.int(0))?;
                let way = (way.transpose()?, failures);
                Ok((links, lock, call(tx, &id, now)?, records(tx, &id)?, receipt, way))
            })
            .await;
        let (way, failures) = way;
        let (live, started, touched) =
            way.map_or((false, None, None), |(live, started, touched)| (live, Some(started), Some(touched)));
        let (call, since) = call;
        let window = w.service().policy().confirm_window;
        let config = w.config();
        let configured = vec![
            ("window", window.as_secs().to_string()),
            ("domain", config.mail.from.split_once('@').unwrap().1.to_owned()),
            ("address_days", (1 + config.mail.keep_address.get().as_secs() / 86_400).to_string()),
            ("idle", (config.identity.idle.get().as_secs() / 60).to_string()),
            ("whole", (config.identity.session.get().as_secs() / 60).to_string()),
            ("days", (config.tokens.grant_lifetime.get().as_secs() / 86_400).to_string()),
            ("terms", config.institution.terms_version.clone()),
            ("number", config.institution.phone.clone()),
            ("hours", config.institution.contact_hours.clone()),
            ("us", "当信用組合".to_owned()),
            ("provider", "アイ・ティ・リアライズ株式会社".to_owned()),
            ("contact", "03-0000-0000".to_owned()),
            // Its record names no provider, so the app's own name stands there.
            ("nameless", "家計".to_owned()),
        ];
        let call_until = since.map(|since| since + window);
        let closed = match hours.open_at(now) {
            Service::Open => None,
            Service::Closed { until } => Some(until),
        };
        let closing = hours.closing_soon(now);
        let my = url.starts_with("/my");
        Self {
            my,
            screen,
            asked,
            closing,
            closed,
            lock,
            links,
            call,
            records,
            deed,
            visit,
            receipt,
            now,
            live,
            started,
            touched,
            failures,
            number_at: since,
            configured,
            call_until,
        }
    }

    /// Whether this is the page: the last part of its address.
    pub(super) fn on(&self, screen: &str) -> bool {
        self.screen == screen
    }
    pub(super) fn open(&self) -> impl Iterator<Item = &GrantFacts> {
        self.links.iter().filter(|link| link.open)
    }
    pub(super) fn ended(&self) -> impl Iterator<Item = &GrantFacts> {
        self.links.iter().filter(|link| !link.open)
    }
    /// The links whose facts the page shows: the open ones, the ended ones, or the one of the receipt.
    pub(super) fn listed(&self) -> Vec<&GrantFacts> {
        match self.screen.as_str() {
            "links" => self.open().collect(),
            "ended" => self.ended().collect(),
            "receipt" => self.links.iter().filter(|link| Some(&link.reference) == self.receipt.as_ref()).collect(),
            _ => Vec::new(),
        }
    }
    /// A page of the customer's own, after the checks.
    pub(super) fn after_checks(&self) -> bool {
        self.my && ["links", "ended", "receipt"].iter().any(|screen| self.on(screen))
    }
    /// The page lists a link that ended for this reason.
    pub(super) fn ended_by(&self, by: &str) -> bool {
        self.listed().iter().any(|link| !link.open && link.by == by)
    }
    /// ⑥ of a request to change a link.
    pub(super) fn changes(&self, action: &str) -> bool {
        self.on("consent") && self.asked.action == Some(action)
    }
    /// The app wants the identity confirmed, and has an open link of this account.
    pub(super) fn confirms(&self) -> bool {
        self.asked.confirm && self.open().any(|link| link.client == "budget")
    }
    /// What the record says last of the interaction.
    pub(super) fn last(&self, action: &str) -> bool {
        self.records.last().is_some_and(|(last, _)| last == action)
    }
    /// The interaction ended for this reason.
    pub(super) fn over(&self, why: &str) -> bool {
        self.records.iter().any(|(action, said)| action == "interaction.ended" && said == why)
    }
    /// The time of the interaction is over: half an hour, a quarter without a step, or that of the own page.
    pub(super) fn late(&self) -> bool {
        !self.live && [self.idle_at(), self.whole_at()].iter().any(|at| at.is_some_and(|at| self.now >= at))
    }
    fn whole_at(&self) -> Option<Instant> {
        self.started.map(|at| at + Duration::from_secs(30 * 60))
    }
    fn idle_at(&self) -> Option<Instant> {
        self.touched.map(|at| at + Duration::from_secs(15 * 60))
    }
    pub(super) fn within_the_whole(&self) -> bool {
        self.whole_at().is_some_and(|at| self.now < at)
    }
    /// A pause would end the interaction before its whole time does, or has.
    pub(super) fn idle_comes_first(&self) -> bool {
        self.idle_at() < self.whole_at()
    }
    /// ① to ⑥ of an interaction that goes on.
    pub(super) fn on_a_step(&self) -> bool {
        self.live && ["account", "customer", "phone", "call", "pin", "consent"].iter().any(|screen| self.on(screen))
    }
    /// What was typed on this screen was wrong.
    pub(super) fn refused(&self, screen: &str) -> bool {
        self.on(screen) && self.last(&format!("interaction.{screen}.refused"))
    }
    /// ⑤ was passed.
    pub(super) fn passed(&self) -> bool {
        self.records.iter().any(|(action, _)| action == "interaction.pin.accepted")
    }
    /// The end of the app's own link that lives on.
    pub(super) fn current(&self) -> Option<Instant> {
        self.open().filter(|link| link.client == "budget").map(|link| link.until).max()
    }
    /// For how many seconds ④ has shown its number.
    pub(super) fn called_for(&self) -> u64 {
        self.number_at.map_or(0, |at| self.now.since(at).as_secs())
    }
    /// ④ shows the second or third number, or offers it because the time of the one before is over.
    pub(super) fn number_is(&self, n: usize) -> bool {
        let given = self.records.iter().filter(|(action, _)| action == "interaction.phone.confirmed").count();
        self.on("call") && given + usize::from(self.call == "over") == n
    }
    /// What was pressed last ended the interaction.
    pub(super) fn ended_with(&self, button: &str) -> bool {
        !self.live && self.deed == Some(button)
    }
    /// The links, after a form that did this.
    pub(super) fn did(&self, deed: &str) -> bool {
        self.on("links") && self.deed == Some(deed)
    }
    /// Whether the customer allowed anything in this interaction.
    pub(super) fn allowed(&self) -> bool {
        self.records.iter().any(|(action, _)| action == "consent.granted")
    }
    /// Whether the customer stopped anything in this interaction.
    pub(super) fn stopped(&self) -> bool {
        self.records.iter().any(|(action, _)| action == "interaction.link.stopped")
    }

    /// What stands where the words of a row have `{name}`: add yours here.
    pub(super) fn values(&self) -> BTreeMap<&'static str, String> {
        let mut values = BTreeMap::new();
        let mut put = |name, value: Option<String>| drop(value.map(|value| values.insert(name, value)));
        put("call_until", self.call_until.map(|at| at.jst().format("%-H時%M分%S秒").to_string()));
        put("closing", self.closing.map(minute));
        put("reopens", self.closed.map(moment));
        put("reopens_at", self.closed.map(minute));
        put("lock_until", self.lock.flatten().map(day));
        put("n", Some(self.listed().len().to_string()).filter(|_| self.on("links") || self.on("ended")));
        let month = Duration::from_secs(30 * 86_400);
        let end = (self.now + month).floor_minute();
        put("offer_until", self.on("consent").then(|| format!("{}{}", day(end), minute(end))));
        put("idle_at", self.idle_at().map(minute));
        put("whole_at", self.whole_at().map(minute));
        put("digits", Some("3333".to_owned()));
        put("numbers", Some("1".to_owned()));
        put("app", Some("家計".to_owned()).filter(|_| !self.my));
        put("current_until", self.current().map(|end| format!("{}{}", day(end), minute(end))));
        put("now", Some(moment(self.now)));
        put("visit", self.visit.map(moment));
        let listed = self.listed();
        if let [one, ..] = listed.as_slice() {
            let left = one.until.since(self.now).as_secs().div_ceil(86_400);
            put("until", Some(moment(one.until)));
            put("left", one.open.then(|| left.to_string()));
            put("ended_at", one.ended.map(moment));
            put("since", Some(moment(one.created)));
        }
        values.extend(self.configured.iter().cloned());
        values
    }
}

fn links(tx: &mut Tx<'_, '_>, now: Instant) -> renkei_core::store::Result<Vec<GrantFacts>> {
    let rows = tx.rows(
        "select g.client_id, g.state, g.created_at, g.expires_at, g.ended_at, coalesce(g.ended_by, g.state), g.reference, \
         g.details, \
         (select count(*) from events e where e.grant_id = g.id and e.kind = 'grant.updated' \
           and e.detail not like '%\"by\":\"client\"%'), \
         g.id, \
         (select count(*) from grant_uses u where u.grant_id = g.id), \
         (select count(*) from notice_addresses a where a.grant_id = g.id) \
         from grants g where g.state <> 'pending' order by g.created_at desc, g.id limit 100",
        &[],
    )?;
    let mut link = |row: &renkei_core::store::Row| {
        let merges = merges(tx, row.text(9)?)?;
        let (until, ended) = (row.instant(3)?, row.opt_instant(4)?);
        let over = ended.is_none() && until <= now;
        Ok(GrantFacts {
            client: row.text(0)?.to_owned(),
            open: row.text(1)? == "active" && !over,
            created: row.instant(2)?,
            until,
            ended: ended.or(over.then_some(until)),
            by: if over { "expired" } else { row.text(5)? }.to_owned(),
            accounts: accounts(row.text(7)?),
            narrowed: row.int(8)? > 0,
            widened: merges.contains(&true),
            renewed: merges.contains(&false),
            used: row.int(10)? > 0,
            notices: row.int(11)? > 0,
            reference: row.text(6)?.to_owned(),
        })
    };
    rows.iter().map(&mut link).collect()
}
/// Each merge of a link: whether it added an account.
fn merges(tx: &mut Tx<'_, '_>, id: &str) -> renkei_core::store::Result<Vec<bool>> {
    let sql = "select known, details from grant_changes where grant_id = ?1 and applied_at is not null and action = 'merge' \
               limit 50";
    let rows = tx.rows(sql, &[id.into()])?;
    let added = |row: &renkei_core::store::Row| {
        let known = row.text(0)?.split(' ').count();
        Ok(accounts(row.text(1)?) > known)
    };
    rows.iter().map(added).collect()
}

fn accounts(details: &str) -> usize {
    let details: serde_json::Value = serde_json::from_str(details).unwrap();
    details["accounts"].as_array().map_or(0, Vec::len)
}

fn reference(tx: &mut Tx<'_, '_>, id: &str) -> renkei_core::store::Result<String> {
    let row = tx.row("select reference from grants where id = ?1", &[id.into()])?;
    row.map_or(Ok(String::new()), |row| row.text(0).map(str::to_owned))
}

fn call(
    tx: &mut Tx<'_, '_>,
    interaction: &str,
    now: Instant,
) -> renkei_core::store::Result<(&'static str, Option<Instant>)> {
    let sql = "select seen_at, call_until, (select count(*) from withheld_calls w where w.called = l.called \
               and w.at >= l.since), since from call_leases l where interaction = ?1 order by since desc limit 1";
    let Some(row) = tx.row(sql, &[interaction.into()])? else { return Ok(("", None)) };
    let (seen, until, withheld) = (row.opt_instant(0)?, row.instant(1)?, row.int(2)?);
    let state = match seen {
        Some(_) => "seen",
        None if until <= now => "over",
        None if withheld > 0 => "withheld",
        None => "waiting",
    };
    Ok((state, Some(row.instant(3)?)))
}

fn records(tx: &mut Tx<'_, '_>, interaction: &str) -> renkei_core::store::Result<Vec<(String, String)>> {
    let sql = "select action, detail from audit where interaction = ?1 order by at, n limit 200";
    let rows = tx.rows(sql, &[interaction.into()])?;
    let record = |row: &renkei_core::store::Row| {
        let detail: serde_json::Value = serde_json::from_str(row.text(1)?).unwrap_or_default();
        let said = ["why", "ending", "result"].iter().find_map(|name| detail[*name].as_str()).unwrap_or_default();
        Ok((row.text(0)?.to_owned(), said.to_owned()))
    };
    rows.iter().map(record).collect()
}
