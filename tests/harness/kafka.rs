//! A Kafka of a test's own, played by Kafka's library within this process: brokers that can go away and keep what
//! they have, and somebody who reads all of it while it comes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::Value;

use crate::broker::Takes;

const TOPIC: &str = "events";
/// Each keeps its last 5 MB. By the hash of their names, `SKU 0` to `SKU 19` have one each.
const PARTITIONS: i32 = 74;
const BROKERS: i32 = 3;
const PATIENCE: Duration = Duration::from_secs(120);

/// A cluster and its reader; gone when dropped.
pub struct Kafka {
    cluster: MockCluster<'static, DefaultProducerContext>,
    heard: Arc<Mutex<Vec<Value>>>,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Kafka {
    pub fn start() -> Kafka {
        let cluster = MockCluster::new(BROKERS).expect("a cluster");
        cluster.create_topic(TOPIC, PARTITIONS, BROKERS).expect("a topic");
        let (heard, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let consumer = consumer(&cluster);
        let mut all = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            all.add_partition_offset(TOPIC, partition, Offset::Beginning).expect("a partition");
        }
        consumer.assign(&all).expect("the partitions are there");
        let (keeping, stopped) = (Arc::clone(&heard), Arc::clone(&stop));
        let reader = std::thread::spawn(move || read(&consumer, &keeping, &stopped));
        Kafka { cluster, heard, stop, reader: Some(reader) }
    }

    /// One of its brokers goes away; nobody else leads its partitions meanwhile.
    pub fn lose(&self, broker: i32) {
        self.cluster.broker_down(broker).expect("a broker");
    }

    pub fn regain(&self, broker: i32) {
        self.cluster.broker_up(broker).expect("a broker");
    }

    /// So many messages were ever written.
    fn written(&self) -> usize {
        let asker = consumer(&self.cluster);
        let written = |partition| {
            let (_, next) =
                asker.fetch_watermarks(TOPIC, partition, PATIENCE).expect("Kafka answers");
            usize::try_from(next).expect("not that many")
        };
        (0..PARTITIONS).map(written).sum()
    }
}

impl Takes for Kafka {
    fn target(&self) -> String {
        format!("kafka://{}/{TOPIC}", self.cluster.bootstrap_servers())
    }

    fn kill(&mut self) {
        (1..=BROKERS).for_each(|broker| self.lose(broker));
    }

    async fn resume(&mut self) {
        (1..=BROKERS).for_each(|broker| self.regain(broker));
    }

    /// Of each partition in its order.
    async fn events(&self) -> Vec<Value> {
        let (begun, written) = (Instant::now(), self.written());
        loop {
            let heard = self.heard.lock().expect("no panic").len();
            if heard >= written {
                return self.heard.lock().expect("no panic").clone();
            }
            assert!(begun.elapsed() < PATIENCE, "of {written} messages {heard} come");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn consumer(cluster: &MockCluster<'static, DefaultProducerContext>) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "reader");
    // One that was away is asked for again soon, and nothing that it forgot meanwhile is passed over in silence.
    config.set("reconnect.backoff.max.ms", "100").set("auto.offset.reset", "error");
    config.set("enable.auto.commit", "false").create().expect("a reader")
}

fn read(consumer: &BaseConsumer, heard: &Mutex<Vec<Value>>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        // While brokers are away it says so again and again.
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        let event: Value =
            serde_json::from_slice(message.payload().unwrap_or_default()).expect("a CloudEvent");
        assert_eq!(message.key(), event["subject"].as_str().map(str::as_bytes), "SKUs are keys");
        heard.lock().expect("no panic").push(event);
    }
}
