//! What a filled store holds: its tables, two rows of each, and the ends of each column.

use renkei_core::store::{Result, Row, Store, Tx, Value};
use std::collections::HashMap;

/// Which row of each table is the ordinary one: a link of its own account, open, with few records.
const ORDINARY: i64 = 64;

pub(crate) struct Catalog {
    tables: HashMap<String, HashMap<String, Column>>,
}

struct Column {
    kind: Kind,
    unique: bool,
    first: Value,
    ordinary: Value,
    ends: Option<(i64, i64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Bytes,
}

/// Table, column, type, 1 for a column of the primary key, 1 for a column of a unique index.
const OF_SQLITE: &str = "select t.name, c.name, lower(c.type), c.pk > 0, exists (select 1 from pragma_index_list(t.name) l, \
     pragma_index_info(l.name) i where l.\"unique\" = 1 and i.name = c.name) \
     from sqlite_master t, pragma_table_info(t.name) c where t.type = 'table' and t.name not like 'sqlite%' order by t.name, c.cid";
const OF_POSTGRESQL: &str = "select c.relname::text, a.attname::text, t.typname::text, \
     (select count(*) from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey)), \
     (select count(*) from pg_index i where i.indrelid = c.oid and i.indisunique and a.attnum = any (i.indkey)) \
     from pg_class c join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid \
     where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped order by 1, a.attnum";

impl Catalog {
    pub(crate) async fn of(store: &Store) -> Self {
        let listed = if store.is_postgres() { OF_POSTGRESQL } else { OF_SQLITE };
        let store = store.without_limit(renkei_core::store::NoLimit::AuditVerify);
        Self { tables: store.scan(move |tx| read(tx, listed)).await.unwrap() }
    }
    fn column(&self, table: &str, column: &str) -> &Column {
        &self.tables[table][column]
    }
    /// The tables that have no row.
    pub(crate) fn empty(&self) -> Vec<&str> {
        let is_empty = |columns: &HashMap<String, Column>| columns.values().all(|c| c.first == Value::Null);
        self.tables.iter().filter(|(_, columns)| is_empty(columns)).map(|(name, _)| name.as_str()).collect()
    }
    pub(crate) fn has_table(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }
    pub(crate) fn has(&self, table: &str, column: &str) -> bool {
        self.tables.get(table).is_some_and(|columns| columns.contains_key(column))
    }
    pub(crate) fn is_unique(&self, table: &str, column: &str) -> bool {
        self.column(table, column).unique
    }
    pub(crate) fn first(&self, table: &str, column: &str) -> Value {
        self.column(table, column).first.clone()
    }
    pub(crate) fn ordinary(&self, table: &str, column: &str) -> Value {
        self.column(table, column).ordinary.clone()
    }
    /// A value below, or above, all of the column.
    pub(crate) fn beyond(&self, table: &str, column: &str, above: bool) -> Value {
        let column = self.column(table, column);
        let number = column.ends.map_or(0, |(min, max)| if above { max + 1 } else { min - 1 });
        match column.kind {
            Kind::Number => number.into(),
            Kind::Text => if above { "~" } else { "" }.into(),
            Kind::Bytes => if above { vec![255] } else { Vec::new() }.into(),
        }
    }
    pub(crate) fn is_number(&self, table: &str, column: &str) -> bool {
        self.column(table, column).kind == Kind::Number
    }
    /// The lowest, or highest, value of a column of numbers.
    pub(crate) fn end(&self, table: &str, column: &str, highest: bool) -> Value {
        self.column(table, column).ends.map_or(0, |(min, max)| if highest { max } else { min }).into()
    }
}

fn read(tx: &mut Tx<'_, '_>, listed: &'static str) -> Result<HashMap<String, HashMap<String, Column>>> {
    let listed = tx.rows(listed, &[])?;
    let mut keys: HashMap<&str, Vec<&str>> = HashMap::new();
    for row in &listed {
        let of_table = keys.entry(row.text(0)?).or_default();
        if row.int(3)? > 0 {
            of_table.push(row.text(1)?);
        }
    }
    let mut tables: HashMap<String, HashMap<String, Column>> = HashMap::new();
    for row in &listed {
        let (table, name) = (row.text(0)?, row.text(1)?);
        let kind = match row.text(2)? {
            "bigint" | "int8" => Kind::Number,
            "text" => Kind::Text,
            _ => Kind::Bytes,
        };
        let order = if keys[table].is_empty() { "1".to_owned() } else { keys[table].join(", ") };
        let at = |offset: i64| leaked(format!("select {name} from {table} order by {order} limit 1 offset {offset}"));
        let first = tx.row(at(0), &[])?.map_or(Ok(Value::Null), |row| value(&row, kind))?;
        let ordinary = tx.row(at(ORDINARY), &[])?.map_or(Ok(first.clone()), |row| value(&row, kind))?;
        let ends = match kind {
            Kind::Number => {
                let sql = leaked(format!("select min({name}), max({name}) from {table}"));
                let row = tx.row(sql, &[])?;
                row.map_or(Ok(None), |row| Ok(row.opt_int(0)?.zip(row.opt_int(1)?)))?
            }
            _ => None,
        };
        let column = Column { kind, unique: row.int(4)? > 0, first, ordinary, ends };
        tables.entry(table.to_owned()).or_default().insert(name.to_owned(), column);
    }
    Ok(tables)
}

fn value(row: &Row, kind: Kind) -> Result<Value> {
    Ok(match kind {
        Kind::Number => row.opt_int(0)?.into(),
        Kind::Text => row.opt_text(0)?.into(),
        Kind::Bytes => row.opt_bytes(0)?.into(),
    })
}

fn leaked(sql: String) -> &'static str {
    Box::leak(sql.into_boxed_str())
}
