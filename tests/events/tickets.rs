//! Tickets: for those who can send no header.

use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use inventory_tests::gateway::{create_key, key_id, key_of};
use inventory_tests::{Client, Database, Gateway, Pg, Reply, Request, chaos};
use serde_json::{Value, json};

async fn given(client: &Client, wish: Value) -> String {
    let given = client.post("/v1/events/tickets", &wish).await;
    assert_eq!(given.header("cache-control"), Some("no-store"));
    given.is(201)["ticket"].as_str().unwrap().to_owned()
}

/// Whether a stream can be begun with it; the answer where not.
async fn shown(gateway: &Gateway, ticket: &str) -> Option<Reply> {
    gateway.reader.without_key().try_listen(&format!("ticket={ticket}"), None).await.err()
}

#[track_caller]
fn is_refused(refused: Option<Reply>) {
    refused.expect("it is refused").refuses(401, "unauthorized", "");
}

pub async fn a_ticket_opens_one_door(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let gateway = Gateway::with(&db, &["--log", "debug"]).await;
    let other = Gateway::before(&db).await;
    let ticket = given(&gateway.admin, json!({"ttl_seconds": 60})).await;
    let nobody = gateway.reader.without_key();
    let query = format!("ticket={ticket}&topic=StockDeducted&from=beginning");
    let mut listener = nobody.listen(&query, None).await;
    db.operator().await.run("SELECT inventory.deduct('A', 1)").await;
    let heard = listener.event().await;
    // At any gateway, and at the next one at the same place.
    let mut elsewhere = other.reader.without_key().listen(&query, None).await;
    assert_eq!(elsewhere.event().await.data, heard.data);
    let log = gateway.log();
    let address = gateway.address.to_string();
    chaos::kill(gateway.pid());
    let gateway = Gateway::start(&db, Gateway::command_at(&db, &address)).await;
    let mut back = nobody.listen(&query, Some(&heard.id)).await;
    db.operator().await.run("SELECT inventory.deduct('A', 1)").await;
    assert!(back.event().await.number() > heard.number());

    // It is no key: not for what an admin may, and not even for what a reader may elsewhere.
    for request in [
        Request::new("GET", &format!("/v1/warehouses?ticket={ticket}")),
        Request::post(&format!("/v1/events/tickets?ticket={ticket}"), &json!({})),
    ] {
        nobody.send(request).await.refuses(401, "unauthorized", "");
    }
    let told = nobody.with_key(&ticket).get("/v1/warehouses").await;
    told.refuses(401, "unauthorized", "");
    // A key that is given beside it counts.
    let refused = gateway.reader.with_key("inv_wrong").try_listen(&query, None).await;
    is_refused(refused.err());
    for log in [log, gateway.log(), other.log()] {
        assert!(!log.contains(ticket.split('.').nth(1).unwrap()), "the log has a ticket");
    }
}

pub async fn tickets_that_do_not_hold(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.admin().await.run(&create_key("gone", "reader", "")).await;
    let ticket = given(&gateway.reader, json!({})).await;
    assert!(shown(&gateway, &ticket).await.is_none());
    let (said, signature) = ticket.strip_prefix("evt_").unwrap().split_once('.').unwrap();
    let claims: Value = serde_json::from_slice(&BASE64.decode(said).unwrap()).unwrap();
    let forged = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims.clone();
        change(&mut claims);
        assert_ne!(claims["until"], Value::Null);
        format!("evt_{}.{signature}", BASE64.encode(claims.to_string()))
    };
    for (what, text) in [
        ("longer", forged(&|c| c["until"] = json!("2999-01-01T00:00:00Z"))),
        ("another's", forged(&|c| c["holder"]["Key"] = json!(key_id("admin")))),
        ("nobody's", forged(&|c| c["holder"]["Key"] = json!("zzzzzzzz"))),
        (
            "a token's",
            forged(&|c| {
                c["holder"] = json!({"Token": {"id": "jwt:0::x", "name": "x", "role": "admin", "until": null}});
            }),
        ),
        ("unsigned", format!("evt_{said}.")),
        ("cut off", ticket[..ticket.len() - 1].to_owned()),
        ("a key", gateway.reader.key.clone().unwrap()),
        ("nothing", String::new()),
        ("odd", "evt_%00.%ff".to_owned()),
        ("long", "x".repeat(10_000)),
        ("two", format!("{ticket}&ticket={ticket}")),
    ] {
        let refused = shown(&gateway, &text).await;
        assert!(refused.is_some(), "{what}");
        is_refused(refused);
    }
    let brief = given(&gateway.reader, json!({"ttl_seconds": 1})).await;
    let begun = Instant::now();
    while shown(&gateway, &brief).await.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // With the key it was given for it is void.
    let of_gone = given(&gateway.reader.with_key(&key_of("gone")), json!({})).await;
    assert!(shown(&gateway, &of_gone).await.is_none());
    let revoke = format!("SELECT inventory.revoke_api_key('{}')", key_id("gone"));
    db.admin().await.run(&revoke).await;
    while shown(&gateway, &of_gone).await.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it outlives its key");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for odd in [json!({"ttl_seconds": 0}), json!({"ttl_seconds": 86_401}), json!({"more": 1})] {
        let told = gateway.reader.post("/v1/events/tickets", &odd).await;
        told.refuses(422, "invalid_argument", "");
    }
}

pub async fn a_revoked_key_hears_no_more(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::with(&db, &["--event-heartbeat-ms", "50"]).await;
    db.admin().await.run(&create_key("gone", "reader", "")).await;
    let client = gateway.reader.with_key(&key_of("gone"));
    let ticket = given(&client, json!({})).await;
    let mut streams = [
        client.listen("", None).await,
        client.without_key().listen(&format!("ticket={ticket}"), None).await,
    ];
    for stream in &mut streams {
        stream.until_placed().await;
    }
    let revoke = format!("SELECT inventory.revoke_api_key('{}')", key_id("gone"));
    db.admin().await.run(&revoke).await;
    for mut stream in streams {
        while stream.next().await.is_some() {}
    }
}

const SECRET: &str = "a-secret-of-tokens-that-is-long-enough";

fn token(header: &Value, seconds: i64, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let exp = i64::try_from(now).unwrap() + seconds;
    let claims = json!({"sub": "ann", "role": "reader", "exp": exp});
    let said =
        format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    format!("{said}.{}", BASE64.encode(sign(said.as_bytes())))
}

pub async fn tickets_for_tokens(pg: Pg) {
    let db = pg.database().await;
    let with_secret = async |db: &Database| Gateway::with(db, &["--jwt-secret", SECRET]).await;
    let (gateway, other) = (with_secret(&db).await, with_secret(&db).await);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let hs256 = |seconds| {
        let sign = |said: &[u8]| hmac::sign(&key, said).as_ref().to_vec();
        token(&json!({"alg": "HS256"}), seconds, sign)
    };
    let ticket = given(&gateway.reader.with_key(&hs256(600)), json!({})).await;
    assert!(shown(&gateway, &ticket).await.is_none());
    assert!(shown(&other, &ticket).await.is_none());
    assert!(!ticket.contains("ann"), "it is not for eyes");
    // It does not outlive the token.
    let brief = given(&gateway.reader.with_key(&hs256(1)), json!({})).await;
    let begun = Instant::now();
    while shown(&gateway, &brief).await.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it outlives its token");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // Who only knows public keys has nothing to sign with, unless it is given something.
    let pair = Ed25519KeyPair::generate().unwrap();
    let jwks = tempfile::NamedTempFile::new().unwrap();
    let public = BASE64.encode(pair.public_key().as_ref());
    let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "e", "x": public}]});
    std::fs::write(jwks.path(), keys.to_string()).unwrap();
    let file = jwks.path().to_str().unwrap();
    let bare = Gateway::with(&db, &["--jwks-file", file]).await;
    let signed = Gateway::with(&db, &["--jwks-file", file, "--ticket-secret", SECRET]).await;
    let sign = |said: &[u8]| pair.sign(said).as_ref().to_vec();
    let eddsa = token(&json!({"alg": "EdDSA", "kid": "e"}), 600, sign);
    let client = bare.reader.with_key(&eddsa);
    let refused = client.post("/v1/events/tickets", &json!({})).await;
    refused.refuses(403, "forbidden", "--ticket-secret");
    let ticket = given(&signed.reader.with_key(&eddsa), json!({})).await;
    assert!(shown(&signed, &ticket).await.is_none());
    is_refused(shown(&bare, &ticket).await);
}
