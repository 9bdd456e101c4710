use super::*;
use std::fs;
use std::path::PathBuf;

fn sale(lease: Uuid, n: u128) -> Sale {
    Sale {
        token: Uuid::from_u128(1_000 + n),
        lease_id: lease,
        request_id: Uuid::from_u128(2_000 + n),
        sku: "LAMP".into(),
        warehouse_id: 1,
        quantity: 1 + n as i64 % 3,
        operator: Some("ann".into()),
        trace_id: None,
        at_ms: n as i64,
    }
}

fn lease(n: u128, granted: i64) -> LeaseEntry {
    LeaseEntry {
        lease_id: Uuid::from_u128(n),
        sku: "LAMP".into(),
        warehouse_id: 1,
        purpose: "fallback".into(),
        granted,
        generation: 1,
        expires_at_ms: 0,
    }
}

fn completed(n: u128) -> Settlement {
    Settlement::Completed { order_no: format!("{n:023}") }
}

fn open(folder: &Path) -> Ledger {
    Ledger::open(folder, Limits::default()).unwrap()
}

fn newest(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.to_string_lossy().contains("sales-")).max().unwrap()
}

#[tokio::test]
async fn what_was_told_is_there_after_a_restart_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let one = lease(1, 100);
    ledger.lease_taken(one.clone()).await.unwrap();
    for n in 0..5 {
        assert_eq!(ledger.sold(sale(one.lease_id, n)).await.unwrap(), Recorded::New);
    }
    ledger.settled(vec![(sale(one.lease_id, 1).token, completed(1))], 7).await.unwrap();
    drop(ledger);
    let ledger = open(folder.path());
    assert_eq!(ledger.cut(), Cut::default());
    let left: Vec<i64> = ledger.unsettled(one.lease_id, 10).iter().map(|s| s.at_ms).collect();
    assert_eq!(left, [0, 2, 3, 4]);
    assert_eq!(ledger.unsettled(one.lease_id, 2).len(), 2);
    assert_eq!(ledger.waiting(), 4);
    let [standing] = &ledger.leases()[..] else { panic!("one lease") };
    assert_eq!((standing.sold, standing.left()), (9, 91));
    let found = ledger.find(sale(one.lease_id, 1).token).unwrap();
    assert_eq!((found.sale, found.settlement), (sale(one.lease_id, 1), Some(completed(1))));
    assert!(ledger.find(Uuid::nil()).is_none());
    ledger.lease_ended(one.lease_id).await.unwrap();
    assert!(open_again(ledger, folder.path()).leases().is_empty());
}

fn open_again(ledger: Ledger, folder: &Path) -> Ledger {
    drop(ledger);
    open(folder)
}

#[tokio::test]
async fn a_request_is_sold_once() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let first = sale(Uuid::nil(), 1);
    let again = Sale { token: Uuid::from_u128(9), ..first.clone() };
    // At the same time, one after another, and after a restart.
    let both = futures::join!(ledger.sold(first.clone()), ledger.sold(again.clone()));
    assert_eq!((both.0.unwrap(), both.1.unwrap()), (Recorded::New, Recorded::Known(first.token)));
    assert_eq!(ledger.sold(again.clone()).await.unwrap(), Recorded::Known(first.token));
    let ledger = open_again(ledger, folder.path());
    assert_eq!(ledger.sold(again).await.unwrap(), Recorded::Known(first.token));
    assert_eq!(ledger.token_of(first.request_id), Some(first.token));
    assert_eq!(ledger.waiting(), 1);
}

#[tokio::test]
async fn many_share_a_sync_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let sales = (0..2_000).map(|n| ledger.sold(sale(Uuid::nil(), n)));
    let all = futures::future::join_all(sales).await;
    assert!(all.into_iter().all(|recorded| recorded.unwrap() == Recorded::New));
    assert_eq!(open_again(ledger, folder.path()).waiting(), 2_000);
}

/// Wherever the last write was cut off: all before it is there, and work goes on.
#[tokio::test]
async fn a_torn_tail_is_cut_at_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let mut ends = vec![fs::metadata(newest(folder.path())).unwrap().len()];
    // None ends in a zero, which a tail of zeroes would make whole.
    for n in 1..4 {
        ledger.sold(sale(Uuid::nil(), n)).await.unwrap();
        ends.push(fs::metadata(newest(folder.path())).unwrap().len());
    }
    drop(ledger);
    let whole = fs::read(newest(folder.path())).unwrap();
    for cut in ends[0] as usize..=whole.len() {
        for tail in [&b""[..], &[0; 40]] {
            let torn = tempfile::tempdir().unwrap();
            let bytes = [&whole[..cut], tail].concat();
            fs::write(torn.path().join("sales-00000001"), &bytes).unwrap();
            let ledger = open(torn.path());
            let kept = ends.iter().filter(|end| **end <= cut as u64).count() - 1;
            assert_eq!(ledger.waiting(), kept, "cut at {cut}");
            assert_eq!(ledger.cut().bytes, bytes.len() as u64 - ends[kept], "cut at {cut}");
            ledger.sold(sale(Uuid::nil(), 50)).await.unwrap();
            let ledger = open_again(ledger, torn.path());
            assert_eq!(
                (ledger.waiting(), ledger.cut()),
                (kept + 1, Cut::default()),
                "cut at {cut}"
            );
        }
    }
}

#[tokio::test]
async fn a_record_that_is_not_what_was_written_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    ledger.sold(sale(Uuid::nil(), 1)).await.unwrap();
    drop(ledger);
    let path = newest(folder.path());
    let whole = fs::read(&path).unwrap();
    for at in 8..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(open(folder.path()).waiting(), 0, "byte {at}");
        fs::write(&path, &whole).unwrap();
    }
    let mut other = whole.clone();
    other[7] = b'9';
    fs::write(&path, &other).unwrap();
    let refused = Ledger::open(folder.path(), Limits::default());
    assert!(matches!(refused, Err(LedgerError::Damaged(_))), "it is not thrown away");
}

#[tokio::test]
async fn what_is_settled_leaves_the_file_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { compact_at: 4_096, keep_settled: Duration::ZERO, ..Limits::default() };
    let ledger = Ledger::open(folder.path(), limits).unwrap();
    let one = lease(1, 1_000);
    ledger.lease_taken(one.clone()).await.unwrap();
    let mut sold = 0;
    for n in 0..300 {
        let sale = sale(one.lease_id, n);
        sold += sale.quantity;
        ledger.sold(sale.clone()).await.unwrap();
        if n % 10 > 0 {
            ledger.settled(vec![(sale.token, completed(n))], 0).await.unwrap();
        }
    }
    let files = || fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files(), 2, "one file, and the lock");
    assert!(newest(folder.path()) > folder.path().join("sales-00000002"));
    assert!(fs::metadata(newest(folder.path())).unwrap().len() < 20_000);
    let ledger = open_again(ledger, folder.path());
    let left: Vec<i64> = ledger.unsettled(one.lease_id, 100).iter().map(|s| s.at_ms).collect();
    assert_eq!(left, (0..300).step_by(10).collect::<Vec<i64>>());
    assert_eq!(ledger.leases(), [Standing { lease: one, sold }]);
}

#[tokio::test]
async fn only_so_many_settled_sales_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { settled_max: 2, ..Limits::default() };
    let ledger = Ledger::open(folder.path(), limits).unwrap();
    let now = chrono::Utc::now().timestamp_millis();
    for n in 0..5 {
        ledger.sold(sale(Uuid::nil(), n)).await.unwrap();
        if n > 0 {
            let end = (sale(Uuid::nil(), n).token, completed(n));
            ledger.settled(vec![end], now).await.unwrap();
        }
    }
    let known = |n| ledger.find(sale(Uuid::nil(), n).token).is_some();
    assert_eq!([0, 1, 2, 3, 4].map(known), [true, false, false, true, true]);
    assert_eq!(ledger.token_of(sale(Uuid::nil(), 1).request_id), None);
}

/// Between any two steps of beginning a new file.
#[tokio::test]
async fn a_crash_while_a_file_is_begun_anew_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    ledger.sold(sale(Uuid::nil(), 1)).await.unwrap();
    drop(ledger);
    let old = newest(folder.path());
    let whole = fs::read(&old).unwrap();
    // Begun, not yet whole.
    fs::write(folder.path().join("sales-00000002.new"), &whole[..20]).unwrap();
    assert_eq!(open(folder.path()).waiting(), 1);
    assert!(!folder.path().join("sales-00000002.new").exists());
    // Whole, the old one not yet removed.
    fs::write(folder.path().join("sales-00000002"), &whole).unwrap();
    assert_eq!(open(folder.path()).waiting(), 1);
    assert!(!old.exists());
}

#[tokio::test]
async fn a_folder_is_one_gateways() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let second = Ledger::open(folder.path(), Limits::default());
    assert!(matches!(second, Err(LedgerError::Locked(_))));
    drop(ledger);
    open(folder.path());
}
