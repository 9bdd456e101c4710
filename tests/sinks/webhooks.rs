use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use inventory_sinks::{Event, Outcome, Settings, Sink, Target};
use inventory_tests::{Pg, Receiver};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::brokers::{arrived, connect, event, events, ids, settings};

const KEY: &[u8] = b"a key of the tests, 32 bytes long";

fn target(receiver: &Receiver) -> String {
    target_at(&receiver.address.to_string())
}

fn target_at(host: &str) -> String {
    format!("webhook+http://:whsec_{}@{host}/hooks/stock?shop=1", BASE64_STANDARD.encode(KEY))
}

/// RFC 2104, from its text.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message);
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c));
    outer.chain_update(inner.finalize()).finalize().to_vec()
}

pub async fn a_webhook_is_signed(_: Pg) {
    let receiver = Receiver::start(|_| "204 No Content".into()).await;
    let mut sink = connect(&target(&receiver)).await.unwrap();
    assert_eq!(sink.deliver(&[event(7)]).await.unwrap(), [Outcome::Delivered]);
    let [post] = &receiver.posts()[..] else { panic!("one event, one request") };
    assert_eq!(post.line, "POST /hooks/stock?shop=1 HTTP/1.1");
    assert_eq!(post.header("content-type"), Some("application/cloudevents+json; charset=utf-8"));
    assert_eq!(post.header("authorization"), None, "the secret stays at home");
    assert_eq!(post.header("webhook-id"), Some("shop-1-7"));
    assert_eq!(post.event()["id"], "shop-1-7");
    let at = post.header("webhook-timestamp").unwrap();
    let age = chrono::Utc::now().timestamp() - at.parse::<i64>().unwrap();
    assert!((0..300).contains(&age), "{at}");
    let message = [b"shop-1-7.", at.as_bytes(), b".", &post.body].concat();
    let signature = format!("v1,{}", BASE64_STANDARD.encode(hmac_sha256(KEY, &message)));
    assert_eq!(post.header("webhook-signature"), Some(signature.as_str()));
}

pub async fn a_webhook_gets_the_events_of_a_sku_in_order(_: Pg) {
    let receiver = Receiver::start(|_| "200 OK".into()).await;
    let mut sink = connect(&target(&receiver)).await.unwrap();
    let events = events(400);
    let outcomes = sink.deliver(&events).await.unwrap();
    assert_eq!(outcomes, vec![Outcome::Delivered; events.len()]);
    let received: Vec<_> = receiver.posts().iter().map(|post| post.event()).collect();
    arrived(ids(&events), &received, false);
}

pub async fn a_webhook_may_refuse_an_event(_: Pg) {
    for status in ["400 Bad Request", "409 Conflict", "410 Gone", "422 Unprocessable", "500 Oh"] {
        let poison = move |post: &inventory_tests::receiver::Post| {
            let poison = post.event()["id"] == "shop-1-1";
            if poison { status.to_owned() } else { "200 OK".into() }
        };
        let receiver = Receiver::start(poison).await;
        let mut sink = connect(&target(&receiver)).await.unwrap();
        let batch = [event(1), event(2), event(21), event(22)];
        let outcomes = sink.deliver(&batch).await.unwrap();
        let [Outcome::Refused(reason), Outcome::Delivered, Outcome::Behind, Outcome::Delivered] =
            &outcomes[..]
        else {
            panic!("{status}: {outcomes:?}")
        };
        assert!(reason.contains(&status[..3]), "{reason}");
        assert_eq!(receiver.posts().len(), 3);
    }
}

pub async fn a_webhook_that_is_away_is_left_alone(_: Pg) {
    for (answer, pause) in [
        ("503 Busy\r\nRetry-After: 7", Some(7)),
        ("429 Slower\r\nRetry-After: 1", Some(1)),
        ("408 Late", None),
        ("500 Broken", None),
        ("401 Who", None),
        ("", None),
    ] {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let receiver = Receiver::start(move |post| {
            counted.fetch_add(1, Ordering::Relaxed);
            let well =
                post.event()["id"] == "shop-1-0" && !"54".contains(&answer[..answer.len().min(1)]);
            if well { "200 OK".into() } else { answer.to_owned() }
        })
        .await;
        let mut sink = connect(&target(&receiver)).await.unwrap();
        let down = sink.deliver(&events(400)).await.unwrap_err();
        assert_eq!(down.retry_after, pause.map(Duration::from_secs), "{answer}: {down}");
        let asked = count.load(Ordering::Relaxed);
        assert!(asked <= 32, "{answer}: asked {asked} times, although it is away");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut sink = connect(&target_at(&nobody.to_string())).await.unwrap();
    let down = sink.deliver(&[event(1)]).await.unwrap_err();
    assert!(down.reason.contains("not reached") && down.decided.is_empty(), "{down}");
}

pub async fn a_webhook_is_not_led_elsewhere(_: Pg) {
    let elsewhere = Receiver::start(|_| "200 OK".into()).await;
    let location = format!("307 Elsewhere\r\nLocation: http://{}/", elsewhere.address);
    let receiver = Receiver::start(move |_| location.clone()).await;
    let mut sink = connect(&target(&receiver)).await.unwrap();
    let down = sink.deliver(&[event(1)]).await.unwrap_err();
    assert!(down.reason.contains("not followed"), "{down}");
    assert_eq!((receiver.posts().len(), elsewhere.posts().len()), (1, 0));
}

/// By name and by number; nobody is connected to.
pub async fn private_addresses_are_not_reached(_: Pg) {
    let receiver = Receiver::start(|_| "200 OK".into()).await;
    let public = Settings { private_addresses: false, ..settings() };
    let port = receiver.address.port();
    for host in ["localhost", "127.0.0.1", "127.1", "0x7f000001", "[::ffff:127.0.0.1]", "[::1]"] {
        let target = Target::parse(&target_at(&format!("{host}:{port}"))).unwrap();
        let down = match Sink::connect(&target, &public).await {
            Ok(mut sink) => sink.deliver(&[event(1)]).await.unwrap_err(),
            Err(down) => down,
        };
        assert!(down.reason.contains("private, loopback or link-local"), "{host}: {down}");
    }
    assert_eq!(receiver.posts().len(), 0);
    let allowed = connect(&target_at(&format!("localhost:{port}"))).await.unwrap();
    assert_eq!({ allowed }.deliver(&[event(1)]).await.unwrap(), [Outcome::Delivered]);
}

/// Who answers without an end takes neither memory nor time.
pub async fn an_endless_answer_ends(_: Pg) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
            });
        }
    });
    let mut sink = connect(&target_at(&address.to_string())).await.unwrap();
    let events: [Event; 3] = [event(1), event(2), event(3)];
    assert_eq!(sink.deliver(&events).await.unwrap(), vec![Outcome::Delivered; 3]);
}

/// The event was taken: sent again for want of the rest it would come for ever.
pub async fn an_answer_without_its_body_is_one(_: Pg) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").await;
            open.push(stream);
        }
    });
    let mut sink = connect(&target_at(&address.to_string())).await.unwrap();
    assert_eq!(sink.deliver(&[event(1)]).await.unwrap(), [Outcome::Delivered]);
}
