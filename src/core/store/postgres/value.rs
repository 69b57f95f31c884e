//! Conversion of values to and from PostgreSQL.

use crate::store::tx::Trouble;
use crate::store::{Error, Row, Value};
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

/// A row of PostgreSQL as a row of the store.
pub(super) fn row(row: &tokio_postgres::Row) -> Result<Row, Trouble> {
    (0..row.len()).map(|i| value(row, i)).collect::<Result<_, _>>().map(Row)
}

fn value(row: &tokio_postgres::Row, i: usize) -> Result<Value, Trouble> {
    let read = match *row.columns()[i].type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(i).map(Value::from),
        Type::INT4 => row.try_get::<_, Option<i32>>(i).map(|v| v.map(i64::from).into()),
        Type::BOOL => row.try_get::<_, Option<bool>>(i).map(Value::from),
        Type::BYTEA => row.try_get::<_, Option<&[u8]>>(i).map(Value::from),
        _ => row.try_get::<_, Option<&str>>(i).map(Value::from),
    };
    read.map_err(|_| Trouble::Refused(Error::Column { column: i, expected: "BIGINT, TEXT or BYTES" }))
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let text = [Type::TEXT, Type::VARCHAR, Type::NAME, Type::UNKNOWN];
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(v) if *ty == Type::INT8 => v.to_sql(ty, out),
            Self::Int(v) if *ty == Type::INT4 => i32::try_from(*v)?.to_sql(ty, out),
            Self::Text(v) if text.contains(ty) => v.to_sql(ty, out),
            Self::Bytes(v) if *ty == Type::BYTEA => v.to_sql(ty, out),
            other => Err(format!("{} where the statement wants {ty}", other.kind()).into()),
        }
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}
