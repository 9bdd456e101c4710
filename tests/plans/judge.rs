//! Whether a plan looks up what it could look up.

use std::collections::BTreeSet;

use serde_json::Value;

/// Tables that have a row a product, lot, hold, order, request or movement. The others stay small.
const GROWING: [&str; 12] = [
    "product",
    "stock",
    "journal",
    "journal_base",
    "request",
    "reservation",
    "reservation_line",
    "lease",
    "orders",
    "order_line",
    "saga",
    "saga_step",
];
/// Rows that a look-up may read in vain: the rest of what has its key, never a part of the table.
const IN_VAIN_MAX: f64 = 100.0;

/// What is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub table: &'static str,
    pub why: String,
}

/// How strictly plans are judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Planner {
    /// A plan may be kept until its tables have grown: a scan is one, however small the table.
    Keeps,
    /// Made for this very statement: a table without a row may be scanned.
    Asks,
}

pub fn faults(plan: &Value, planner: Planner) -> Vec<Fault> {
    let mut judge = Judge { planner, leaves: BTreeSet::new(), faults: Vec::new() };
    judge.look(plan, false);
    if judge.leaves.len() > 1 {
        let why = format!("{} leaves", judge.leaves.len());
        judge.faults.push(Fault { table: "stock", why });
    }
    judge.faults
}

struct Judge {
    planner: Planner,
    /// Of stock, that were read.
    leaves: BTreeSet<String>,
    faults: Vec<Fault>,
}

impl Judge {
    /// `ordered`: what is above takes rows as they come, and stops when it has enough.
    fn look(&mut self, node: &Value, ordered: bool) {
        let kind = text(node, "Node Type");
        if let Some(table) = grown_table(node)
            && number(node, "Actual Loops", 1.0) > 0.0
        {
            if table == "stock" {
                self.leaves.insert(text(node, "Relation Name").to_owned());
            }
            let why = self.fault(node, kind, ordered);
            self.faults.extend(why.map(|why| Fault { table, why: format!("{kind} {why}") }));
        }
        let ordered = match kind {
            "Limit" => true,
            "Sort" | "Hash" | "Materialize" | "ModifyTable" => false,
            // May take all of it to find what it joins.
            "Nested Loop" | "Merge Join" | "Hash Join" => false,
            "Aggregate" => ordered && text(node, "Strategy") == "Sorted",
            _ => ordered,
        };
        for child in node["Plans"].as_array().into_iter().flatten() {
            let fed = !matches!(text(child, "Parent Relationship"), "SubPlan" | "InitPlan");
            self.look(child, ordered && fed);
        }
    }

    fn fault(&self, node: &Value, kind: &str, ordered: bool) -> Option<String> {
        let conditions = ["Index Cond", "Recheck Cond", "TID Cond"];
        let in_vain = number(node, "Rows Removed by Filter", 0.0);
        if !conditions.iter().any(|condition| node[*condition].is_string()) {
            let nothing = in_vain == 0.0 && number(node, "Actual Rows", 0.0) == 0.0;
            let well =
                ordered && kind.starts_with("Index") || nothing && self.planner == Planner::Asks;
            return (!well).then(|| format!("of all of it, {}", text(node, "Index Name")));
        }
        // Blocks are gone through row by row, but only so many at a time.
        let by_block = kind == "Tid Range Scan";
        (in_vain > IN_VAIN_MAX && !by_block)
            .then(|| format!("of {in_vain} rows in vain: {}", node["Filter"]))
    }
}

fn text<'n>(node: &'n Value, name: &str) -> &'n str {
    node[name].as_str().unwrap_or_default()
}

fn number(node: &Value, name: &str, otherwise: f64) -> f64 {
    node[name].as_f64().unwrap_or(otherwise)
}

/// The growing table that a node scans, be it by a leaf or partition.
fn grown_table(node: &Value) -> Option<&'static str> {
    let scans = text(node, "Node Type").ends_with("Scan") && text(node, "Schema") == "inventory";
    let name = text(node, "Relation Name");
    let table = match name.split_once('_') {
        Some(("stock", _)) => "stock",
        Some(("journal", part)) if part != "base" => "journal",
        _ => name,
    };
    GROWING.into_iter().find(|growing| scans && *growing == table)
}
