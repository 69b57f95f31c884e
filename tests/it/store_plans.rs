//! What statements cost, by counters: a plan that is kept, and a plan that does not visit the whole history.

use crate::support::place::Place;
use crate::support::world::{World, access};
use renkei::store::{Counters, Options};
use std::sync::Arc;

fn counted() -> (World, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    let options = Options { counters: Some(counters.clone()), ..Options::default() };
    (World::at_with(Place::sqlite(), &options), counters)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_prepared_statement_is_not_planned_again() {
    let (w, counters) = counted();
    let (api, app) = (w.api().await, w.app("kakeibo").await);
    let token = access(&w.exchange(&app, &w.allow(&app).await.code).await.unwrap());
    assert!(w.is_active(&api, &token).await);
    let (replanned, steps) = (counters.replanned(), counters.steps());
    for _ in 0..100 {
        assert!(w.is_active(&api, &token).await);
    }
    assert_eq!(counters.replanned() - replanned, 0, "each introspection plans its statements again");
    assert!(counters.steps() > steps, "the counter counts");
    assert_eq!(replanned, 0, "so do the statements that write");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redemption_visits_as_many_rows_however_many_grants_the_app_has() {
    let (w, counters) = counted();
    let app = w.app("kakeibo").await;
    let mut linked = 0;
    let mut costs = Vec::new();
    for links in [20, 400] {
        while linked < links {
            let account = format!("115-ordinary-{linked:07}");
            let allowed = w.allow_with(&app, "openid accounts", &account, World::binding()).await;
            w.exchange(&app, &allowed.code).await.unwrap();
            linked += 1;
        }
        let allowed = w.allow_with(&app, "openid accounts", "115-ordinary-1100026", World::binding()).await;
        let before = counters.steps();
        w.exchange(&app, &allowed.code).await.unwrap();
        costs.push(counters.steps() - before);
        w.end(&allowed.grant, renkei::grant::Reason::Customer).await;
    }
    // One row more is five steps or so: 380 more grants must not be 380 more rows.
    assert!(costs[1] < costs[0] + 50, "{costs:?} steps with 20 and with 400 open grants of the app");
}
