//! A history of any length, written by a few statements: `n` links of one app with everything that belongs to them.
//!
//! What grows with the number of links in a real store grows here. What retention, a limit of the configuration or the number of
//! apps bounds has the same number of rows at every size. One account has a hundredth of all links, one link a hundredth of all
//! events and records. Rows that a sweep looks for and rows that it must pass over both exist, the first kind at the newest end.

use renkei_core::store::Store;

/// Fills an empty store with `from..to` of a history. `#x#` is a number as text of a fixed length, `«x»` the bytes of a text,
/// `$t` the time of a link, `$a` the number of its account, `$open` whether it is open.
pub(crate) async fn fill(store: &Store, from: i64, to: i64) {
    if to == 0 {
        return;
    }
    for (many, sql) in ROWS {
        let (from, to) = match many {
            Many::Links => (from, to),
            Many::Few(n) => (0, if from == 0 { *n } else { 0 }),
        };
        if from == to {
            continue;
        }
        let sql = written(sql, store.is_postgres());
        let store = store.without_limit(renkei_core::store::NoLimit::Migration);
        store
            .write(move |tx| tx.execute(sql, &[from.into(), to.into()]))
            .await
            .unwrap_or_else(|e| panic!("{e}: {sql}"));
    }
}

fn written(sql: &str, postgres: bool) -> &'static str {
    let sql = sql
        .replace("$t", "(1700000000000 + i * 60000)")
        .replace("$a", "case when i % 100 = 0 then 0 else i / 2 + 1 end")
        .replace("$open", "(i % 2 = 0 and (i % 100 <> 0 or i < 1000))");
    let mut out = String::from(
        "with recursive n(i) as (select cast(?1 as bigint) union all select i + 1 from n where i + 1 < ?2) ",
    );
    let mut inside = false;
    for part in sql.split_inclusive('#') {
        match (part.strip_suffix('#'), inside) {
            (Some(part), false) => {
                out.push_str(part);
                out.push_str("cast(10000000 + ");
                inside = true;
            }
            (Some(part), true) => {
                out.push_str(&format!("({part}) as text)"));
                inside = false;
            }
            (None, _) => out.push_str(part),
        }
    }
    let (open, close) = if postgres { ("convert_to(", ", 'UTF8')") } else { ("cast(", " as blob)") };
    Box::leak(out.replace('«', open).replace('»', close).into_boxed_str())
}

enum Many {
    /// As many rows as links, or a part of them.
    Links,
    /// The same number at every size.
    Few(i64),
}
use Many::{Few, Links};

const ROWS: &[(Many, &str)] = &[
    // Step 0: apps are registered by people; a proof is remembered for minutes.
    (
        Few(50),
        "insert into clients (id, version, status, secret_kind, secret, metadata, created_at, updated_at, former_secret, \
         former_secret_until) select case when i = 0 then 'app' else 'app-' || #i# end, 1, case when i = 0 then 'ended' when \
         i % 5 = 1 then 'pending' when i % 5 = 2 then 'ended' else 'active' end, case i % 3 when 0 then 'hmac' when 1 then \
         'sha256' else 'argon2id' end, 's', '{}', $t, $t, case when i % 4 = 0 then 's' end, case when i % 4 = 0 then $t end from n",
    ),
    (
        Few(50),
        "insert into client_registrations (client_id, token, statement, proposed) select case when i = 0 then 'app' else \
         'app-' || #i# end, «'t'», '{}', '{}' from n",
    ),
    (Few(10), "insert into client_audiences (client_id, aud) select 'app', 'https://api-' || #i# from n"),
    (Links, "insert into client_replays (id, expires_at) select «'x' || #i#», $t from n"),
    (
        Few(5),
        "insert into signing_keys (kid, alg, state, private_key, created_at, activate_at, activated_at, retired_at) \
      select 'k-' || #i#, 'ES256', case when i = 0 then 'current' else 'retired' end, «'k'», $t, $t, $t, $t from n",
    ),
    (Few(3), "insert into shared_secrets (name, sealed, created_at) select 's-' || #i#, «'k'», $t from n"),
    (Few(20), "insert into receipt_keys (kid, jwk, ends_at) select 'k-' || #i#, '{}', $t from n"),
    (
        Few(100),
        "insert into initial_tokens (id, hash, label, uses_left, created_at, expires_at) \
      select 'i-' || #i#, «'h' || #i#», 'l', 5, $t, $t from n",
    ),
    // Step 1.
    (
        Links,
        "insert into requests (id, client_id, request, created_at, expires_at, consumed_at, begun_at) \
      select «'q' || #i#», 'app', '{}', $t, $t + 600000, case when i % 2 = 0 then $t end, case when i % 10 <> 0 then $t end from n",
    ),
    // Step 2.
    (
        Links,
        "insert into interactions (id, client, request, nonce, generation, old_cookie_until, started, touched, step, refused, \
      language, live, unfinished, counted, recorded, account, sealed) select #i# || '-id', case when i % 20 = 19 then null else 'app' end, \
      case when i % 20 = 19 then null else «'q' || #i#» end, «'n'», 0, $t, $t, $t, 1, 0, 'ja', \
      case when i < 300 then 1 else 0 end, case when i < 300 then i % 2 else 0 end, \
      case when i < 300 and i % 10 = 0 then 1 else 0 end, 1, «'a' || #$a#», «'s'» from n",
    ),
    (
        Links,
        "insert into call_leases (caller, called, network, interaction, serial, since, call_until, free_at, seen_at, client, account) \
      select «'t' || #case when i < 10 then 0 else i end#», 'n' || #i % 10#, «'w'», #i# || '-id', 1, $t, $t, $t, \
      case when i = 0 then null else $t end, 'app', «'a' || #$a#» from n",
    ),
    (
        Links,
        "insert into call_waits (caller, interaction, network, since, called, at) \
      select «'t' || #case when i < 10 then 0 else i end#», #i# || '-id', «'w'», $t, 'n' || #i % 10#, $t from n",
    ),
    (Links, "insert into withheld_calls (called, at) select 'n' || #i % 10#, $t from n"),
    (Links, "insert into call_ids (id, at) select «'x' || #i#», $t from n"),
    (Links, "insert into tallies (name, hour, n) select «'x' || #i#», i, 1 from n"),
    (Few(500), "insert into alarms (kind, hour) select 'k' || #i % 5#, i from n"),
    (
        Links,
        "insert into lockouts (account, sealed, day, failures, wrong_pins, locked_at, locked_until, held, account_id) \
      select «'a' || #i#», «'s'», i, 1, case when i % 4 = 0 then 0 else 1 end, case when i % 4 in (1, 2) then $t end, \
      case when i % 4 = 1 then $t end, case when i % 4 = 2 then 1 else 0 end, 'acc' from n",
    ),
    (
        Few(200),
        "insert into guesses (id, account, guess, day, at, until, counted) select 'u' || #i#, \
      «'a' || #case when i < 5 then 0 else i end#», case when i % 2 = 0 then 'pin' else 'customer' end, i, $t, $t, i % 2 from n",
    ),
    (Links, "insert into my_visits (holder, at) select «'h' || #i#», $t from n"),
    (
        Links,
        "insert into proofings (cookie, client, version, account, sealed, expires_at) \
      select «'x' || #i#», 'app', 1, «'a' || #case when i < 10 then 0 else i end#», «'s'», $t from n",
    ),
    (Few(1), "insert into service_off (id, since, reason, actor) select 1, $t, 'r', 'a' from n"),
    (
        Links,
        "insert into account_events (id, change, account_index, at, heard_at) \
      select «'x' || #i#», 'closed', «'a' || #$a#», $t, $t from n",
    ),
    // Step 3.
    (Few(20), "insert into consent_words (hash, language, text) select «'w' || #i#», 'ja', 't' from n"),
    (
        Links,
        "insert into consents (id, decision, client_id, interaction, account_index, account, name, remote, scope, details, \
      terms_version, terms_hash, shown_hash, language, acr, amr, auth_time, decided_at, ends_at, words, reference) \
      select 'c' || #i#, 'granted', 'app', #i# || '-id', «'a' || #$a#», «'a'», «'n'», «'r'», 'openid', '{}', '1', «'h'», \
      «'w' || #i % 20#», 'ja', 'acr', 'pin', $t, $t, $t + 2592000000, «'w'», 'r' || #i# from n",
    ),
    (
        Links,
        "insert into grants (id, consent_id, client_id, sub, account_index, account, reference, scope, details, acr, amr, \
      auth_time, created_at, expires_at, state, activated_at, ended_at, ended_by, warn_at, seq, aud, account_id, by_create) \
      select 'g' || #i#, 'c' || #i#, 'app', 's', «'a' || #$a#», «'a'», 'r' || #i#, 'openid', '{}', 'acr', 'pin', $t, $t, \
      $t + 2592000000, case when $open then 'active' else 'revoked' end, $t, case when $open then null else $t + 60000 end, \
      case when $open then null else 'customer' end, case when $open then $t + 2000000000 end, 3, 'https://api-' || #0#, 'acc', \
      i % 3 from n",
    ),
    // The second account of a link; the first account is shared by ten links of others.
    (
        Links,
        "insert into grant_accounts (grant_id, account_index, account_id) select 'g' || #i#, \
      «'a' || #case when i % 200 = 1 and i < 2000 then 0 else i + 50000000 end#», 'acc' from n",
    ),
    (Links, "insert into grant_uses (grant_id, permission, last_at) select 'g' || #i#, 'balances', $t from n"),
    (
        Links,
        "insert into grant_changes (consent_id, grant_id, action, scope, details, known, account_index, account, account_id, \
      reference, acr, amr, auth_time, aud, created_at, expires_at, warn_at, applied_at) select 'c' || #i#, 'g' || #i#, 'merge', \
      'openid', '{}', '[]', «'a' || #$a#», «'a'», 'acc', 'r', 'acr', 'pin', $t, '', $t, $t, $t, case when i > 0 then $t end \
      from n",
    ),
    (
        Links,
        "insert into grant_change_accounts (consent_id, account_index, account_id) select 'c' || #i#, \
      «'a' || #case when i < 100 then 0 else i end#», 'acc' from n",
    ),
    (
        Links,
        "insert into codes (hash, grant_id, client_id, redirect_uri, resource, issued_at, expires_at, used_at, undone_at, change_id) \
      select «'x' || #i#», 'g' || #i#, 'app', 'https://app', '', $t, $t, case when i % 10 <> 3 then $t end, \
      case when i % 100 = 5 and i < 900 then $t end, null from n",
    ),
    // Step 4: a token lives for ten minutes, and its row for a day more: the number of one link's has a bound.
    (
        Links,
        "insert into access_tokens (hash, id, grant_id, client_id, scope, aud, issued_at, expires_at, revoked_at, details) \
      select «'x' || #i#», 't' || #i#, case when i % 20 = 7 then null else 'g' || #case when i < 50 then 0 else i end# end, 'app', \
      'openid', 'https://api-' || #0#, $t, $t + 600000, case when i % 3 = 1 then $t end, case when i % 2 = 1 then '{}' end from n",
    ),
    (
        Links,
        "insert into refresh_tokens (hash, id, grant_id, client_id, scope, aud, issued_at, expires_at, revoked_at) \
      select «'x' || #i#», 't' || #i#, 'g' || #i#, 'app', 'openid', 'https://api-' || #0#, $t, $t + 2592000000, \
      case when $open then null else $t end from n",
    ),
    // Step 5.
    (
        Links,
        "insert into events (id, at, kind, client_id, grant_id, sub, seq, detail, pos, positioned_at, aud, account) \
      select 'e1' || #i#, $t, 'grant.created', 'app', 'g' || #i#, 's', 1, '{}', 3 * i + 1, $t, 'https://api-' || #0#, 'acc' from n",
    ),
    (
        Links,
        "insert into events (id, at, kind, client_id, grant_id, sub, seq, detail, pos, positioned_at, aud, account) \
      select 'e2' || #i#, $t, 'token.issued', 'app', case when i % 100 = 0 then 'g' || #0# else 'g' || #i# end, 's', \
      case when i % 100 = 0 then 10 + i else 2 end, '{}', 3 * i + 2, $t, 'https://api-' || #0#, 'acc' from n",
    ),
    (
        Links,
        "insert into events (id, at, kind, client_id, grant_id, sub, seq, detail, pos, positioned_at, aud, account) \
      select 'e3' || #i#, $t + 60000, 'grant.revoked', 'app', 'g' || #i#, 's', 3, '{}', 3 * i + 3, $t, 'https://api-' || #0#, 'acc' \
      from n where not $open",
    ),
    // Refusals and locks: events without a link, the last ones.
    (
        Few(200),
        "insert into events (id, at, kind, client_id, sub, seq, detail, pos, positioned_at, aud) select 'e4' || #i#, \
      $t + 9000000000000, 'account.locked', null, null, 0, '{}', i + 1000000000, $t, '' from n where i < 190 union all \
      select 'e5' || #i#, $t + 9000000000000, 'client.changed', 'api', null, 0, '{}', case when i < 195 then null else i + 1000000000 end, null, '' from n where i >= 190",
    ),
    (Links, "insert into event_audiences (aud, pos) select 'https://api-' || #0#, 3 * i + 1 from n"),
    (
        Few(20),
        "insert into streams (id, client_id, method, endpoint, requested, status, verified, cursor, attempts, next_at, polled_at, \
      owner, leased_until, fence, created_at, updated_at, stopped_at) select 's' || #i#, 'app', 'push', case when i % 2 = 0 then 'https://x' \
      end, '', case when i % 3 = 0 then 'enabled' else 'paused' end, 1, 0, 0, $t, $t, 'node', $t, 1, $t, $t, $t from n",
    ),
    (
        Few(1000),
        "insert into stream_tokens (stream_id, jti, pos, part, grant_id, state, at, dead_at, why) select 's' || #i % 20#, \
      'j' || #i#, case when i % 40 = 0 then 0 else i end, 'p', 'g' || #i#, 'x', $t, case when i % 3 = 0 then $t end, 'w' from n",
    ),
    // Step 6: most notices were sent; the others wait for a day at most.
    (
        Links,
        "insert into notices (id, kind, grant_id, sealed, state, attempts, next_at, created_at, done_at, since, facts, consent_id, \
      erase_from) select 'n' || #i#, case when i % 2 = 0 then 'completed' else 'ended' end, 'g' || #i#, \
      case when i % 4 < 2 then «'s'» end, 'sent', 1, null, $t, $t, $t, case when i % 2 = 1 then '{}' end, 'c' || #i#, \
      case when i % 2 = 1 then $t + 8000000000000 end from n where i > 0",
    ),
    (
        Few(300),
        "insert into notices (id, kind, grant_id, sealed, state, attempts, next_at, created_at, done_at, since, facts, consent_id, \
      erase_from, address, address_index, taken_until) select 'a' || #i#, case when i % 2 = 0 then 'completed' else 'ended' end, \
      'g' || #i / 6 * 2#, «'s'», case i % 3 when 0 then 'held' when 1 then 'waiting' else 'failed' end, 1, \
      case when i % 3 = 1 then $t end, $t, case when i % 3 = 2 then $t end, $t, case when i % 2 = 1 then '{}' end, 'c' || #i#, \
      case when i % 2 = 1 then $t + 8000000000000 end, case when i % 3 = 0 then «'a'» end, «'x'», null from n",
    ),
    (
        Links,
        "insert into notice_addresses (grant_id, consent_id, sealed, address_index) select 'g' || #i#, 'c' || #i#, «'s'», \
      «'x' || #i % 7#» from n where $open",
    ),
    (Links, "insert into store_markers (id, at) select 'm' || #i#, $t from n"),
    // The audit record: each link has its own records; one in a hundred is a look of staff, exports of everything are rare.
    (Few(2), "insert into audit_chains (worker, length, head) select 'w' || #i#, 1, «'h'» from n"),
    (
        Links,
        "insert into audit (worker, n, at, actor, action, client_id, interaction, grant_id, account, detail, hash) \
      select 'w' || #0#, 3 * i + 1, $t, 'system', 'grant.created', 'app', #i# || '-id', 'g' || #i#, «'a' || #$a#», '{}', «'h'» from n",
    ),
    (
        Links,
        "insert into audit (worker, n, at, actor, action, client_id, interaction, grant_id, account, detail, hash) \
      select 'w' || #0#, 3 * i + 2, $t, 'system', 'token.issued', 'app', null, case when i % 100 = 0 then 'g' || #0# else 'g' || #i# end, \
      «'a' || #$a#», '{}', «'h'» from n",
    ),
    (
        Links,
        "insert into audit (worker, n, at, actor, action, client_id, interaction, grant_id, account, detail, hash) \
      select 'w' || #1#, 3 * i + 3, $t, case when i % 100 = 1 then 'staff:tanaka' else 'system' end, case when i % 100 = 1 then \
      'staff.grant.shown' else 'grant.revoked' end, 'app', null, 'g' || #i#, «'a' || #$a#», '{}', «'h'» from n where not $open",
    ),
    (
        Few(8),
        "insert into audit (worker, n, at, actor, action, detail, hash) select 'w' || #1#, i + 5000000000, \
      $t + 9000000000000, 'staff:tanaka', 'staff.audit.exported', '{}', «'h'» from n",
    ),
];
