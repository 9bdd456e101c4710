//! A service that takes part in sagas: accounts with balances, charged and refunded once a step, with
//! faults on demand. It is also the example of what a participant must do.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::dice::Dice;

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Carried out at once.
    None,
    /// Carried out once the test lets it go; whoever asked may have gone by then.
    Slow,
    /// 500, and nothing is done.
    Fails,
    /// 409, and it is never done.
    Refuses,
    /// 425, and nothing is done yet.
    Works,
    /// Carried out twice, answered once.
    Twice,
    /// Nothing is done, and no answer comes.
    Forgets,
    /// Carried out, and no answer comes.
    Silent,
    /// Carried out, and of the answer comes 200 and not all of the rest.
    BreaksOff,
}

/// All of them, for storms.
const FAULTS: [Fault; 7] = [
    Fault::Fails,
    Fault::Refuses,
    Fault::Works,
    Fault::Twice,
    Fault::Forgets,
    Fault::Silent,
    Fault::BreaksOff,
];

/// One call as it came in.
#[derive(Clone, Debug)]
pub struct Asked {
    pub call: String,
    pub key: String,
    pub authorization: Option<String>,
    pub body: Value,
}

/// What a step has come to, ever.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Charged {
        account: String,
        amount: i64,
    },
    Refused,
    /// Refunded, whether it had been charged or not: it will never be charged any more.
    Void,
}

#[derive(Default)]
struct Books {
    balances: HashMap<String, i64>,
    steps: HashMap<String, Step>,
    asked: Vec<Asked>,
    /// By call.
    faults: HashMap<String, VecDeque<Fault>>,
    /// Of a hundred calls so many have a fault.
    storm: Option<(Dice, usize)>,
}

/// A running service; ended when dropped.
pub struct Accounts {
    pub address: SocketAddr,
    books: Arc<Mutex<Books>>,
    gate: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Shop {
    books: Arc<Mutex<Books>>,
    gate: watch::Receiver<bool>,
}

impl Accounts {
    /// With these balances.
    pub async fn open(balances: &[(&str, i64)]) -> Accounts {
        let books = Arc::new(Mutex::new(Books::default()));
        let (gate, closed) = watch::channel(false);
        let shop = Shop { books: books.clone(), gate: closed };
        let router =
            Router::new().route("/saga/{call}", axum::routing::post(asked)).with_state(shop);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        let accounts = Accounts { address, books, gate, serving };
        for (account, balance) in balances {
            accounts.grant(account, *balance);
        }
        accounts
    }

    /// What becomes of the next calls of that name, in their order.
    pub fn next(&self, call: &str, faults: &[Fault]) {
        self.books().faults.entry(call.to_owned()).or_default().extend(faults);
    }

    /// From now on so many of a hundred calls have a fault by chance.
    pub fn storm(&self, seed: u64, percent: usize) {
        self.books().storm = Some((Dice::new(seed), percent));
    }

    pub fn calm(&self) {
        self.books().storm = None;
    }

    /// Slow calls are carried out now, and from now on.
    pub fn let_go(&self) {
        let _ = self.gate.send(true);
    }

    /// Slow calls wait again.
    pub fn hold_back(&self) {
        let _ = self.gate.send(false);
    }

    /// Sets a balance.
    pub fn grant(&self, account: &str, balance: i64) {
        self.books().balances.insert(account.to_owned(), balance);
    }

    pub fn balance(&self, account: &str) -> i64 {
        self.books().balances.get(account).copied().unwrap_or_default()
    }

    /// Calls that came in, in their order.
    pub fn asked(&self) -> Vec<Asked> {
        self.books().asked.clone()
    }

    /// Calls of that name.
    pub fn count(&self, call: &str) -> usize {
        self.books().asked.iter().filter(|asked| asked.call == call).count()
    }

    /// Steps that are charged and not refunded.
    pub fn charged(&self) -> usize {
        let charged = |step: &&Step| matches!(step, Step::Charged { .. });
        self.books().steps.values().filter(charged).count()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        locked(&self.books)
    }
}

impl Drop for Accounts {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn locked(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn asked(
    State(mut shop): State<Shop>,
    Path(call): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let fault = {
        let mut books = locked(&shop.books);
        books.asked.push(Asked {
            call: call.clone(),
            key: text("idempotency-key").unwrap_or_default().to_owned(),
            authorization: text("authorization").map(str::to_owned),
            body: body.clone(),
        });
        books.fault(&call)
    };
    match fault {
        Fault::None => locked(&shop.books).carry_out(&call, &body),
        Fault::Twice => {
            locked(&shop.books).carry_out(&call, &body);
            locked(&shop.books).carry_out(&call, &body)
        }
        Fault::Slow => {
            // Not within the request, which ends when whoever asked goes away.
            let late = tokio::spawn(async move {
                let _ = shop.gate.wait_for(|open| *open).await;
                locked(&shop.books).carry_out(&call, &body)
            });
            late.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
        }
        Fault::Fails => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Fault::Works => StatusCode::TOO_EARLY.into_response(),
        Fault::Refuses => locked(&shop.books).refuse(&call, &body),
        Fault::Forgets => std::future::pending().await,
        Fault::Silent => {
            locked(&shop.books).carry_out(&call, &body);
            std::future::pending().await
        }
        Fault::BreaksOff => {
            let answer = locked(&shop.books).carry_out(&call, &body);
            // What is there is sent while more is waited for.
            let end = async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("broken off"))
            };
            let half = stream::iter([Ok("{")]).chain(stream::once(end));
            let half = Body::from_stream(half);
            if answer.status() == StatusCode::OK { half.into_response() } else { answer }
        }
    }
}

impl Books {
    fn fault(&mut self, call: &str) -> Fault {
        if let Some(fault) = self.faults.get_mut(call).and_then(VecDeque::pop_front) {
            return fault;
        }
        let Some((dice, percent)) = &mut self.storm else { return Fault::None };
        if dice.below(100) < *percent { *dice.pick(&FAULTS) } else { Fault::None }
    }

    /// `charge` and `refund` do what they say; any other call is done without an effect.
    fn carry_out(&mut self, call: &str, body: &Value) -> Response {
        match call {
            "charge" => self.charge(body),
            "refund" => self.refund(body),
            _ => done(json!({})),
        }
    }

    fn charge(&mut self, body: &Value) -> Response {
        let id = body["step_id"].as_str().unwrap_or_default().to_owned();
        match self.steps.get(&id) {
            Some(Step::Charged { amount, .. }) => return done(json!({ "charged": amount })),
            Some(Step::Refused | Step::Void) => return refused("this step will not be charged"),
            None => {}
        }
        let account = body["input"]["account"].as_str().unwrap_or_default().to_owned();
        let amount = body["input"]["amount"].as_i64().unwrap_or_default();
        let balance = self.balances.entry(account.clone()).or_default();
        if *balance < amount {
            self.steps.insert(id, Step::Refused);
            return refused("not enough money");
        }
        *balance -= amount;
        self.steps.insert(id, Step::Charged { account, amount });
        done(json!({ "charged": amount }))
    }

    fn refund(&mut self, body: &Value) -> Response {
        let id = body["step_id"].as_str().unwrap_or_default().to_owned();
        if let Some(Step::Charged { account, amount }) = self.steps.insert(id, Step::Void) {
            *self.balances.entry(account).or_default() += amount;
        }
        done(json!({}))
    }

    /// For good; but what is charged stays charged, and a refund that is refused is not done.
    fn refuse(&mut self, call: &str, body: &Value) -> Response {
        let id = body["step_id"].as_str().unwrap_or_default().to_owned();
        if call == "charge" {
            match self.steps.get(&id) {
                Some(Step::Charged { .. }) => return self.charge(body),
                Some(_) => {}
                None => drop(self.steps.insert(id, Step::Refused)),
            }
        }
        refused("not today")
    }
}

fn done(answer: Value) -> Response {
    axum::Json(answer).into_response()
}

fn refused(why: &str) -> Response {
    (StatusCode::CONFLICT, axum::Json(json!({ "detail": why }))).into_response()
}
