//! Somebody who listens to `/v1/events`, and what they must have heard in the end.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::Value;

use crate::database::Database;
use crate::http::{Client, Connection, Reply, Request};

/// No event takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a stream says at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub id: String,
    /// The topic, or `position`, or `problem`.
    pub event: String,
    pub data: Value,
}

impl Told {
    /// Of an event its id in the journal.
    pub fn number(&self) -> Option<i64> {
        self.data["id"].as_i64()
    }
}

/// An open stream.
pub struct Listener {
    pub line: Connection,
    pub head: Reply,
    text: String,
    told: VecDeque<Told>,
    /// Behind all that was taken out.
    pub place: String,
    /// Signs of life.
    pub beats: usize,
}

impl Client {
    /// Begins to listen; `query` is what stands behind the question mark.
    pub async fn listen(&self, query: &str, after: Option<&str>) -> Listener {
        match self.try_listen(query, after).await {
            Ok(listener) => listener,
            Err(refused) => panic!("/v1/events?{query}: {} {}", refused.status, refused.text()),
        }
    }

    /// For streams that may be refused.
    pub async fn try_listen(&self, query: &str, after: Option<&str>) -> Result<Listener, Reply> {
        let mut request = Request::new("GET", &format!("/v1/events?{query}"));
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        let mut line = Connection::open(self.address).await.expect("the gateway listens");
        let mut head = line.ask(&self.signed(&request)).await.expect("the gateway answers");
        if head.status != 200 {
            line.read_body(&mut head).await.expect("an answer");
            return Err(head);
        }
        let (text, told) = (String::new(), VecDeque::new());
        Ok(Listener { line, head, text, told, place: after.unwrap_or("").to_owned(), beats: 0 })
    }
}

impl Listener {
    /// What is said next, None when the stream ends as streams should; fails the test after a minute.
    pub async fn next(&mut self) -> Option<Told> {
        match self.try_next().await {
            Ok(told) => told,
            Err(cause) => panic!("the stream broke off: {cause}"),
        }
    }

    /// For gateways that may be killed.
    pub async fn try_next(&mut self) -> std::io::Result<Option<Told>> {
        loop {
            if let Some(told) = self.told.pop_front() {
                if !told.id.is_empty() {
                    self.place.clone_from(&told.id);
                }
                return Ok(Some(told));
            }
            let chunk = tokio::time::timeout(PATIENCE, self.line.chunk()).await;
            let silent = |_| panic!("nothing is said for a minute behind {:?}", self.place);
            let Some(chunk) = chunk.unwrap_or_else(silent)? else { return Ok(None) };
            self.text += &String::from_utf8(chunk).expect("UTF-8");
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                self.take(&block);
            }
        }
    }

    fn take(&mut self, block: &str) {
        if block.starts_with(':') {
            self.beats += 1;
        }
        let field = |name: &str| {
            block.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap_or("")
        };
        if !field("data").is_empty() {
            let data = serde_json::from_str(field("data")).expect("JSON in one line");
            let (id, event) = (field("id").to_owned(), field("event").to_owned());
            self.told.push_back(Told { id, event, data });
        }
    }

    /// The next event, whatever positions come before it.
    pub async fn event(&mut self) -> Told {
        loop {
            let told = self.next().await.expect("the stream goes on");
            if told.number().is_some() {
                return told;
            }
        }
    }

    /// Until the stream knows where it stands.
    pub async fn until_placed(&mut self) {
        while self.place.is_empty() {
            self.next().await.expect("the stream goes on");
        }
    }

    /// Events until one of that reason, which the last thing that a test does has.
    pub async fn until(&mut self, reason: &str) -> Vec<Told> {
        let mut heard = Vec::new();
        loop {
            let told = self.event().await;
            let last = told.data["payload"]["reason"] == reason;
            heard.push(told);
            if last {
                return heard;
            }
        }
    }
}

/// Asserts that these are all the journal has, each once, in order for each SKU.
#[track_caller]
pub fn heard_all<'a>(
    who: &'a str,
    heard: &'a [Value],
    db: &'a Database,
) -> impl Future<Output = ()> + use<'a> {
    let place = std::panic::Location::caller();
    async move {
        let written =
            db.owner().await.text("SELECT j.id FROM inventory.journal AS j ORDER BY 1").await;
        let written: Vec<i64> = written.lines().map(|id| id.parse().expect("a number")).collect();
        let mut ids: Vec<i64> =
            heard.iter().map(|event| event["id"].as_i64().expect("an id")).collect();
        let mut last: BTreeMap<&str, i64> = BTreeMap::new();
        for event in heard {
            let (sku, id) =
                (event["sku"].as_str().unwrap_or(""), event["id"].as_i64().unwrap_or(0));
            let before = last.insert(sku, id).unwrap_or(0);
            assert!(
                sku.is_empty() || before < id,
                "at {place}: {who} heard {id} of {sku} after {before}"
            );
        }
        ids.sort_unstable();
        let again: Vec<_> = ids.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(again.is_empty(), "at {place}: {who} heard twice of {again:?}");
        let missed: Vec<_> = written.iter().filter(|id| ids.binary_search(id).is_err()).collect();
        assert!(missed.is_empty(), "at {place}: {who} missed {missed:?}");
        assert_eq!(ids.len(), written.len(), "at {place}: {who} heard of what is not written");
    }
}
