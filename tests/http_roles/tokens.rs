//! JSON Web Tokens: which hold.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use aws_lc_rs::{hmac, rsa};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use inventory_tests::{Client, Database, Gateway, Pg, User};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::table::may_read;

const SECRET: &str = "a-secret-of-tokens-that-is-long-enough";

/// Who makes tokens.
struct Issuer {
    rsa: RsaKeyPair,
    ed: Ed25519KeyPair,
    /// Both public keys.
    jwks: NamedTempFile,
}

enum With<'s> {
    Hmac(&'s [u8]),
    Rsa,
    Ed,
    Nothing,
}

impl Issuer {
    fn new() -> Issuer {
        let rsa = RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let ed = Ed25519KeyPair::generate().unwrap();
        let jwks = NamedTempFile::new().unwrap();
        let keys = json!({"keys": [
            {"kty": "RSA", "kid": "r1", "use": "sig", "alg": "RS256", "n": text(modulus(&rsa)), "e": "AQAB"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "e1", "x": text(ed.public_key().as_ref())},
        ]});
        std::fs::write(jwks.path(), keys.to_string()).unwrap();
        Issuer { rsa, ed, jwks }
    }

    fn token(&self, header: Value, claims: &Value, with: With<'_>) -> String {
        let said = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
        let signature = match with {
            With::Hmac(key) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, key);
                hmac::sign(&key, said.as_bytes()).as_ref().to_vec()
            }
            With::Rsa => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                let chance = SystemRandom::new();
                self.rsa.sign(&RSA_PKCS1_SHA256, &chance, said.as_bytes(), &mut signature).unwrap();
                signature
            }
            With::Ed => self.ed.sign(said.as_bytes()).as_ref().to_vec(),
            With::Nothing => Vec::new(),
        };
        format!("{said}.{}", text(signature))
    }

    fn hs256(&self, claims: &Value) -> String {
        self.token(json!({"alg": "HS256", "typ": "JWT"}), claims, With::Hmac(SECRET.as_bytes()))
    }

    async fn gateway(&self, db: &Database, more: &[&str]) -> Gateway {
        let file = self.jwks.path().to_string_lossy().into_owned();
        let mut arguments = vec!["--jwt-secret", SECRET, "--jwks-file", &file];
        arguments.extend(more);
        Gateway::with(db, &arguments).await
    }
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Of `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }`, of 2048 bits.
fn modulus(pair: &RsaKeyPair) -> Vec<u8> {
    pair.public_key().as_ref()[9..265].to_vec()
}

fn now() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn claims(role: &str) -> Value {
    json!({"sub": "ann", "role": role, "exp": now() + 600, "iat": now()})
}

async fn may(client: &Client, token: &str) -> bool {
    may_read(&client.with_key(token)).await
}

pub async fn tokens_of_each_algorithm(pg: Pg) {
    let db = pg.database().await;
    let issuer = Issuer::new();
    let gateway = issuer.gateway(&db, &[]).await;
    db.stock(&[("A", 5)]).await;
    let client = &gateway.reader;
    assert!(may_read(client).await, "keys hold beside tokens");
    for (header, with) in [
        (json!({"alg": "HS256"}), With::Hmac(SECRET.as_bytes())),
        (json!({"alg": "HS256", "kid": "any"}), With::Hmac(SECRET.as_bytes())),
        (json!({"alg": "RS256", "kid": "r1"}), With::Rsa),
        (json!({"alg": "RS256"}), With::Rsa),
        (json!({"alg": "EdDSA", "kid": "e1"}), With::Ed),
        (json!({"alg": "EdDSA", "typ": "JWT"}), With::Ed),
    ] {
        let token = issuer.token(header.clone(), &claims("operator"), with);
        assert!(may(client, &token).await, "{header}");
        let sale = json!({"sku": "A", "quantity": 1});
        let sold = client.with_key(&token).post("/v1/receipts", &sale).await;
        sold.is(201);
        let product = client.with_key(&token).put("/v1/products/B", &json!({"name": "B"})).await;
        product.refuses(403, "forbidden", "admin");
    }
    db.owner()
        .await
        .check("SELECT DISTINCT operator FROM inventory.journal WHERE operator IS NOT NULL", "ann")
        .await;
}

/// As while keys are changed: the one of old and the new one both hold, and who made a token may not say
/// which it was.
pub async fn each_key_of_an_algorithm_is_tried(pg: Pg) {
    let db = pg.database().await;
    let (old, new, other) = (Issuer::new(), Issuer::new(), Issuer::new());
    let mut keys: Vec<Value> = Vec::new();
    for (issuer, mark) in [(&old, "old"), (&new, "new"), (&other, "enc")] {
        let file = std::fs::read_to_string(issuer.jwks.path()).unwrap();
        let set: Value = serde_json::from_str(&file).unwrap();
        for key in set["keys"].as_array().unwrap() {
            let mut key = key.clone();
            key["kid"] = json!(format!("{mark}-{}", key["kid"].as_str().unwrap()));
            if mark == "enc" {
                key["use"] = json!("enc");
                key.as_object_mut().unwrap().remove("alg");
            }
            keys.push(key);
        }
    }
    std::fs::write(old.jwks.path(), json!({"keys": keys}).to_string()).unwrap();
    let gateway = old.gateway(&db, &[]).await;
    let good = claims("reader");
    for (issuer, mark, holds) in [(&old, "old", true), (&new, "new", true), (&other, "enc", false)]
    {
        for (alg, id) in [("RS256", "r1"), ("EdDSA", "e1")] {
            let with = || if alg == "RS256" { With::Rsa } else { With::Ed };
            let kid = format!("{mark}-{id}");
            for header in [json!({"alg": alg}), json!({"alg": alg, "kid": kid})] {
                let token = issuer.token(header.clone(), &good, with());
                assert_eq!(may(&gateway.reader, &token).await, holds, "{mark} {header}");
            }
            let wrong = if mark == "old" { "new" } else { "old" };
            let header = json!({"alg": alg, "kid": format!("{wrong}-{id}")});
            let token = issuer.token(header.clone(), &good, with());
            assert!(!may(&gateway.reader, &token).await, "{mark} {header}: that key did not sign");
        }
    }
    gateway.logged_no_failure();
}

pub async fn tokens_that_do_not_hold(pg: Pg) {
    let db = pg.database().await;
    let issuer = Issuer::new();
    let gateway = issuer.gateway(&db, &[]).await;
    let client = &gateway.reader;
    let with = |name: &str, value: Value| {
        let mut changed = claims("admin");
        match value {
            Value::Null => drop(changed.as_object_mut().unwrap().remove(name)),
            value => changed[name] = value,
        }
        issuer.hs256(&changed)
    };
    for (what, token) in [
        ("expired", with("exp", json!(now() - 60))),
        ("for ever", with("exp", Value::Null)),
        ("not a time", with("exp", json!("soon"))),
        ("not yet", with("nbf", json!(now() + 600))),
        ("of nobody", with("sub", Value::Null)),
        ("of an empty name", with("sub", json!(""))),
        ("of a long name", with("sub", json!("x".repeat(65)))),
        ("of a name with a NUL", with("sub", json!("a\u{0}"))),
        ("without role", with("role", Value::Null)),
        ("of another role", with("role", json!("root"))),
        ("of a list of roles", with("role", json!(["admin"]))),
        (
            "with another secret",
            issuer.token(json!({"alg": "HS256"}), &claims("admin"), With::Hmac(b"another")),
        ),
        (
            "with no secret",
            issuer.token(json!({"alg": "HS256"}), &claims("admin"), With::Hmac(b"")),
        ),
        (
            "of another key id",
            issuer.token(json!({"alg": "RS256", "kid": "r2"}), &claims("admin"), With::Rsa),
        ),
        ("unsigned", issuer.token(json!({"alg": "none"}), &claims("admin"), With::Nothing)),
        ("Unsigned", issuer.token(json!({"alg": "None"}), &claims("admin"), With::Nothing)),
        (
            "without signature",
            issuer.token(json!({"alg": "HS256"}), &claims("admin"), With::Nothing),
        ),
        (
            "of another algorithm",
            issuer.token(json!({"alg": "HS512"}), &claims("admin"), With::Hmac(SECRET.as_bytes())),
        ),
        (
            "with something critical",
            issuer.token(
                json!({"alg": "HS256", "crit": ["b64"], "b64": false}),
                &claims("admin"),
                With::Hmac(SECRET.as_bytes()),
            ),
        ),
        ("nonsense", "a.b.c".to_owned()),
        ("dots", "..".to_owned()),
    ] {
        assert!(!may(client, &token).await, "{what}");
    }
    let good = issuer.hs256(&claims("reader"));
    assert!(may(client, &good).await);
    // Each letter of it counts.
    let parts: Vec<_> = good.split('.').collect();
    let better = text(claims("admin").to_string());
    assert!(!may(client, &format!("{}.{better}.{}", parts[0], parts[2])).await);
    gateway.logged_no_failure();
}

pub async fn a_public_key_is_no_shared_secret(pg: Pg) {
    let db = pg.database().await;
    let issuer = Issuer::new();
    let gateway = issuer.gateway(&db, &[]).await;
    let file = std::fs::read(issuer.jwks.path()).unwrap();
    let public = issuer.rsa.public_key().as_ref().to_vec();
    let ed = issuer.ed.public_key().as_ref().to_vec();
    for key in [public, modulus(&issuer.rsa), ed, file] {
        for kid in ["r1", "e1", "none"] {
            let header = json!({"alg": "HS256", "kid": kid});
            let token = issuer.token(header, &claims("admin"), With::Hmac(&key));
            assert!(!may(&gateway.reader, &token).await, "{kid}");
        }
    }
    // Nor is one kind of key another's.
    for (alg, kid, with) in [
        ("RS256", "e1", With::Ed),
        ("EdDSA", "r1", With::Rsa),
        ("RS256", "r1", With::Ed),
        ("EdDSA", "e1", With::Rsa),
    ] {
        let token = issuer.token(json!({"alg": alg, "kid": kid}), &claims("admin"), with);
        assert!(!may(&gateway.reader, &token).await, "{alg} {kid}");
    }
}

pub async fn issuer_and_audience(pg: Pg) {
    let db = pg.database().await;
    let issuer = Issuer::new();
    let asked = ["--jwt-issuer", "https://id.test", "--jwt-audience", "shop"];
    let gateway = issuer.gateway(&db, &asked).await;
    for (iss, aud, holds) in [
        (json!("https://id.test"), json!("shop"), true),
        (json!("https://id.test"), json!(["till", "shop"]), true),
        (json!("https://id.test"), json!("till"), false),
        (json!("https://id.test"), Value::Null, false),
        (json!("https://evil.test"), json!("shop"), false),
        (Value::Null, json!("shop"), false),
    ] {
        let mut said = claims("reader");
        for (name, value) in [("iss", &iss), ("aud", &aud)] {
            if !value.is_null() {
                said[name] = value.clone();
            }
        }
        assert_eq!(may(&gateway.reader, &issuer.hs256(&said)).await, holds, "{iss} {aud}");
    }
}

pub async fn a_service_without_tokens(pg: Pg) {
    let db = pg.database().await;
    let issuer = Issuer::new();
    let gateway = Gateway::before(&db).await;
    assert!(!may(&gateway.reader, &issuer.hs256(&claims("admin"))).await);
    for arguments in [
        ["--jwt-secret", "short"],
        ["--jwks-file", "/nowhere"],
        ["--cors-origin", "\n"],
        ["--tls-cert", "x"],
    ] {
        let mut command = Gateway::command(&db);
        let ended = inventory_tests::commands::run(command.args(arguments)).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
    }
}

pub async fn the_database_users_have_no_more_rights(pg: Pg) {
    let db = pg.database().await;
    for user in [User::Operator, User::Admin] {
        let mut session = db.session(user).await;
        session.check("SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles WHERE rolname = current_user", "f").await;
        for sql in [
            "SELECT 1 FROM inventory.stock",
            "UPDATE inventory.stock SET on_hand = 9",
            "DELETE FROM inventory.journal",
            "SELECT 1 FROM inventory.api_key",
        ] {
            session.check_refused(sql, "42501", "").await;
        }
    }
    let mut operator = db.operator().await;
    operator.check_refused("SELECT inventory.put_product('A', 'A')", "42501", "").await;
    operator.check_refused("SELECT * FROM inventory.api_keys()", "42501", "").await;
}
