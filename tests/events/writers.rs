//! A shop that never stops selling.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use inventory_tests::Database;
use tokio::task::JoinHandle;

/// The reason of the last thing that happens.
pub const END: &str = "the end";

/// Sessions that sell, each its own goods in transactions that overlap.
pub struct Writers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    /// A transaction that has written, and is open for as long as the others write.
    late: inventory_tests::Session,
}

impl Writers {
    pub async fn start(db: &Database, sessions: usize) -> Writers {
        let stop = Arc::new(AtomicBool::new(false));
        let skus: Vec<String> = (0..sessions).map(|n| format!("W{n}")).collect();
        let goods: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 1_000_000)).collect();
        db.stock(&goods).await;
        db.stock(&[("LATE", 10), ("END", 10)]).await;
        let mut late = db.operator().await;
        late.run("BEGIN; SELECT inventory.deduct('LATE', 1)").await;
        let mut tasks = Vec::new();
        for sku in skus {
            let (mut session, stop) = (db.operator().await, stop.clone());
            tasks.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    session.run(&format!("BEGIN; SELECT inventory.deduct('{sku}', 1)")).await;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    session
                        .run(&format!("SELECT inventory.adjust('{sku}', 1, 'back'); COMMIT"))
                        .await;
                }
            }));
        }
        Writers { stop, tasks, late }
    }

    /// The one that was open all the time comes last but one.
    pub async fn end(mut self, db: &Database) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        self.late.run("COMMIT").await;
        db.operator().await.run(&format!("SELECT inventory.adjust('END', 1, '{END}')")).await;
    }
}
