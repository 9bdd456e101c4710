//! Those who listen now. Whoever does not keep up is let go and never waited for: it goes on alone
//! from where it stands.

use super::event::Batch;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Batches that may wait for a follower.
const QUEUE: usize = 8;

#[derive(Default)]
pub struct Followers {
    queues: Vec<mpsc::Sender<Arc<Batch>>>,
}

impl Followers {
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// One more, who hears of everything from now on.
    pub fn add(&mut self) -> mpsc::Receiver<Arc<Batch>> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        self.queues.push(sender);
        receiver
    }

    /// Hands the batch to all of them.
    pub fn tell(&mut self, batch: &Arc<Batch>) {
        self.queues.retain(|queue| queue.try_send(batch.clone()).is_ok());
    }

    /// Forgets those who have left.
    pub fn tidy(&mut self) {
        self.queues.retain(|queue| !queue.is_closed());
    }

    /// Sends all of them on their own way.
    pub fn let_go(&mut self) {
        self.queues.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_does_not_listen_holds_up_nobody() {
        let mut followers = Followers::default();
        let (mut slow, mut quick) = (followers.add(), followers.add());
        let cursor = |n: usize| n.to_string();
        for n in 0..QUEUE * 3 {
            followers.tell(&Arc::new(Batch::at(cursor(n))));
            assert_eq!(quick.try_recv().unwrap().after, cursor(n));
        }
        // It gets what was kept for it, and is then told that there is no more.
        for n in 0..QUEUE {
            assert_eq!(slow.try_recv().unwrap().after, cursor(n));
        }
        assert_eq!(slow.try_recv().err(), Some(mpsc::error::TryRecvError::Disconnected));
        drop(quick);
        followers.tidy();
        assert!(followers.is_empty());
    }
}
