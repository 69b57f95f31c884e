//! Triggers that note each changed row of a watched table. They live in the writer's connection, not in the file.

use crate::store::changes::{Changes, Stripe, WATCHED};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use std::sync::Arc;

/// Makes the triggers. An insert needs none: nobody keeps that a row is not there. `None` for a store without its schema, as some
/// commands open it.
pub(super) fn watched(c: &Connection) -> rusqlite::Result<Option<Arc<Changes>>> {
    for (table, _) in WATCHED {
        if !c.table_exists(None, table)? {
            return Ok(None);
        }
    }
    let changes = Arc::new(Changes::default());
    let noting = changes.clone();
    c.create_scalar_function("renkei_changed", 2, FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS, {
        move |call| {
            let table: u32 = call.get(0)?;
            noting.note(Stripe::at(table, call.get_raw(1).as_bytes()?));
            Ok(true)
        }
    })?;
    for (number, (table, key)) in WATCHED.iter().enumerate() {
        for change in ["update", "delete"] {
            c.execute_batch(&format!(
                "create temp trigger watch_{table}_{change} after {change} on main.{table} \
                 begin select renkei_changed({number}, old.{key}); end"
            ))?;
        }
    }
    Ok(Some(changes))
}
