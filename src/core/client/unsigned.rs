//! Records that ask for a signature of ours with an algorithm that is no longer configured (`keys.algorithms`). A server does not start
//! with them: each of their links would fail at its last step.

use super::{Client, ClientId, Status, sql};
use crate::keys::jose::Alg;
use crate::store::{Result, Tx};

/// How many records are read at a time.
const BATCH: i64 = 500;
/// How many clients an error names. Once they are changed, the next start names more.
const NAMED: usize = 100;

/// Which clients ask for a signature with another algorithm than `algs`, as text for an operator; `None` if there is none.
pub fn unsigned(tx: &mut Tx<'_, '_>, algs: &[Alg]) -> Result<Option<String>> {
    let (mut names, mut after): (Vec<String>, Option<ClientId>) = (Vec::new(), None);
    loop {
        let clients = sql::list(tx, after.as_ref(), BATCH)?;
        let Some(last) = clients.last() else { break };
        after = Some(last.id.clone());
        let asks = |client: &Client| wanted(client).find(|alg| !algs.contains(alg));
        names.extend(clients.iter().filter_map(|client| Some(format!("{} ({})", client.id, asks(client)?))));
        if names.len() > NAMED {
            names.truncate(NAMED);
            names.push("and more".into());
            break;
        }
    }
    let names = names.join(", ");
    Ok((!names.is_empty()).then(|| {
        format!(
            "lacks what these clients registered: {names}. Add the algorithm, or import another record for each client"
        )
    }))
}

/// The algorithms of our signatures for a client that may still get one.
fn wanted(client: &Client) -> impl Iterator<Item = Alg> {
    let lives = client.status != Status::Ended;
    // The default of signed answers, which any app may ask for (JARM §3).
    let usual = if client.profile.is_fapi() { Alg::Es256 } else { Alg::Rs256 };
    let app = [client.id_token_alg, client.authorization_response_alg.unwrap_or(usual)];
    let id_token = app.into_iter().filter(move |_| lives && client.profile.is_app());
    let others = [client.userinfo_alg, client.introspection_alg];
    id_token.chain(others.into_iter().flatten().filter(move |_| lives))
}
