//! The OpenAPI document, drawn from the routes and from the catalogue of refusals, and a reading
//! room for it that needs no internet.

use super::document::finished;
use super::problem::{Fault, Kind, type_of};
use crate::serve::app::App;
use axum::Router;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, Ref, RefOr};
use utoipa::{Modify, OpenApi as _, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

pub const DOCUMENT: &str = "/openapi.json";
const PROBLEM: &str = "application/problem+json";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "pg_inventory",
        description = "Stock that is never oversold. A POST with an `Idempotency-Key` is safe to repeat: \
            the answer is the first one again, with `Idempotent-Replayed: true`. Whatever is no 2xx is a \
            problem document (RFC 9457) whose `code` is fixed.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(name = "pg_inventory", url = "https://example.com/pg_inventory")
    ),
    servers((url = "/", description = "This service")),
    security(("key" = [])),
    components(schemas(ProblemDocument)),
    tags(
        (name = "products", description = "What is sold"),
        (name = "warehouses", description = "Where it lies"),
        (name = "stock", description = "How much there is, and corrections"),
        (name = "movements", description = "Goods in, out and across"),
        (name = "reservations", description = "Goods set aside for a while"),
        (name = "orders", description = "Orders and their states"),
        (name = "sagas", description = "Orders of several steps, each undone where a later one is refused"),
        (name = "events", description = "What happens, as it happens, and what others were told of it"),
        (name = "repairs", description = "What a check found, and what a person decided of it"),
        (name = "service", description = "The service itself")
    ),
    modifiers(&Bearer)
)]
struct Frame;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key of `inventory key create`, or a JSON Web Token"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer));
        let ticket = ApiKeyValue::with_description("ticket", "For clients that can send no header");
        let ticket = SecurityScheme::ApiKey(ApiKey::Query(ticket));
        components.add_security_scheme("ticket", ticket);
    }
}

/// The document without its routes.
pub fn frame() -> OpenApi {
    Frame::openapi()
}

/// What stands in every answer that is no 2xx.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code)]
struct ProblemDocument {
    /// `/errors/` and the code with hyphens
    #[schema(example = "/errors/insufficient-stock")]
    r#type: String,
    title: String,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    #[schema(example = "requested 10 units, available: 3")]
    detail: String,
    instance: String,
    #[schema(example = "insufficient_stock")]
    code: String,
    trace_id: String,
    /// Whether the same request may succeed later
    retryable: bool,
    #[schema(required = false, nullable = false)]
    sku: Option<String>,
    #[schema(required = false, nullable = false)]
    requested: Option<i64>,
    #[schema(required = false, nullable = false)]
    available: Option<i64>,
    #[schema(required = false, nullable = false)]
    errors: Option<Vec<Wrong>>,
}

#[derive(ToSchema)]
#[schema(as = FieldError)]
#[allow(dead_code)]
struct Wrong {
    pointer: String,
    detail: String,
}

/// What every route that asks for a key may answer.
const ANYWHERE: [Fault; 9] = [
    Fault::AddressTooLong,
    Fault::HeadTooLarge,
    Fault::Unauthorized,
    Fault::Forbidden,
    Fault::RateLimited,
    Fault::Internal,
    Fault::Overloaded,
    Fault::Away,
    Fault::Conflict,
];
/// And every one that takes a body.
const WITH_BODY: [Fault; 4] =
    [Fault::Unreadable, Fault::Timeout, Fault::TooLarge, Fault::MediaType];

/// Answers for `#[utoipa::path(responses(…))]`: those of `codes`, and of the faults that go with a
/// route.
pub fn responses(
    codes: &[inventory_core::Code],
    body: bool,
    more: &[Fault],
) -> BTreeMap<String, RefOr<Response>> {
    let faults = ANYWHERE.iter().chain(if body { &WITH_BODY[..] } else { &[] }).chain(more);
    let common = [inventory_core::Code::InvalidArgument, inventory_core::Code::NotInstalled];
    let all =
        codes.iter().chain(&common).copied().map(Kind::from).chain(faults.copied().map(Kind::from));
    let mut by_status: BTreeMap<u16, Vec<Kind>> = BTreeMap::new();
    for kind in all {
        let kinds = by_status.entry(kind.status).or_default();
        if kinds.iter().all(|there| there.code != kind.code) {
            kinds.push(kind);
        }
    }
    by_status.into_iter().map(|(status, kinds)| (status.to_string(), of(&kinds).into())).collect()
}

fn of(kinds: &[Kind]) -> Response {
    let titles: Vec<String> =
        kinds.iter().map(|kind| format!("`{}`: {}", kind.code, kind.title)).collect();
    let examples = kinds.iter().map(|kind| {
        let example =
            utoipa::openapi::example::ExampleBuilder::new().value(Some(example(kind))).build();
        (kind.code.to_owned(), RefOr::T(example))
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .examples_from_iter(examples)
        .build();
    ResponseBuilder::new().description(titles.join("; ")).content(PROBLEM, content).build()
}

fn example(kind: &Kind) -> Value {
    json!({
        "type": type_of(kind.code), "title": kind.title, "status": kind.status, "detail": kind.title,
        "instance": "/v1", "code": kind.code, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "retryable": matches!(kind.status, 408 | 429 | 503),
    })
}

/// Names the refusals of a route once, for its document.
macro_rules! refusals {
    ($name:ident $(, body = $body:literal)? $(, codes = [$($code:ident),*])? $(, faults = [$($fault:ident),*])?) => {
        struct $name;
        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                $crate::http::docs::responses(
                    &[$($(inventory_core::Code::$code),*)?],
                    false $(|| $body)?,
                    &[$($($crate::http::problem::Fault::$fault),*)?],
                )
            }
        }
    };
}
pub(crate) use refusals;

/// The document as it is served, and the pages that show it.
pub fn routes(document: OpenApi) -> Router<Arc<App>> {
    let config = Config::from(DOCUMENT).validator_url("none").persist_authorization(false);
    SwaggerUi::new("/docs").config(config).external_url_unchecked(DOCUMENT, whole(document)).into()
}

/// For `inventory openapi`.
pub fn document() -> Value {
    whole(super::routes().split_for_parts().1)
}

fn whole(document: OpenApi) -> Value {
    finished(serde_json::to_value(document).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::{FieldError, kinds};

    #[test]
    fn every_kind_of_problem_is_in_the_document() {
        let text = document().to_string();
        for kind in kinds() {
            // What no documented route can answer with.
            if ["not_found", "method_not_allowed"].contains(&kind.code) {
                continue;
            }
            assert!(text.contains(&format!("\"{}\"", kind.code)), "{}", kind.code);
        }
    }

    #[test]
    fn fields_are_named_as_the_document_says() {
        let wrong = serde_json::to_value(FieldError { pointer: "/a".into(), detail: "b".into() });
        assert_eq!(wrong.unwrap(), json!({"pointer": "/a", "detail": "b"}));
    }
}
