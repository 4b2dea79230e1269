//! What IoTPy's users ask of streams and buffers themselves: here a stream is not kept, who looks back keeps it.

use serde_json::{Value, json};
use thalweg::prelude::*;

use crate::judge::{Case, plain};
use crate::vector::Json;

pub const CASES: &[Case] = &[
    plain(&["stream_queries"], |v| {
        let mut recent = Recent::new(100);
        recent.extend(v.param::<Vec<(i64, u32)>>("stream"));
        let list = |items: &mut dyn Iterator<Item = &(i64, u32)>| items.map(|x| x.json()).collect::<Value>();
        let from = |column: i64| match recent.first_not(|x| x.0 < column) {
            Some(index) => list(&mut recent.since(index)),
            None => json!([]),
        };
        let index = |column: i64| recent.first_not(|x| x.0 < column).map_or(json!(-1), |i| json!(i));
        let empty = Recent::<i64>::new(1);
        named([
            ("get_latest", recent.latest().unwrap().json()),
            ("get_latest_index", json!(recent.count() - 1)),
            ("get_last_n(2)", list(&mut recent.last(2))),
            ("get_last_n(9)", list(&mut recent.last(9))),
            ("get_elements_after_index(2)", json!([2, list(&mut recent.since(2))])),
            ("get_elements_after_index(4)", json!([4, list(&mut recent.since(4))])),
            ("contents_after_column_value(0,3)", from(3)),
            ("contents_after_column_value(0,8)", from(8)),
            ("index_for_column_value(0,4)", index(4)),
            ("index_for_column_value(0,99)", index(99)),
            ("len", json!(recent.count())),
            ("empty_get_latest", json!(empty.latest().copied().unwrap_or(0))),
        ])
    }),
    // The trace has IoTPy's places in its array beside each result; what a user sees is the result and the number.
    plain(&["circular_buffer"], |v| {
        let mut recent = Recent::new(v.param::<u64>("max_size") as usize);
        let trace = v.recorded()[TRACE].as_array().unwrap().clone();
        let rows = trace.iter().map(|row| {
            let operation = row[0].as_str().unwrap();
            json!([operation, operate(&mut recent, operation), recent.len()])
        });
        named([(TRACE, rows.collect())])
    })
    .instead("IoTPy's buffer gives too little when it is read across its end; and where items lie is nobody's concern", |v| {
        let trace = v.recorded()[TRACE].as_array().unwrap().clone();
        let before_the_end = trace.iter().take(9).map(|row| json!([row[0], row[1], row[4]]));
        let after = [
            json!(["read_earliest_n 3", [4, 5, 10], 4]),
            json!(["get_earliest_n 2", [4, 5], 2]),
            json!(["get_all", [10, 11], 0]),
            json!(["get_earliest", null, 0]),
            json!(["delete_all", null, 0]),
        ];
        named([(TRACE, before_the_end.chain(after).collect())])
    }),
    // How many items came, and the newest: what may be asked of a bounded buffer, whatever it keeps in which place.
    plain(&["stream_compaction_no_reader", "stream_compaction_with_reader"], |v| {
        let capacity = v.param::<u64>("num_in_memory");
        let mut recent = Recent::new(capacity as usize);
        let trace = v.fed::<i64>("append").into_iter().map(|x| {
            recent.push(x);
            assert!(recent.first_index() + capacity >= recent.count());
            json!([recent.count(), recent.latest()])
        });
        named([("trace", trace.collect())])
    })
    .instead("which items lie where in memory is nobody's concern: a ring holds what its readers have not read", |v| {
        let recorded = v.recorded();
        let trace = recorded.values().next().unwrap().as_array().unwrap();
        let newest = |row: &Value| row.as_array().unwrap().last().unwrap().as_array().unwrap().last().cloned();
        named([("trace", trace.iter().map(|row| json!([row[0], newest(row)])).collect())])
    }),
];

const TRACE: &str = "trace[op,result,start,end,count]";

fn named<const N: usize>(outputs: [(&str, Value); N]) -> Vec<(String, Value)> {
    outputs
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
}

/// IoTPy's words for a buffer's operations.
fn operate(recent: &mut Recent<i64>, operation: &str) -> Value {
    let taken = |recent: &mut Recent<i64>, n: usize| {
        (0..n)
            .map_while(|_| recent.take_oldest())
            .collect::<Vec<i64>>()
    };
    match operation.split_once(' ').unwrap_or((operation, "")) {
        ("append", x) => {
            recent.push(x.parse().unwrap());
            Value::Null
        }
        ("extend", list) => {
            recent.extend(serde_json::from_str::<Vec<i64>>(list).unwrap());
            Value::Null
        }
        ("read_all", _) => json!(recent.iter().collect::<Vec<_>>()),
        ("read_earliest_n", n) => json!(recent.iter().take(n.parse().unwrap()).collect::<Vec<_>>()),
        ("get_earliest", _) => json!(recent.take_oldest()),
        ("get_earliest_n", n) => json!(taken(recent, n.parse().unwrap())),
        ("get_all", _) => json!(taken(recent, usize::MAX)),
        ("delete_all", _) => {
            recent.clear();
            Value::Null
        }
        (other, _) => panic!("no such operation: {other}"),
    }
}
