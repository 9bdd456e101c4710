//! What Redis counts, compared with what it may. It is never the truth, so what it has wrong is forgotten:
//! a count that is missing refuses nobody.

use super::Finding;
use crate::deduct::door::{Count, Door, Kind};
use crate::error::Result;
use crate::store::Session;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// The longest for which a gateway may keep a zero (`--zero-window-ms`).
const ZERO_WINDOW_MAX: Duration = Duration::from_secs(5);
/// Between two looks: a gateway counts its slices anew several times a second.
const BETWEEN: Duration = Duration::from_secs(1);

/// What a holder may have left, by holder, SKU and warehouse.
type Leased = HashMap<(String, String, i32), i64>;

/// None where Redis does not answer.
pub(super) async fn look(
    session: &mut Session,
    door: &Door,
) -> Result<Option<(Vec<Finding>, String)>> {
    let Some((mut findings, counts)) = once(session, door).await? else { return Ok(None) };
    if !findings.is_empty() {
        tokio::time::sleep(BETWEEN).await;
        let Some((again, _)) = once(session, door).await? else { return Ok(None) };
        // A count that moves is one that somebody keeps.
        let again: HashSet<_> = again.iter().map(|g| (&g.key, &g.actual)).collect();
        findings.retain(|f| again.contains(&(&f.key, &f.actual)));
    }
    Ok(Some((findings, format!("Redis ({counts} counts)"))))
}

async fn once(session: &mut Session, door: &Door) -> Result<Option<(Vec<Finding>, usize)>> {
    let Some(counts) = door.counts().await else { return Ok(None) };
    let leased: Leased = session
        .leased_units()
        .await?
        .into_iter()
        .map(|l| ((l.holder, l.sku, l.warehouse_id), l.rest))
        .collect();
    let findings = counts.iter().filter_map(|count| judge(count, &leased)).collect();
    Ok(Some((findings, counts.len())))
}

/// What is wrong with a count, if anything is.
fn judge(count: &Count, leased: &Leased) -> Option<Finding> {
    let (sku, warehouse) = (&count.sku, count.warehouse_id);
    let (kind, subject, most) = match &count.kind {
        Kind::Level => ("redis_level", format!("{sku} in {warehouse}"), 0),
        Kind::Slice(holder) => {
            let key = (holder.clone(), sku.clone(), warehouse);
            let rest = leased.get(&key).copied().unwrap_or(0);
            ("redis_slice", format!("{sku} in {warehouse}, slice of {holder}"), rest)
        }
    };
    let expected = match count.kind {
        Kind::Level => format!("0 for {} s at most", ZERO_WINDOW_MAX.as_secs()),
        Kind::Slice(_) => format!("0 to {most}"),
    };
    let for_ever = count.kind == Kind::Level && count.lasts.is_none_or(|t| t > ZERO_WINDOW_MAX);
    let units = count.units.filter(|units| (0..=most).contains(units));
    if units.is_some() && !for_ever {
        return None;
    }
    let number = count.units.map_or_else(|| "no number".to_owned(), |units| units.to_string());
    let actual = if for_ever { format!("{number} for longer") } else { number };
    Some(Finding { key: Some(count.key.clone()), ..Finding::new(kind, subject, expected, actual) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind, units: Option<i64>, lasts: Option<u64>) -> Option<String> {
        let leased = Leased::from([(("gate".to_owned(), "A".to_owned(), 1), 5)]);
        let lasts = lasts.map(Duration::from_secs);
        let count = Count { key: "k".into(), kind, sku: "A".into(), warehouse_id: 1, units, lasts };
        judge(&count, &leased).map(|finding| finding.actual)
    }

    #[test]
    fn a_level_is_a_zero_that_ends_soon() {
        assert_eq!(found(Kind::Level, Some(0), Some(1)), None);
        assert_eq!(found(Kind::Level, Some(0), Some(60)).unwrap(), "0 for longer");
        assert_eq!(found(Kind::Level, Some(0), None).unwrap(), "0 for longer");
        assert_eq!(found(Kind::Level, Some(7), Some(1)).unwrap(), "7");
        assert_eq!(found(Kind::Level, None, Some(1)).unwrap(), "no number");
    }

    #[test]
    fn a_slice_is_no_more_than_its_leases() {
        let slice = |holder: &str| Kind::Slice(holder.to_owned());
        assert_eq!(found(slice("gate"), Some(5), Some(600)), None);
        assert_eq!(found(slice("gate"), Some(0), None), None);
        assert_eq!(found(slice("gate"), Some(6), Some(600)).unwrap(), "6");
        assert_eq!(found(slice("gate"), Some(-1), Some(600)).unwrap(), "-1");
        assert_eq!(found(slice("gone"), Some(1), Some(600)).unwrap(), "1");
    }
}
