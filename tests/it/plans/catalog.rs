//! What a filled store holds: its tables, the first row of each, and the ends of each column.

use renkei_core::store::{Store, Value};
use std::collections::HashMap;

pub(crate) struct Catalog {
    tables: HashMap<String, HashMap<String, Column>>,
}

struct Column {
    text: bool,
    bytes: bool,
    unique: bool,
    first: Value,
    ends: Option<(i64, i64)>,
}

impl Catalog {
    /// Reads it from a SQLite store; the rows are the same on PostgreSQL.
    pub(crate) async fn of(store: &Store) -> Self {
        let tables = store
            .scan(|tx| {
                let mut tables = HashMap::new();
                for table in tx.rows("select name from sqlite_master where type = 'table' and name not like 'sqlite%'", &[])? {
                    let table = table.text(0)?.to_owned();
                    let asked = |sql: String| -> &'static str { Box::leak(sql.into_boxed_str()) };
                    let unique = tx.rows(
                        asked(format!("select ii.name from pragma_index_list('{table}') il, pragma_index_info(il.name) ii where il.\"unique\" = 1")),
                        &[],
                    )?;
                    let unique = unique.iter().map(|r| r.text(0).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
                    let info = tx.rows(asked(format!("select name, lower(type), pk from pragma_table_info('{table}') order by cid")), &[])?;
                    let keys: Vec<_> = info.iter().filter(|r| r.int(2) != Ok(0)).map(|r| r.text(0).unwrap().to_owned()).collect();
                    let order = if keys.is_empty() { "1".to_owned() } else { keys.join(", ") };
                    let mut columns = HashMap::new();
                    for column in &info {
                        let (name, kind) = (column.text(0)?.to_owned(), column.text(1)?.to_owned());
                        let first = tx.row(asked(format!("select {name} from {table} order by {order} limit 1")), &[])?;
                        let first = first.map_or(Value::Null, |row| match kind.as_str() {
                            "bigint" => row.opt_int(0).unwrap().into(),
                            "text" => row.opt_text(0).unwrap().into(),
                            _ => row.opt_bytes(0).unwrap().into(),
                        });
                        let ends = if kind == "bigint" {
                            let row = tx.row(asked(format!("select min({name}), max({name}) from {table}")), &[])?.unwrap();
                            row.opt_int(0)?.zip(row.opt_int(1)?)
                        } else {
                            None
                        };
                        let column = Column {
                            text: kind == "text",
                            bytes: kind == "blob",
                            unique: keys.contains(&name) || unique.contains(&name),
                            first,
                            ends,
                        };
                        columns.insert(name, column);
                    }
                    tables.insert(table, columns);
                }
                Ok(tables)
            })
            .await
            .unwrap();
        Self { tables }
    }
    fn column(&self, table: &str, column: &str) -> &Column {
        &self.tables[table][column]
    }
    /// The tables that have no row.
    pub(crate) fn empty(&self) -> Vec<String> {
        let is_empty = |columns: &HashMap<String, Column>| columns.values().all(|c| c.first == Value::Null);
        let mut names: Vec<_> = self.tables.iter().filter(|(_, columns)| is_empty(columns)).map(|(name, _)| name.clone()).collect();
        names.sort();
        names
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
    pub(crate) fn below_all(&self, table: &str, column: &str) -> Value {
        let c = self.column(table, column);
        if c.text { "".into() } else if c.bytes { Vec::new().into() } else { c.ends.map_or(0, |(min, _)| min - 1).into() }
    }
    pub(crate) fn above_all(&self, table: &str, column: &str) -> Value {
        let c = self.column(table, column);
        if c.text { "~".into() } else if c.bytes { vec![255].into() } else { c.ends.map_or(0, |(_, max)| max + 1).into() }
    }
    pub(crate) fn lowest(&self, table: &str, column: &str) -> Value {
        let c = self.column(table, column);
        if c.text || c.bytes { self.below_all(table, column) } else { c.ends.map_or(0, |(min, _)| min).into() }
    }
    pub(crate) fn highest(&self, table: &str, column: &str) -> Value {
        let c = self.column(table, column);
        if c.text || c.bytes { self.above_all(table, column) } else { c.ends.map_or(0, |(_, max)| max).into() }
    }
}
