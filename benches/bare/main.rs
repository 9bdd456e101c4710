//! A bare axum answer: what the gateway is measured against. It reads a body of JSON and says a line of it.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use tokio::net::TcpListener;

/// As long as the gateway's.
const ANSWER: &str = r#"{"order_no":"20240520123001001000001","lines":[{"sku":"SKU-000001","quantity":1,"warehouse_id":1,"on_hand":999999999,"available":999999999}],"replayed":false}"#;

async fn answer(_body: Bytes) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], ANSWER)
}

/// Prints the address that it listens on.
#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let router = Router::new().route("/v1/deductions", post(answer)).route("/healthz", get(answer));
    axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))),
        router,
    )
    .await
}
