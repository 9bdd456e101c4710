//! First expired, first out.

use crate::book::Row;
use crate::time::Day;

/// Which rows give how much so that `wanted` units leave: the lot that expires first, then the one
/// received first; never an expired one. Nothing when all of them together do not suffice.
pub fn pick(rows: &[Row], wanted: i64, today: Day) -> Option<Vec<(usize, i64)>> {
    let mut order: Vec<usize> =
        (0..rows.len()).filter(|&i| rows[i].free() > 0 && !rows[i].expired(today)).collect();
    order.sort_by_key(|&i| rank(&rows[i]));
    let mut left = wanted;
    let mut picked = Vec::new();
    for i in order {
        if left == 0 {
            break;
        }
        let take = left.min(rows[i].free());
        picked.push((i, take));
        left -= take;
    }
    (left == 0).then_some(picked)
}

/// Rows in the order in which they give: a date before none, the earlier date, the earlier receipt.
pub fn rank(row: &Row) -> impl Ord + use<> {
    (row.expires_on.is_none(), row.expires_on, row.received_at, row.lot.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Label;
    use crate::time::Moment;
    use proptest::prelude::*;

    fn row(lot: &str, on_hand: i64, expires_on: Option<i32>, received: i64) -> Row {
        let lot = Label::optional("lot", Some(lot)).unwrap();
        Row { on_hand, ..Row::new(lot, expires_on.map(Day), Moment(received)) }
    }

    #[test]
    fn splits_over_lots_by_expiry_then_receipt() {
        let rows = [
            row("none", 9, None, 0),
            row("late", 5, Some(20), 0),
            row("second", 5, Some(10), 2),
            row("first", 5, Some(10), 1),
            row("gone", 5, Some(9), 0),
        ];
        assert_eq!(pick(&rows, 12, Day(10)), Some(vec![(3, 5), (2, 5), (1, 2)]));
        assert_eq!(pick(&rows, 24, Day(10)).map(|p| p.len()), Some(4));
        assert_eq!(pick(&rows, 25, Day(10)), None);
    }

    proptest! {
        #[test]
        fn picks_exactly_what_is_wanted_or_nothing(
            stock in prop::collection::vec((0i64..20, prop::option::of(0i32..20), 0i64..5), 0..8),
            wanted in 1i64..60, today in 0i32..20,
        ) {
            let rows: Vec<Row> = stock.iter().enumerate()
                .map(|(i, &(n, day, at))| row(&format!("L{i}"), n, day, at)).collect();
            let free: i64 = rows.iter().filter(|r| !r.expired(Day(today))).map(Row::free).sum();
            match pick(&rows, wanted, Day(today)) {
                None => prop_assert!(free < wanted),
                Some(picked) => {
                    prop_assert_eq!(picked.iter().map(|p| p.1).sum::<i64>(), wanted);
                    for (i, take) in picked {
                        prop_assert!(take >= 1 && take <= rows[i].free() && !rows[i].expired(Day(today)));
                    }
                }
            }
        }
    }
}
