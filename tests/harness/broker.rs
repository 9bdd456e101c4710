//! Brokers of a test's own: a Redis, a NATS with JetStream, a RabbitMQ; each keeps what it was given through a
//! kill, and tells what it has.

use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use futures::StreamExt;
use lapin::options::{
    BasicConsumeOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties, ExchangeKind};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

use crate::authority::Authority;
use crate::commands::find_program;
use crate::pooler::free_port;
use crate::redis;

const USER: &str = "relay";
const PASSWORD: &str = "of-the-tests";
/// Of a Redis stream: its id, and its fields with their values.
type Entry = (String, Vec<(String, Vec<u8>)>);
/// RabbitMQ takes its time.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Redis,
    Nats,
    RabbitMq,
}

/// Takes events, may go away with what it has, and tells all of it.
pub trait Takes {
    /// Where a sink finds it.
    fn target(&self) -> String;

    /// Ends it as a power cut would.
    fn kill(&mut self);

    /// Starts it, with what it had.
    fn resume(&mut self) -> impl Future<Output = ()>;

    /// Everything it has, those of a SKU in its order.
    fn events(&self) -> impl Future<Output = Vec<Value>>;

    /// Where one may hear who asks for it while it is away.
    fn door(&self) -> Option<u16> {
        None
    }
}

/// A running broker that takes events; ended when dropped.
pub struct Broker {
    kind: Kind,
    program: PathBuf,
    port: u16,
    /// RabbitMQ's own register of nodes, and what its nodes talk by.
    register: u16,
    between: u16,
    /// What it has to show to those who ask for TLS, and where; NATS has one port for all.
    shown: Option<(PathBuf, PathBuf)>,
    secure: u16,
    folder: TempDir,
    children: Vec<Child>,
}

impl Broker {
    /// None where the machine has none, which is said.
    pub async fn start(kind: Kind) -> Option<Broker> {
        Broker::with(kind, None).await
    }

    /// One that may be talked to by TLS too, with a certificate of this authority's.
    pub async fn vouched_for(kind: Kind, by: &Authority) -> Option<Broker> {
        Broker::with(kind, Some(by.server())).await
    }

    async fn with(kind: Kind, shown: Option<(PathBuf, PathBuf)>) -> Option<Broker> {
        let mut broker = Broker {
            kind,
            program: program(kind)?,
            port: free_port(),
            register: free_port(),
            between: free_port(),
            shown,
            secure: free_port(),
            folder: tempfile::tempdir().expect("a temporary folder"),
            children: Vec::new(),
        };
        broker.resume().await;
        Some(broker)
    }

    /// Where a sink finds it that wants TLS.
    pub fn secure_target(&self) -> String {
        let secure = |from: &str, to: &str| {
            let to = self.target().replace(from, to);
            to.replace(&format!(":{}/", self.port), &format!(":{}/", self.secure))
        };
        match self.kind {
            Kind::Redis => secure("redis:", "rediss:"),
            Kind::Nats => self.target().replace("nats:", "tls:"),
            Kind::RabbitMq => secure("amqp:", "amqps:"),
        }
    }

    fn redis(&self) -> Command {
        let mut command = Command::new(&self.program);
        // Debian's file has another name, and the program asks its own name what it is.
        command.arg0("redis-server").current_dir(self.folder.path());
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--requirepass", PASSWORD, "--appendonly", "yes", "--appendfsync", "always"]);
        if let Some((certificate, key)) = &self.shown {
            command.args(["--tls-port", &self.secure.to_string(), "--tls-auth-clients", "no"]);
            command.arg("--tls-cert-file").arg(certificate).arg("--tls-key-file").arg(key);
            command.arg("--tls-ca-cert-file").arg(certificate);
        }
        command
    }

    fn nats(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"]);
        command.arg(self.folder.path()).args(["--user", USER, "--pass", PASSWORD]);
        if let Some((certificate, key)) = &self.shown {
            let settings = format!(
                "allow_non_tls: true\ntls {{ cert_file: {certificate:?}, key_file: {key:?} }}\n"
            );
            let file = self.folder.path().join("nats.conf");
            std::fs::write(&file, settings).expect("a folder of our own");
            command.arg("-c").arg(file);
        }
        command
    }

    fn register(&self) -> Command {
        let mut command = Command::new("epmd");
        command.args(["-port", &self.register.to_string(), "-address", "127.0.0.1"]);
        command
    }

    fn rabbitmq(&self) -> Command {
        let folder = self.folder.path();
        let mut settings = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\ndefault_user = {USER}\ndefault_pass = {PASSWORD}\n",
            self.port
        );
        if let Some((certificate, key)) = &self.shown {
            settings += &format!(
                "listeners.ssl.1 = 127.0.0.1:{}\nssl_options.certfile = {}\nssl_options.keyfile = {}\n",
                self.secure,
                certificate.display(),
                key.display()
            );
        }
        std::fs::write(folder.join("rabbitmq.conf"), settings).expect("a folder of our own");
        std::fs::write(folder.join("plugins"), "[].").expect("a folder of our own");
        let mut command = Command::new(&self.program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", folder);
        command.env("ERL_EPMD_PORT", self.register.to_string());
        command.env("RABBITMQ_DIST_PORT", self.between.to_string());
        command.env("RABBITMQ_NODENAME", "inventory@localhost").env("RABBITMQ_LOGS", "-");
        command.env("RABBITMQ_CONF_ENV_FILE", "/dev/null");
        for (name, file) in [
            ("RABBITMQ_CONFIG_FILE", "rabbitmq.conf"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "plugins"),
            ("RABBITMQ_MNESIA_BASE", "data"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_PID_FILE", "pid"),
        ] {
            command.env(name, folder.join(file));
        }
        command
    }

    async fn answers(&self) -> bool {
        match self.kind {
            Kind::Redis | Kind::Nats => TcpStream::connect(("127.0.0.1", self.port)).is_ok(),
            Kind::RabbitMq => self.amqp().await.is_ok(),
        }
    }

    /// What its operator makes, where it is not there: a stream, or an exchange with a queue that takes all.
    async fn prepare(&self) {
        match self.kind {
            Kind::Redis => {}
            Kind::Nats => {
                let stream = jetstream::stream::Config {
                    name: "EVENTS".into(),
                    subjects: vec!["shop.events.>".into()],
                    max_message_size: 100_000,
                    ..Default::default()
                };
                self.jetstream().await.get_or_create_stream(stream).await.expect("a stream");
            }
            Kind::RabbitMq => {
                let channel = self.channel().await;
                let exchange = ExchangeDeclareOptions { durable: true, ..Default::default() };
                let (name, none) = ("events", FieldTable::default);
                let declared = channel
                    .exchange_declare(name.into(), ExchangeKind::Topic, exchange, none())
                    .await;
                declared.expect("an exchange");
                let queue = QueueDeclareOptions { durable: true, ..Default::default() };
                channel.queue_declare(name.into(), queue, none()).await.expect("a queue");
                self.bind("#").await;
            }
        }
    }

    /// RabbitMQ: the queue takes these types too.
    pub async fn bind(&self, types: &str) {
        let options = QueueBindOptions::default();
        let (name, none) = ("events", FieldTable::default());
        let bound = self.channel().await;
        let bound = bound.queue_bind(name.into(), name.into(), types.into(), options, none).await;
        bound.expect("a binding");
    }

    /// RabbitMQ: the queue no longer takes these types.
    pub async fn unbind(&self, types: &str) {
        let (name, none) = ("events", FieldTable::default());
        let bound = self.channel().await;
        bound.queue_unbind(name.into(), name.into(), types.into(), none).await.expect("no binding");
    }

    async fn entries(&self) -> Vec<Vec<u8>> {
        let url = format!("redis://:{PASSWORD}@127.0.0.1:{}", self.port);
        let client = ::redis::Client::open(url).expect("an address");
        let mut connection =
            client.get_multiplexed_async_connection().await.expect("Redis answers");
        let (mut events, mut from) = (Vec::new(), "-".to_owned());
        loop {
            let mut page = ::redis::cmd("XRANGE");
            page.arg("events").arg(&from).arg("+").arg("COUNT").arg(1_000);
            let page: Vec<Entry> = page.query_async(&mut connection).await.expect("Redis answers");
            let Some((last, _)) = page.last() else { return events };
            from = format!("({last}");
            let fields = page.into_iter().flat_map(|(_, fields)| fields);
            events.extend(fields.filter(|(name, _)| name == "event").map(|(_, event)| event));
        }
    }

    async fn jetstream(&self) -> jetstream::Context {
        let login =
            async_nats::ConnectOptions::with_user_and_password(USER.into(), PASSWORD.into());
        let client = login.connect(format!("nats://127.0.0.1:{}", self.port)).await;
        jetstream::new(client.expect("NATS answers"))
    }

    async fn messages(&self) -> Vec<Vec<u8>> {
        let context = self.jetstream().await;
        let stream = context.get_stream("EVENTS").await.expect("a stream");
        let count = usize::try_from(stream.cached_info().state.messages).expect("not that many");
        let reader = jetstream::consumer::pull::OrderedConfig::default();
        let consumer = stream.create_consumer(reader).await.expect("a consumer");
        let messages = consumer.messages().await.expect("messages").take(count);
        messages.map(|message| message.expect("a message").payload.to_vec()).collect().await
    }

    async fn amqp(&self) -> lapin::Result<Connection> {
        let url = format!("amqp://{USER}:{PASSWORD}@127.0.0.1:{}", self.port);
        Connection::connect(&url, ConnectionProperties::default()).await
    }

    async fn channel(&self) -> lapin::Channel {
        let connection = self.amqp().await.expect("RabbitMQ answers");
        connection.create_channel().await.expect("a channel")
    }

    async fn queued(&self) -> Vec<Vec<u8>> {
        let channel = self.channel().await;
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        let queue = channel.queue_declare("events".into(), passive, FieldTable::default()).await;
        let count =
            usize::try_from(queue.expect("a queue").message_count()).expect("not that many");
        let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
        let consumer =
            channel.basic_consume("events".into(), "".into(), options, FieldTable::default()).await;
        let messages = consumer.expect("a consumer").take(count);
        messages.map(|message| message.expect("a message").data).collect().await
    }
}

impl Takes for Broker {
    fn target(&self) -> String {
        let (place, port) = (format!("{USER}:{PASSWORD}@127.0.0.1"), self.port);
        match self.kind {
            Kind::Redis => format!("redis://:{PASSWORD}@127.0.0.1:{port}/events"),
            Kind::Nats => format!("nats://{place}:{port}/EVENTS/shop.events"),
            Kind::RabbitMq => format!("amqp://{place}:{port}/events"),
        }
    }

    fn kill(&mut self) {
        for mut child in self.children.drain(..) {
            let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            let _ = kill_process_group(group.expect("a process id"), Signal::KILL);
            let _ = child.wait();
        }
    }

    async fn resume(&mut self) {
        let commands = match self.kind {
            Kind::Redis => vec![self.redis()],
            Kind::Nats => vec![self.nats()],
            Kind::RabbitMq => vec![self.register(), self.rabbitmq()],
        };
        for mut command in commands {
            command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null());
            let child = command.stderr(Stdio::null()).spawn();
            self.children
                .push(child.unwrap_or_else(|e| panic!("{:?} does not start: {e}", self.kind)));
        }
        let begun = Instant::now();
        while !self.answers().await {
            assert!(begun.elapsed() < PATIENCE, "{:?} lets nobody in", self.kind);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.prepare().await;
    }

    /// In its order. RabbitMQ has it no longer after that.
    async fn events(&self) -> Vec<Value> {
        let texts = match self.kind {
            Kind::Redis => self.entries().await,
            Kind::Nats => self.messages().await,
            Kind::RabbitMq => self.queued().await,
        };
        texts.iter().map(|text| serde_json::from_slice(text).expect("a CloudEvent")).collect()
    }

    fn door(&self) -> Option<u16> {
        Some(self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The one that `make test` brought in, or the machine's own.
fn program(kind: Kind) -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
    match kind {
        Kind::Redis => redis::program(),
        Kind::Nats => named("INVENTORY_TEST_NATS").or_else(|| find_program("nats-server")),
        // Installed as a service it changes users before it starts, so only one that was unpacked will do.
        Kind::RabbitMq => {
            named("INVENTORY_TEST_RABBITMQ").filter(|_| find_program("epmd").is_some())
        }
    }
}
