//! Whether a request that cannot succeed now did so before: only the database knows, and it is asked for
//! many at once. That costs a look into an index, where to decide such a request again costs the lock of
//! a row that a crowd wants, and a commit.

use super::switch::Switch;
use crate::error::Result;
use crate::store::Pool;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Ids a statement at most.
const IDS_MAX: usize = 1_000;

pub struct Repeats {
    questions: mpsc::Sender<Question>,
}

struct Question {
    request_id: Uuid,
    answer: oneshot::Sender<bool>,
}

impl Repeats {
    /// At most `depth` questions wait. What answers them ends when this is gone.
    pub fn open(pool: Pool, breaker: Arc<Switch>, depth: usize) -> (Repeats, JoinHandle<()>) {
        let (questions, asked) = mpsc::channel(depth);
        (Repeats { questions }, tokio::spawn(answer(pool, breaker, asked)))
    }

    /// False only where the database said, after the call began, that it knows of no such request.
    pub async fn may_be(&self, request_id: Uuid) -> bool {
        let (answer, answered) = oneshot::channel();
        match self.questions.try_send(Question { request_id, answer }) {
            Ok(()) => answered.await.unwrap_or(true),
            Err(_) => true,
        }
    }
}

async fn answer(pool: Pool, breaker: Arc<Switch>, mut asked: mpsc::Receiver<Question>) {
    let mut questions = Vec::with_capacity(IDS_MAX);
    while asked.recv_many(&mut questions, IDS_MAX).await > 0 {
        let ids: Vec<Uuid> = questions.iter().map(|question| question.request_id).collect();
        let known = match breaker.ask() {
            Ok(pass) => {
                let known = look_up(&pool, &ids).await;
                breaker.tell(pass, &known);
                known.ok()
            }
            Err(_) => None,
        };
        for Question { request_id, answer } in questions.drain(..) {
            let _ = answer.send(known.as_ref().is_none_or(|known| known.contains(&request_id)));
        }
    }
}

async fn look_up(pool: &Pool, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
    pool.session().await?.remembered_requests(ids).await
}
