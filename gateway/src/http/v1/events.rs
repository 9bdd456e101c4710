//! `/v1/events`: what happens, as it happens, as server-sent events.

mod stream;

use super::lines;
use crate::events::{Event, Filter, From, NoSeat, Topic};
use crate::http::access::Reading;
use crate::http::access::ticket::{self, Listener};
use crate::http::docs::refusals;
use crate::http::extract::{MaybeBody, Params};
use crate::http::idempotency::Command;
use crate::http::problem::{Fault, Problem};
use crate::http::trace::TraceId;
use crate::serve::app::App;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::{Extension, Json};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use stream::Listening;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Ten minutes: to begin with, and to come back after a restart.
const TICKET_SECONDS: i64 = 600;
const TICKET_MAX: i64 = 86_400;
/// Seconds after which a place may be free again.
const FULL_FOR: u32 = 10;
/// Characters of a cursor: one names the transactions that were open.
const CURSOR_MAX: usize = 16 * 1024;
/// As people write it; a header's name has no case.
const LAST_EVENT_ID: &str = "Last-Event-ID";

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(listen)).routes(routes!(give_ticket))
}

/// What is asked for: names and values as they stand in the query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
struct ListenParams {
    /// Only these; several with commas between, or one after another
    #[param(style = Form, explode = true)]
    topic: Option<Vec<Topic>>,
    #[param(min_length = 1, max_length = 64)]
    sku: Option<String>,
    #[param(minimum = 1, maximum = 999)]
    warehouse_id: Option<i32>,
    /// From the first event that the journal has; without this and without an id, from now on
    #[param(inline)]
    from: Option<Beginning>,
    /// Go on behind that event, for clients that cannot send the header, which counts before it
    #[param(max_length = 16384)]
    last_event_id: Option<String>,
    /// In place of a key, for clients that cannot send one; `POST /v1/events/tickets` gives it
    #[param(max_length = 2048)]
    ticket: Option<String>,
}

#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(dead_code)]
enum Beginning {
    Beginning,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// For how long a stream can be begun with it; 600 where nothing is said
    #[schema(minimum = 1, maximum = 86400)]
    ttl_seconds: Option<i64>,
}

/// A word that opens `GET /v1/events`, and nothing else
#[derive(Serialize, ToSchema)]
struct Given {
    ticket: String,
    /// Until when a stream can be begun with it; one that is open goes on
    expires_at: DateTime<Utc>,
}

refusals!(ListenRefused);
refusals!(TicketRefused, body = true);

/// What happens, as it happens
///
/// Server-sent events: `event` is the topic, `data` the event as JSON in one line, `id` a cursor. Who comes
/// back with the last id, in the header `Last-Event-ID` as an `EventSource` does by itself, goes on there:
/// nothing is lost and nothing comes twice, at any gateway of the same database. An event `position` comes
/// first and now and then: its `id` stands behind all that happened, also what was not asked for. A comment
/// says that the stream is alive. A stream ends when the service goes down, when the key does no longer
/// hold, and when its client does not take what it says. If the cursor turns out to be void after the stream
/// has begun, a last event `problem` says so.
#[utoipa::path(get, path = "/events", tag = "events", operation_id = "listen",
    security(("key" = []), ("ticket" = [])),
    params(ListenParams, ("Last-Event-ID" = Option<String>, Header, description = "Go on behind that event", max_length = 16384)),
    responses((status = 200, description = "Events without end; each `data` is an Event", body = Event, content_type = "text/event-stream"), ListenRefused))]
async fn listen(
    State(app): State<Arc<App>>,
    Listener(principal): Listener,
    Extension(trace): Extension<TraceId>,
    headers: HeaderMap,
    Params(query): Params<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let (filter, from) = asked(&headers, query)?;
    let seat = app.seats.take(&principal.id).map_err(no_seat)?;
    let follower = app.events.follow(from).await.map_err(|error| match error.refusal() {
        Some(refused) => Problem::invalid(LAST_EVENT_ID, refused.in_short()),
        None => error.into(),
    })?;
    Ok(stream::begin(app, Listening { principal, filter, trace }, seat, follower))
}

fn no_seat(why: NoSeat) -> Problem {
    let problem = match why {
        NoSeat::Full => Problem::new(
            Fault::Overloaded,
            "as many streams of events are open as this service allows; come again, or ask another gateway",
        ),
        NoSeat::Enough => Problem::new(
            Fault::RateLimited,
            "you have as many streams of events open as you may; close one first",
        ),
    };
    problem.retry_after(FULL_FOR)
}

/// What somebody wants to hear, and from where on.
fn asked(headers: &HeaderMap, query: Vec<(String, String)>) -> Result<(Filter, From), Problem> {
    let (mut filter, mut from, mut last) = (Filter::default(), From::Now, None);
    for (name, value) in query {
        match name.as_str() {
            "topic" => {
                for name in value.split(',') {
                    let topic = Topic::parse(name);
                    filter.topics.push(topic.map_err(|why| Problem::invalid("topic", why))?);
                }
            }
            "sku" => filter.sku = lines::asked_sku(Some(value))?,
            "warehouse_id" => {
                let number = value.parse().map_err(|_| {
                    Problem::invalid("warehouse_id", "warehouse_id must be a number")
                })?;
                filter.warehouse_id = lines::asked(Some(number))?;
            }
            "from" if value == "beginning" => from = From::Beginning,
            "from" => return Err(Problem::invalid("from", "from must be beginning")),
            "last_event_id" => last = Some(value),
            "ticket" => {}
            _ => {
                let detail = format!(
                    "there is no parameter {name:?}; there are topic, sku, warehouse_id, from, last_event_id and ticket"
                );
                return Err(Problem::invalid("query", detail));
            }
        }
    }
    let cursor = match headers.get(LAST_EVENT_ID) {
        Some(header) => Some(header.to_str().unwrap_or("\0").to_owned()),
        None => last,
    };
    // An EventSource that has heard nothing yet may send an empty one.
    if let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) {
        if cursor.len() > CURSOR_MAX || !cursor.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Problem::invalid(LAST_EVENT_ID, "that is no id of an event of ours"));
        }
        from = From::After(cursor);
    }
    Ok((filter, from))
}

/// A ticket for those who cannot send a key
///
/// A browser's `EventSource` can send no header: `new EventSource("/v1/events?ticket=…")`. It reads events
/// and does nothing else, at any gateway of the same database, and again after a restart, until it ends.
#[utoipa::path(post, path = "/events/tickets", tag = "events", operation_id = "give_ticket",
    params(("Idempotency-Key" = Option<String>, Header, description = "Taken, and not needed: each call gives a ticket and changes nothing", min_length = 1, max_length = 255)),
    request_body = Option<Wish>, responses((status = 201, body = Given), TicketRefused))]
async fn give_ticket(
    State(app): State<Arc<App>>,
    command: Command<Reading>,
    MaybeBody(wish): MaybeBody<Wish>,
) -> Result<Response, Problem> {
    let seconds = wish.ttl_seconds.unwrap_or(TICKET_SECONDS);
    if !(1..=TICKET_MAX).contains(&seconds) {
        let detail = format!("ttl_seconds must be 1 to {TICKET_MAX}, got {seconds}");
        return Err(command.refuse(Problem::invalid("/ttl_seconds", detail)));
    }
    let expires_at = Utc::now() + TimeDelta::seconds(seconds);
    let ticket = ticket::issue(&app, &command.principal, expires_at)
        .map_err(|problem| command.refuse(problem))?;
    let private = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let given = Json(Given { ticket, expires_at });
    Ok(command.answer((StatusCode::CREATED, private, given), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(query: &str, header: Option<&str>) -> Result<(Filter, From), Problem> {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(LAST_EVENT_ID, HeaderValue::from_str(header).unwrap());
        }
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        asked(&headers, pairs)
    }

    #[test]
    fn several_topics_are_asked_for_either_way() {
        let wanted = vec![Topic::LowStockAlert, Topic::StockDeducted];
        for query in
            ["topic=LowStockAlert,StockDeducted", "topic=LowStockAlert&topic=StockDeducted"]
        {
            assert_eq!(ask(query, None).unwrap().0.topics, wanted, "{query}");
        }
        let (filter, from) = ask("sku=A%2FB&warehouse_id=2&ticket=x", None).unwrap();
        assert_eq!((filter.sku.as_deref(), filter.warehouse_id), (Some("A/B"), Some(2)));
        assert_eq!(from, From::Now);
    }

    #[test]
    fn the_header_counts_first() {
        let from = |query: &str, header| ask(query, header).unwrap().1;
        let after = |cursor: &str| From::After(cursor.to_owned());
        assert_eq!(from("from=beginning", None), From::Beginning);
        assert_eq!(from("from=beginning&last_event_id=1:2", None), after("1:2"));
        assert_eq!(from("from=beginning&last_event_id=1:2", Some("3")), after("3"));
        assert_eq!(from("last_event_id=", Some("")), From::Now);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for query in [
            "topic=Nothing",
            "topic=",
            "topic=LowStockAlert,",
            "sku=",
            "warehouse_id=x",
            "warehouse_id=1000",
            "from=yesterday",
            "colour=red",
            "last_event_id=a%0Ab",
        ] {
            let problem = ask(query, None).unwrap_err();
            assert_eq!(problem.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        }
    }
}
