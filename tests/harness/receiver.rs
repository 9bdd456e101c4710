//! A receiver of webhooks that writes down what it gets and answers as a test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What was sent.
#[derive(Clone, Debug)]
pub struct Post {
    /// Method, path and version.
    pub line: String,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Post {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The event in it.
    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a CloudEvent")
    }
}

/// Says status line and headers, as in `503 Busy\r\nRetry-After: 7`; empty: closes without an answer.
type Answers = Arc<dyn Fn(&Post) -> String + Send + Sync>;

/// Listens on a port of its own; ended when dropped.
pub struct Receiver {
    pub address: SocketAddr,
    posts: Arc<Mutex<Vec<Post>>>,
    listening: JoinHandle<()>,
}

impl Receiver {
    pub async fn start(answers: impl Fn(&Post) -> String + Send + Sync + 'static) -> Receiver {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let (posts, answers): (Arc<Mutex<Vec<Post>>>, Answers) =
            (Arc::default(), Arc::new(answers));
        let kept = Arc::clone(&posts);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&kept)));
            }
        });
        Receiver { address, posts, listening }
    }

    /// What came so far, in the order in which it was complete.
    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(stream: TcpStream, answers: Answers, posts: Arc<Mutex<Vec<Post>>>) {
    let mut stream = BufReader::new(stream);
    while let Some(post) = read(&mut stream).await {
        let answer = answers(&post);
        posts.lock().unwrap_or_else(PoisonError::into_inner).push(post);
        if answer.is_empty() {
            return;
        }
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 2\r\n\r\nok");
        if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Post> {
    let line = head_line(stream).await?;
    let mut headers = Vec::new();
    loop {
        let line = head_line(stream).await?;
        match line.split_once(':') {
            Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let mut post = Post { line, headers, body: Vec::new() };
    let length = post.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    post.body.resize(length, 0);
    stream.read_exact(&mut post.body).await.ok()?;
    Some(post)
}

async fn head_line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}
